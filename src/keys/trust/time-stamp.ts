/** RFC 3161 time-stamp tokens: the numbered steps of spec/trusted-time.md, section 2. */
import { type Bytes, concatBytes, equalBytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { acceptedHash, authorityKeyWeakness } from "./algorithms.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { readSignedData, type SignedData } from "./cms-signed-data.ts";
import { type DerValue, derTag, oidOf } from "./der.ts";
import { nameText } from "./distinguished-name.ts";
import { IssuerSignatures } from "./issuer-signature.ts";
import { cmsOid } from "./object-identifiers.ts";
import { anchorProblem, type TrustFailure, type ValidPath, validatePath } from "./path-validation.ts";
import type { Crl } from "./revocation.ts";
import { readSigningCertificateV2, readTimeStampInfo, type TimeStampInfo } from "./time-stamp-info.ts";

/** With a chain and RSA-4096 keys tokens take 6 KiB; two must fit into the container of late evidence. */
const tokenBytesMax = 24 * 1024;
/** How far an authority's clock may be ahead of ours. */
const skewMs = 5 * 60_000;
/** A first stamp, its renewals, and those of a second authority: what the container of late evidence holds. */
const tokensMax = 16;
/** Parsed certificates kept: an authority has one at a time. */
const parsedMax = 64;

/** Where a token was refused: the names of the steps. */
export type TimeStampStep =
  | "structure"
  | "content-type"
  | "imprint"
  | "nonce"
  | "policy"
  | "signing-certificate"
  | "signature"
  | "authority"
  | "path"
  | "revocation"
  | "time";

/** Whose time counts, by decision of the verifier; apart from the anchors of devices. */
export interface TimeStampTrustContent {
  /** DER. */
  readonly anchors: readonly Bytes[];
  /** Policies under which stamps are accepted; empty: any. */
  readonly policies?: readonly string[];
  readonly crls?: readonly Crl[];
}

export interface TimeStampQuestion {
  /** The stamped bytes. */
  readonly message: Bytes;
  /** Content of the request's INTEGER; undefined where there is no request at hand. */
  readonly nonce?: Bytes | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** A renewal shows that the token existed then. */
  readonly provenTime?: number | undefined;
}

export interface TimeStampFact {
  readonly ok: true;
  /** Milliseconds since 1970: what was stamped existed then, give or take `accuracy` milliseconds. */
  readonly genTime: number;
  readonly accuracy: number;
  readonly policy: string;
  readonly serial: string;
  /** Subject of the certificate that signed. */
  readonly authority: string;
  /** When that certificate ends: a renewal must come before. */
  readonly notAfter: number;
}

export interface TimeStampRefusal {
  readonly ok: false;
  readonly step: TimeStampStep;
  /** For an engineer. */
  readonly detail: string;
}

/** One set of pinned authorities; certificates and signatures by issuers are kept, nothing that depends on time is. */
export class TimeStampTrust {
  /** SHA-256 over all content: cached verdicts name it. */
  readonly version: string;
  readonly #anchors: readonly Certificate[];
  readonly #policies: readonly string[];
  readonly #crls: readonly Crl[];
  readonly #crypto: Crypto;
  readonly #signatures: IssuerSignatures;
  readonly #parsed = new Map<string, Certificate>();

  /** @throws ScansealError `certificate-invalid` for an anchor that could never validate anything */
  constructor(content: TimeStampTrustContent, crypto: Crypto) {
    this.#crypto = crypto;
    this.#signatures = new IssuerSignatures(crypto);
    this.#policies = content.policies ?? [];
    this.#crls = content.crls ?? [];
    this.#anchors = content.anchors.map((der) => {
      const anchor = parseCertificate(der.slice(), crypto);
      const problem = anchorProblem(anchor);
      if (problem !== undefined)
        throw new ScansealError("certificate-invalid", `the certificate cannot be an anchor: ${problem}`);
      return anchor;
    });
    const names = [...this.#anchors, ...this.#crls].map(({ fingerprint }) => fingerprint);
    const text = JSON.stringify([names, this.#policies]);
    this.version = toHex(
      crypto.hash(
        "SHA-256",
        Uint8Array.from(text, (ch) => ch.charCodeAt(0)),
      ),
    );
  }

  /** Whatever is wrong with the token is data. */
  async check(token: Bytes, question: TimeStampQuestion): Promise<TimeStampFact | TimeStampRefusal> {
    try {
      return await this.#check(token, question);
    } catch (error) {
      if (!(error instanceof ScansealError) || error.code !== "certificate-invalid") throw error;
      const at = error.offset === undefined ? "" : ` (at byte ${error.offset})`;
      return refusal("structure", `${error.message}${at}`);
    }
  }

  /** Says nothing of who stamped it. */
  isStampOf(token: Bytes, message: Bytes): boolean {
    try {
      if (token.length > tokenBytesMax) return false;
      const { imprint } = readTimeStampInfo(readSignedData(token).content);
      return (
        imprint.hash !== undefined && equalBytes(imprint.digest, this.#crypto.hash(imprint.hash, message))
      );
    } catch (error) {
      if (error instanceof ScansealError && error.code === "certificate-invalid") return false;
      throw error;
    }
  }

  async #check(token: Bytes, question: TimeStampQuestion): Promise<TimeStampFact | TimeStampRefusal> {
    // 1. Structure: strict DER, one signer, bounds.
    if (token.length > tokenBytesMax) return refusal("structure", `more than ${tokenBytesMax} bytes`);
    const data = readSignedData(token);
    // 2. Content type, outside and among the signed attributes.
    const typed = contentTypeProblem(data);
    if (typed !== undefined) return refusal("content-type", typed);
    const info = readTimeStampInfo(data.content);
    // 3. to 5. It answers this question.
    const answered = this.#answerProblem(info, question);
    if (answered) return answered;
    // 6. The certificate that the token itself names.
    const named = this.#namedCertificate(data);
    if ("ok" in named) return named;
    // 7. Digest of the content, and signature over the attributes.
    const signed = await this.#signatureProblem(data, named);
    if (signed !== undefined) return refusal("signature", signed);
    // 10. first, since a path cannot be judged at a time that is still to come.
    if (info.genTime > question.now + skewMs + info.accuracy)
      return refusal("time", "the token's time lies in our future");
    // 8. and 9. Purpose, path to a pinned anchor when it was made, revocation.
    const path = await this.#path(named, data, info, question);
    if (!path.ok) return refusal(stepOf(path), `${path.reason}: ${path.detail}`);
    const { genTime, accuracy, policy, serial } = info;
    const { notAfter } = named;
    return { ok: true, genTime, accuracy, policy, serial, authority: nameText(named.subject), notAfter };
  }

  #answerProblem(info: TimeStampInfo, { message, nonce }: TimeStampQuestion): TimeStampRefusal | undefined {
    const { imprint } = info;
    // 3. Message imprint, under a hash of today.
    if (imprint.hash === undefined) return refusal("imprint", "its digest is none that is accepted");
    if (!equalBytes(imprint.digest, this.#crypto.hash(imprint.hash, message)))
      return refusal("imprint", "it is a stamp of something else");
    // 4. Nonce, when one was asked for.
    if (nonce !== undefined && (info.nonce === undefined || !equalBytes(nonce, info.nonce)))
      return refusal("nonce", "it is the answer to another request");
    // 5. Policy.
    if (this.#policies.length > 0 && !this.#policies.includes(info.policy))
      return refusal("policy", `policy ${info.policy} is not accepted`);
    return undefined;
  }

  /** Step 6: signing-certificate-v2 and the signer's name lead to the same certificate; SHA-1 identifiers do not count. */
  #namedCertificate({ signer, certificates }: SignedData): Certificate | TimeStampRefusal {
    const step = "signing-certificate";
    const attribute = signer.attributes.get(cmsOid.signingCertificateV2);
    if (attribute === undefined) {
      const isOld = signer.attributes.has(cmsOid.signingCertificate);
      return refusal(step, isOld ? "its certificate is named by SHA-1 only" : "no certificate is named");
    }
    const id = readSigningCertificateV2(attribute);
    const { hash } = id;
    if (hash === undefined) return refusal(step, "the certificate is named by a digest that is not accepted");
    const der = certificates.find((one) => toHex(this.#crypto.hash(hash, one)) === id.digest);
    if (!der) return refusal(step, "the named certificate is not in the token");
    const certificate = this.#parse(der);
    const isSame =
      equalBytes(certificate.issuer.der, signer.issuer.der) &&
      certificate.serial === signer.serial &&
      (id.issuer === undefined || equalBytes(id.issuer.der, certificate.issuer.der)) &&
      (id.serial === undefined || id.serial === certificate.serial);
    return isSame ? certificate : refusal(step, "the signer is another certificate than the named one");
  }

  async #signatureProblem(
    { signer, content }: SignedData,
    certificate: Certificate,
  ): Promise<string | undefined> {
    const digest = signer.attributes.get(cmsOid.messageDigest);
    if (digest === undefined || digest.tag !== derTag.octetString) return "there is no message digest";
    if (signer.digest === undefined) return "its digest is none that is accepted";
    if (!equalBytes(digest.content, this.#crypto.hash(signer.digest, content.content)))
      return "the message digest does not fit";
    const weakness = authorityKeyWeakness(certificate.key);
    if (weakness !== undefined) return weakness;
    const accepted = acceptedHash(signer.signatureAlgorithm, certificate.key);
    if ("weakness" in accepted) return accepted.weakness;
    try {
      const check = this.#crypto.createSignatureCheck(certificate.key.spki, accepted.hash);
      check.update(signer.signedBytes);
      return (await check.verify(signer.signature)) ? undefined : "the signature does not fit";
    } catch (error) {
      if (error instanceof ScansealError && error.code === "key-unusable") return "the key cannot be used";
      throw error;
    }
  }

  /** Steps 8 and 9. RFC 3161 4: for a key that may have been in other hands only a renewal says that the token is older. */
  async #path(
    certificate: Certificate,
    { certificates }: SignedData,
    { genTime }: TimeStampInfo,
    { now, provenTime }: TimeStampQuestion,
  ): Promise<ValidPath | TrustFailure> {
    const request = {
      certificate,
      intermediates: certificates.flatMap((der) => this.#tryParse(der) ?? []),
      anchors: this.#anchors,
      crls: this.#crls,
      now: Math.max(now, genTime),
      isTimeStamping: true,
      revocation: "when-available",
      signatures: this.#signatures,
    } as const;
    const own = await validatePath({ ...request, trustedTime: genTime, timeClass: "self" });
    const isRevoked = !own.ok && own.reason === "certificate-revoked";
    if (!isRevoked || provenTime === undefined || provenTime < genTime || provenTime > now) return own;
    return validatePath({ ...request, trustedTime: provenTime, timeClass: "T1" });
  }

  /** @throws ScansealError `certificate-invalid` */
  #parse(der: Bytes): Certificate {
    const name = toHex(this.#crypto.hash("SHA-256", der));
    const known = this.#parsed.get(name);
    if (known !== undefined) return known;
    const certificate = parseCertificate(der.slice(), this.#crypto);
    if (this.#parsed.size >= parsedMax) this.#parsed.clear();
    this.#parsed.set(name, certificate);
    return certificate;
  }

  /** A certificate beside the path may be of a kind that we do not read. */
  #tryParse(der: Bytes): Certificate | undefined {
    try {
      return this.#parse(der);
    } catch (error) {
      if (error instanceof ScansealError && error.code === "certificate-invalid") return undefined;
      throw error;
    }
  }
}

/** RFC 5652 11.1: the signed attribute repeats the type. */
function contentTypeProblem({ contentType, signer }: SignedData): string | undefined {
  if (contentType !== cmsOid.timeStampInfo) return "the content is no time-stamp info";
  const attribute: DerValue | undefined = signer.attributes.get(cmsOid.contentType);
  const isSame = attribute?.tag === derTag.oid && oidOf(attribute) === contentType;
  return isSame ? undefined : "the signed attribute names another content type";
}

/** `authority`: it may be somebody's, but nobody's whom this verifier pinned. */
function stepOf({ reason }: TrustFailure): TimeStampStep {
  if (reason === "signer-not-recognised") return "authority";
  return reason === "certificate-revoked" || reason === "revocation-unknown" ? "revocation" : "path";
}

function refusal(step: TimeStampStep, detail: string): TimeStampRefusal {
  return { ok: false, step, detail };
}

/** The end of the time span that a token names: what it is over existed then, and perhaps not before. */
export function existedAt({ genTime, accuracy }: TimeStampFact): number {
  return genTime + accuracy;
}

/** A token among others, with the tokens it renews, the oldest first. */
export interface PlacedToken {
  readonly token: Bytes;
  readonly renews: readonly Bytes[];
  readonly result: TimeStampFact | TimeStampRefusal;
}

/** What a renewal stamps: the first message and the tokens so far, one behind the other (spec/trusted-time.md, section 3). */
export function renewedMessage(message: Bytes, tokens: readonly Bytes[]): Bytes {
  return concatBytes([message, ...tokens]);
}

/**
 * Tokens over one message and their renewals, in any order; at most the first 16 are looked at. A renewal that holds vouches for
 * the time of those that it renews.
 */
export async function checkTimeStamps(
  tokens: readonly Bytes[],
  question: Pick<TimeStampQuestion, "message" | "now">,
  trust: TimeStampTrust,
): Promise<PlacedToken[]> {
  const places: { token: Bytes; renews: readonly Bytes[] }[] = [];
  const open = new Set(tokens.slice(0, tokensMax));
  // Each round places the tokens over what earlier rounds placed: the chain grows by one.
  let tails: readonly Bytes[][] = [[]];
  while (open.size > 0 && tails.length > 0) {
    const next: Bytes[][] = [];
    for (const token of open) {
      const renews = tails.find((tail) => trust.isStampOf(token, renewedMessage(question.message, tail)));
      if (!renews) continue;
      places.push({ token, renews });
      next.push([...renews, token]);
    }
    for (const { token } of places) open.delete(token);
    tails = next;
  }
  const found: PlacedToken[] = [];
  const provenAt = new Map<Bytes, number>();
  // The last renewal first: it is judged by today, the others also by it.
  for (const { token, renews } of places.toReversed()) {
    const message = renewedMessage(question.message, renews);
    const provenTime = provenAt.get(token);
    const result = await trust.check(token, { message, now: question.now, provenTime });
    if (result.ok)
      // It is in our hands now: not later than that.
      for (const older of renews)
        provenAt.set(older, Math.min(existedAt(result), provenAt.get(older) ?? question.now, question.now));
    found.push({ token, renews, result });
  }
  for (const token of open) found.push({ token, renews: [], result: await trust.check(token, question) });
  return found;
}
