/** Certificate revocation lists (RFC 5280 5): complete, direct lists only. */
import type { Bytes } from "../../foundation/bytes.ts";
import { equalBytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { acceptedHash, type SignatureAlgorithm } from "./algorithms.ts";
import { type Certificate, readSigned, requireSameAlgorithm } from "./certificate.ts";
import {
  type AuthorityKeyIdentifier,
  readAuthorityKeyIdentifier,
  readExtensionList,
} from "./certificate-extensions.ts";
import {
  type DerReader,
  type DerValue,
  derTag,
  integerOf,
  readerOf,
  refuse,
  serialOf,
  timeOf,
} from "./der.ts";
import { type DistinguishedName, readName } from "./distinguished-name.ts";
import type { IssuerSignatures } from "./issuer-signature.ts";
import { extensionOid } from "./object-identifiers.ts";

/** About 100,000 entries. A site's own list has dozens. */
const crlBytesMax: number = 4 * 1024 * 1024;

/** RFC 5280 5.3.1, by number; 7 is not used, 8 (removeFromCRL) is for delta lists. */
const reasonNames = [
  "unspecified",
  "keyCompromise",
  "cACompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
  "certificateHold",
  undefined,
  undefined,
  "privilegeWithdrawn",
  "aACompromise",
] as const;

export type RevocationReason = NonNullable<(typeof reasonNames)[number]>;

/** The number of a reason in a CRL. */
export function reasonNumber(reason: RevocationReason): number {
  return reasonNames.indexOf(reason);
}

export interface Revocation {
  /** Milliseconds since 1970. */
  readonly revokedAt: number;
  /** Since when the key may have been in other hands; at or before `revokedAt` in practice. */
  readonly invalidSince: number | undefined;
  readonly reason: RevocationReason;
}

export interface Crl {
  readonly der: Bytes;
  readonly tbs: Bytes;
  /** SHA-256 of `der`, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly issuer: DistinguishedName;
  readonly thisUpdate: number;
  /** RFC 5280 5.1.2.5 requires it; a list without one is never current. */
  readonly nextUpdate: number | undefined;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Bytes;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  /** Hexadecimal. */
  readonly number: string | undefined;
  /** The list keeps certificates after their expiry (X.509 9.5.2.8). */
  readonly keepsExpired: boolean;
  /** Critical extensions of the list or of an entry that this reader does not understand: delta, indirect and partial lists. */
  readonly unknownCritical: readonly string[];
  /** By serial number; of two entries the earlier one. */
  readonly revoked: ReadonlyMap<string, Revocation>;
}

/**
 * @throws ScansealError `certificate-invalid` with the offset of what does not fit
 */
export function parseCrl(der: Bytes, crypto: Crypto): Crl {
  const signed = readSigned(der, "the CRL", crlBytesMax);
  const tbs = readerOf(signed.tbs);
  // RFC 5280 5.1.2.1: version 2, INTEGER 1
  const version = integerOf(tbs.read("version", derTag.integer));
  if (version.length !== 1 || version[0] !== 1) refuse("the CRL is not of version 2");
  requireSameAlgorithm(tbs, signed);
  const issuer = readName(tbs, "the issuer");
  const thisUpdate = timeOf(tbs.read("this update"));
  const hasNext = tbs.nextTag === derTag.utcTime || tbs.nextTag === derTag.generalizedTime;
  const nextUpdate = hasNext ? timeOf(tbs.read("next update")) : undefined;
  const unknownCritical = new Set<string>();
  const entries = tbs.optional("revoked certificates", derTag.sequence);
  const revoked = readEntries(entries, unknownCritical);
  const extensions = readCrlExtensions(tbs, unknownCritical);
  tbs.end("the signed part");
  return {
    der,
    tbs: signed.tbs.whole,
    fingerprint: toHex(crypto.hash("SHA-256", der)),
    issuer,
    thisUpdate,
    nextUpdate,
    signatureAlgorithm: signed.signatureAlgorithm,
    signature: signed.signature,
    ...extensions,
    unknownCritical: [...unknownCritical],
    revoked,
  };
}

function readCrlExtensions(
  tbs: DerReader,
  unknownCritical: Set<string>,
): Pick<Crl, "authorityKeyIdentifier" | "number" | "keepsExpired"> {
  if (tbs.isDone) return { authorityKeyIdentifier: undefined, number: undefined, keepsExpired: false };
  const wrapper = tbs.enter("extensions", 0xa0);
  const list = readExtensionList(wrapper.enter("extensions"));
  wrapper.end("extensions");
  for (const { oid, isCritical } of list.values()) {
    const isKnown = oid === extensionOid.authorityKeyIdentifier || oid === extensionOid.crlNumber;
    if (isCritical && !isKnown) unknownCritical.add(oid);
  }
  const aki = list.get(extensionOid.authorityKeyIdentifier)?.value;
  const authorityKeyIdentifier = aki === undefined ? undefined : readAuthorityKeyIdentifier(aki);
  aki?.end("authority key identifier");
  const counter = list.get(extensionOid.crlNumber)?.value;
  const number =
    counter === undefined ? undefined : toHex(integerOf(counter.read("CRL number", derTag.integer)));
  counter?.end("CRL number");
  return { authorityKeyIdentifier, number, keepsExpired: list.has(extensionOid.expiredCertsOnCrl) };
}

function readEntries(list: DerValue | undefined, unknownCritical: Set<string>): Map<string, Revocation> {
  const revoked = new Map<string, Revocation>();
  if (list === undefined) return revoked;
  const entries = readerOf(list);
  // RFC 5280 5.1.2.6: absent, not empty.
  if (entries.isDone) refuse("the list of revoked certificates is empty", list.offset);
  while (!entries.isDone) {
    const entry = entries.enter("revoked certificate");
    const serial = serialOf(entry.read("serial number", derTag.integer));
    const revokedAt = timeOf(entry.read("revocation date"));
    const revocation = { revokedAt, ...readEntryExtensions(entry, unknownCritical) };
    const other = revoked.get(serial);
    if (other === undefined || effectiveFrom(revocation) < effectiveFrom(other))
      revoked.set(serial, revocation);
  }
  return revoked;
}

function readEntryExtensions(
  entry: DerReader,
  unknownCritical: Set<string>,
): Pick<Revocation, "invalidSince" | "reason"> {
  if (entry.isDone) return { invalidSince: undefined, reason: "unspecified" };
  const list = readExtensionList(entry.enter("entry extensions"));
  entry.end("revoked certificate");
  for (const { oid, isCritical } of list.values()) {
    const isKnown = oid === extensionOid.reasonCode || oid === extensionOid.invalidityDate;
    if (isCritical && !isKnown) unknownCritical.add(oid);
  }
  const since = list.get(extensionOid.invalidityDate)?.value;
  const invalidSince = since === undefined ? undefined : invalidityDateOf(since.read("invalidity date"));
  since?.end("invalidity date");
  const code = list.get(extensionOid.reasonCode)?.value;
  const reason = code === undefined ? "unspecified" : reasonOf(code.read("reason", derTag.enumerated));
  code?.end("reason");
  return { invalidSince, reason };
}

/** RFC 5280 5.3.2: a GeneralizedTime, whatever the year. */
export function invalidityDateOf(value: DerValue): number {
  if (value.tag !== derTag.generalizedTime)
    refuse("an invalidity date is not a GeneralizedTime", value.offset);
  return timeOf(value, { isAnyYear: true });
}

/** CRLReason, an ENUMERATED. @throws ScansealError `certificate-invalid` for removeFromCRL and unknown ones */
export function reasonOf(value: DerValue): RevocationReason {
  const number = value.content.length === 1 ? value.content[0]! : reasonNames.length;
  return reasonNames[number] ?? refuse("a revocation reason is unknown", value.offset);
}

/** Signatures before this moment are not touched by the revocation. */
function effectiveFrom(revocation: Revocation): number {
  return Math.min(revocation.revokedAt, revocation.invalidSince ?? revocation.revokedAt);
}

export type RevocationStatus =
  | { readonly state: "good" }
  | { readonly state: "revoked"; readonly revocation: Revocation }
  | { readonly state: "unknown"; readonly detail: string };

export interface RevocationRequest {
  readonly certificate: Certificate;
  /** The certificate that issued it, already validated. */
  readonly issuer: Certificate;
  readonly crls: readonly Crl[];
  /** When the question is asked, in milliseconds: lists must be current then. */
  readonly now: number;
  /** When the judged signature provably existed (time class T1, or T2 at home), in milliseconds; undefined without proof. */
  readonly trustedTime: number | undefined;
  /** Who says so: `T2`, this site's own first sight, does not count where a key was in other hands. T1 where it is not said. */
  readonly timeClass?: TrustedTimeClass | undefined;
  /** What the issuer says of it elsewhere than in a list (ocsp.ts), already checked. */
  readonly stated?: readonly Revocation[] | undefined;
  readonly signatures: IssuerSignatures;
}

/** T1: proven by others, a time-stamping authority or witnesses of the log. T2: the site's own first sight. self: by the judged key, in what it signed. */
export type TrustedTimeClass = "T1" | "T2" | "self";

/** RFC 3161 4: what an authority signed before it was revoked stands for these reasons only; none given is a reason for doubt. */
const harmless: ReadonlySet<RevocationReason> = new Set([
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
]);

/** Whoever has the key can date what it signs; `unspecified` says nothing of that. */
const compromising: ReadonlySet<RevocationReason> = new Set([
  "keyCompromise",
  "cACompromise",
  "aACompromise",
]);

/** True where the signature stands although the key was revoked: it is older, and somebody fit to say so does. */
function isOlderThan(revocation: Revocation, { trustedTime, timeClass }: RevocationRequest): boolean {
  if (trustedTime === undefined || trustedTime >= effectiveFrom(revocation)) return false;
  if (timeClass === "self") return harmless.has(revocation.reason);
  return timeClass !== "T2" || !compromising.has(revocation.reason);
}

/**
 * The state of one certificate. A revocation counts even from a list that is no longer current; being absent counts only
 * from a current one. With trusted time, a signature older than the revocation (and than its invalidity date) stands.
 */
export async function checkRevocation(request: RevocationRequest): Promise<RevocationStatus> {
  const { certificate, issuer, now } = request;
  const stated = request.stated?.find((revocation) => !isOlderThan(revocation, request));
  if (stated) return { state: "revoked", revocation: stated };
  let isCovered = false;
  let detail = "there is no CRL of its issuer";
  for (const crl of request.crls) {
    if (!equalBytes(crl.issuer.der, certificate.issuer.der)) continue;
    const problem = await crlProblem(crl, issuer, now, request.signatures);
    if (problem !== undefined) {
      detail = problem;
      continue;
    }
    const revocation = crl.revoked.get(certificate.serial);
    if (revocation !== undefined && !isOlderThan(revocation, request))
      return { state: "revoked", revocation };
    if (crl.nextUpdate === undefined || now >= crl.nextUpdate) {
      detail = "the CRL of its issuer is out of date";
    } else if (now >= certificate.notAfter && !crl.keepsExpired) {
      // RFC 5280 3.3: an entry may leave the list after the certificate's expiry.
      detail = "the CRL of its issuer does not keep expired certificates";
    } else isCovered = true;
  }
  return isCovered ? { state: "good" } : { state: "unknown", detail };
}

/** Why a list says nothing, or undefined. RFC 5280 6.3.3 */
export async function crlProblem(
  crl: Crl,
  issuer: Certificate,
  now: number,
  signatures: IssuerSignatures,
): Promise<string | undefined> {
  if (crl.unknownCritical.length > 0)
    return `the CRL has an unsupported extension (${crl.unknownCritical[0]})`;
  // RFC 5280 6.3.3 (f): the issuer may sign lists.
  if (!issuer.extensions.keyUsage?.includes("cRLSign")) return "the issuer may not sign CRLs";
  const id = crl.authorityKeyIdentifier?.keyIdentifier;
  const ski = issuer.extensions.subjectKeyIdentifier;
  if (id !== undefined && ski !== undefined && !equalBytes(id, ski)) return "the CRL is of another key";
  if (now < crl.thisUpdate) return "the CRL is not valid yet";
  const accepted = acceptedHash(crl.signatureAlgorithm, issuer.key);
  if ("weakness" in accepted) return `the CRL is ${accepted.weakness}`;
  const isSigned = await signatures.isSignedBy(crl, issuer, accepted.hash);
  return isSigned ? undefined : "the signature of the CRL does not fit";
}
