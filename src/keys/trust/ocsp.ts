/** What an OCSP response says of a certificate: the numbered steps of spec/keys-and-certificates.md, section 6. */
import { type Bytes, equalBytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { acceptedHash, authorityKeyWeakness } from "./algorithms.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { bitStringBytesOf, DerReader, derTag } from "./der.ts";
import { nameText } from "./distinguished-name.ts";
import type { IssuerSignatures } from "./issuer-signature.ts";
import { commonKeyPurposeOid } from "./object-identifiers.ts";
import {
  type CertificateId,
  type CertificateIdHash,
  type OcspResponse,
  readOcspResponse,
  type SingleAnswer,
} from "./ocsp-response.ts";
import { mayIssue } from "./path-validation.ts";
import { type Crl, checkRevocation, type Revocation } from "./revocation.ts";
import { rolesOf } from "./roles.ts";

/** How far a responder's clock may be from ours. */
export const ocspSkewMs: number = 5 * 60_000;
/** RFC 6960 4.2.2.1: without a next update there is always something newer, so an answer that was just asked for is young. */
const undatedMsMax = 24 * 3_600_000;

/** Where a response was refused: the names of the steps. */
export type OcspStep =
  | "structure"
  | "status"
  | "issuer"
  | "certificate"
  | "extension"
  | "nonce"
  | "responder"
  | "signature"
  | "time";

export interface OcspQuestion {
  readonly certificate: Certificate;
  /** Its issuer and those above, validated (`authoritiesAbove`). */
  readonly authorities: readonly [issuer: Certificate, ...above: Certificate[]];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of a request whose answer this is: it must be current then. Undefined for one that somebody kept. */
  readonly request?: { readonly nonce: Bytes } | undefined;
  /** About the responder's own certificate. */
  readonly crls: readonly Crl[];
  readonly signatures: IssuerSignatures;
}

export interface OcspFact {
  readonly ok: true;
  readonly status: "good" | "revoked" | "unknown";
  /** Of a revoked one. */
  readonly revocation: Revocation | undefined;
  /** Milliseconds since 1970: it was so then. */
  readonly thisUpdate: number;
  /** Until when it may be taken for so. */
  readonly nextUpdate: number | undefined;
  /** Subject of whoever signed: the issuer itself, or its delegate. */
  readonly responder: string;
}

export interface OcspRefusal {
  readonly ok: false;
  readonly step: OcspStep;
  /** For an engineer. */
  readonly detail: string;
}

/** Whatever is wrong with the response is data. */
export async function checkOcspResponse(
  response: Bytes,
  question: OcspQuestion,
  crypto: Crypto,
): Promise<OcspFact | OcspRefusal> {
  try {
    return await check(response, question, crypto);
  } catch (error) {
    if (!(error instanceof ScansealError) || error.code !== "certificate-invalid") throw error;
    const at = error.offset === undefined ? "" : ` (at byte ${error.offset})`;
    return refusal("structure", `${error.message}${at}`);
  }
}

async function check(bytes: Bytes, question: OcspQuestion, crypto: Crypto): Promise<OcspFact | OcspRefusal> {
  // 1. Structure: strict DER, bounds, a basic response.
  const response = readOcspResponse(bytes);
  // 2. It answers.
  if (typeof response === "string") return refusal("status", `the responder answers ${response}`);
  // 3. Exactly one answer about this certificate.
  const answers = response.answers.filter(({ id }) => isAbout(id, question, crypto));
  const [answer] = answers;
  if (!answer) return refusal("certificate", "it is about another certificate");
  if (answers.length > 1) return refusal("certificate", "it answers more than once");
  // 4. Nothing critical that is not understood.
  const [strange] = [...response.unknownCritical, ...answer.unknownCritical];
  if (strange !== undefined) return refusal("extension", `an extension is not supported (${strange})`);
  // 5. Nonce. Responders that answer in advance give none (RFC 5019 4): an old answer shows by its time.
  const { nonce } = response;
  if (nonce && question.request && !equalBytes(nonce, question.request.nonce))
    return refusal("nonce", "it is the answer to another request");
  // 6. Who may answer.
  const responder = await responderOf(response, question, crypto);
  if ("ok" in responder) return responder;
  // 7. Signature.
  const signed = await signatureProblem(response, responder, question.signatures, crypto);
  if (signed !== undefined) return refusal("signature", signed);
  // 8. Times.
  const timed = timeProblem(response, answer, question);
  if (timed !== undefined) return refusal("time", timed);
  const { status, revocation, thisUpdate, nextUpdate } = answer;
  return { ok: true, status, revocation, thisUpdate, nextUpdate, responder: nameText(responder.subject) };
}

/** RFC 6960 4.1.1: digests of the issuer's name and of its key without algorithm, tag and length. */
export function issuerDigests(
  issuer: Certificate,
  hash: CertificateIdHash,
  crypto: Crypto,
): Pick<CertificateId, "issuerName" | "issuerKey"> {
  return {
    issuerName: digest(hash, issuer.subject.der, crypto),
    issuerKey: digest(hash, keyBitsOf(issuer), crypto),
  };
}

function digest(hash: CertificateIdHash, bytes: Bytes, crypto: Crypto): Bytes {
  const running = crypto.createHash(hash);
  running.update(bytes);
  return running.digest();
}

function keyBitsOf({ key }: Certificate): Bytes {
  const spki = new DerReader(key.spki).enter("public key");
  spki.read("key algorithm", derTag.sequence);
  return bitStringBytesOf(spki.read("public key", derTag.bitString));
}

function isAbout(id: CertificateId, { certificate, authorities }: OcspQuestion, crypto: Crypto): boolean {
  if (id.hash === undefined || id.serial !== certificate.serial) return false;
  const own = issuerDigests(authorities[0], id.hash, crypto);
  return equalBytes(id.issuerName, own.issuerName) && equalBytes(id.issuerKey, own.issuerKey);
}

/** RFC 6960 4.2.2.2: the issuer itself, or whom it named for that. A certificate that is neither, nor above them, is refused: nothing is carried unseen. */
async function responderOf(
  response: OcspResponse,
  question: OcspQuestion,
  crypto: Crypto,
): Promise<Certificate | OcspRefusal> {
  const { authorities } = question;
  const [issuer] = authorities;
  const isNamed = (one: Certificate): boolean => isResponder(response, one, crypto);
  const carried = response.certificates
    .filter((der) => !authorities.some((one) => equalBytes(one.der, der)))
    .map((der) => parseCertificate(der.slice(), crypto));
  const others = carried.filter((one) => !isNamed(one));
  if (isNamed(issuer) && carried.length === 0) {
    const usage = issuer.extensions.keyUsage ?? [];
    const maySign = usage.includes("cRLSign") || usage.includes("digitalSignature");
    return maySign ? issuer : refusal("responder", "the issuer may not sign revocations");
  }
  const [delegate] = carried;
  if (!delegate || carried.length > 1 || others.length > 0)
    return refusal("responder", "it is by nobody who came with it or is the issuer");
  const problem = await delegateProblem(delegate, response.producedAt, question);
  return problem === undefined ? delegate : refusal("responder", problem);
}

function isResponder({ responder }: OcspResponse, certificate: Certificate, crypto: Crypto): boolean {
  if (responder.kind === "name") return equalBytes(responder.name.der, certificate.subject.der);
  return equalBytes(responder.hash, digest("SHA-1", keyBitsOf(certificate), crypto));
}

/** RFC 6960 4.2.2.2 and 4.2.2.2.1: issued directly by the same issuer, for this and for nothing of ours. */
async function delegateProblem(
  delegate: Certificate,
  at: number,
  { authorities, crls, now, signatures }: OcspQuestion,
): Promise<string | undefined> {
  const [issuer] = authorities;
  const e = delegate.extensions;
  if (!mayIssue(issuer, delegate)) return "the responder's certificate is of another issuer";
  const accepted = acceptedHash(delegate.signatureAlgorithm, issuer.key);
  if ("weakness" in accepted) return `the responder's certificate is ${accepted.weakness}`;
  if (!(await signatures.isSignedBy(delegate, issuer, accepted.hash)))
    return "the signature of the responder's certificate does not fit";
  if (!e.keyPurposes?.includes(commonKeyPurposeOid.ocspSigning)) return "its key is not for OCSP";
  // DESIGN 3: a key that signs images does not also say that it may.
  if (rolesOf(e.keyPurposes).length > 0) return "its key is also for one of our roles";
  if (!e.keyUsage?.includes("digitalSignature")) return "its key usage lacks digitalSignature";
  if (e.keyUsage.includes("keyCertSign") || e.basicConstraints?.isAuthority === true)
    return "the responder is another authority";
  if (e.unknownCritical.length > 0 || e.hasNameConstraints)
    return "a critical extension of the responder's certificate is not supported";
  if (at < delegate.notBefore || at >= delegate.notAfter)
    return "the responder's certificate was not valid then";
  const own = { certificate: delegate, issuer, crls, now, trustedTime: undefined, signatures };
  const { state } = await checkRevocation(own);
  if (state === "revoked") return "the responder's certificate is revoked";
  const isKnown = state === "good" || e.hasOcspNoCheck;
  return isKnown ? undefined : "nobody says that the responder's certificate is not revoked";
}

async function signatureProblem(
  response: OcspResponse,
  responder: Certificate,
  signatures: IssuerSignatures,
  crypto: Crypto,
): Promise<string | undefined> {
  const weakness = authorityKeyWeakness(responder.key);
  if (weakness !== undefined) return weakness;
  const accepted = acceptedHash(response.signatureAlgorithm, responder.key);
  if ("weakness" in accepted) return accepted.weakness;
  const fingerprint = toHex(crypto.hash("SHA-256", response.der));
  const { tbs, signature } = response;
  const isSigned = await signatures.isSignedBy({ fingerprint, tbs, signature }, responder, accepted.hash);
  return isSigned ? undefined : "the signature does not fit";
}

function timeProblem(
  { producedAt }: OcspResponse,
  { status, thisUpdate, nextUpdate }: SingleAnswer,
  { certificate, authorities, now, request }: OcspQuestion,
): string | undefined {
  if (producedAt > now + ocspSkewMs) return "it is from the future";
  // RFC 6960 4.2.2.1
  if (thisUpdate > producedAt + ocspSkewMs) return "it was made before what it says was known";
  if (nextUpdate !== undefined && nextUpdate <= thisUpdate) return "it ends before it begins";
  if (authorities.some(({ notBefore, notAfter }) => producedAt < notBefore || producedAt >= notAfter))
    return "its authority was not valid then";
  // RFC 6960 4.4.4: of a certificate that has ended nobody has to remember that it was revoked.
  if (status === "good" && thisUpdate >= certificate.notAfter) return "the certificate had ended then";
  if (!request) return undefined;
  const end = nextUpdate ?? thisUpdate + undatedMsMax;
  return now > end + ocspSkewMs ? "it is out of date" : undefined;
}

function refusal(step: OcspStep, detail: string): OcspRefusal {
  return { ok: false, step, detail };
}
