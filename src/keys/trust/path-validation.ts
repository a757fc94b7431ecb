/**
 * Path validation for one fixed profile of RFC 5280 6.1: at most three certificates, no policies, no name constraints, no
 * partial understanding. The step numbers are those of spec/keys-and-certificates.md, section 5.
 */
import { equalBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { acceptedHash, authorityKeyWeakness, signerKeyWeakness } from "./algorithms.ts";
import type { Certificate } from "./certificate.ts";
import type { IssuerSignatures } from "./issuer-signature.ts";
import { commonKeyPurposeOid, extensionOid } from "./object-identifiers.ts";
import { type Crl, checkRevocation, type Revocation, type TrustedTimeClass } from "./revocation.ts";
import { keyPurposeOf, type Role, rolesOf } from "./roles.ts";

export type TrustFailureReason =
  | "signer-not-recognised"
  | "certificate-invalid"
  | "certificate-weak"
  | "certificate-expired"
  | "certificate-not-yet-valid"
  | "certificate-revoked"
  | "revocation-unknown"
  | "certificate-wrong-role"
  | "certificate-outside-limits";

export interface TrustFailure {
  readonly ok: false;
  readonly reason: TrustFailureReason;
  /** One plain sentence part for an engineer; no content of the certificate. */
  readonly detail: string;
}

/** `required`: no current answer is a failure. `when-available`: it is only reported; a known revocation still counts. */
export type RevocationMode = "required" | "when-available";

export interface PathRequest {
  readonly certificate: Certificate;
  /** Helpers on the way to an anchor; from anywhere, trusted for nothing. */
  readonly intermediates: readonly Certificate[];
  /** From the caller's trust store, never from an object. */
  readonly anchors: readonly Certificate[];
  readonly crls: readonly Crl[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** When the judged signature provably existed (T1, or T2 at home); validity is then judged at that time. Not after `now`. */
  readonly trustedTime?: number | undefined;
  /** Who says so, where the key was revoked later; T1 where it is not said. */
  readonly timeClass?: TrustedTimeClass | undefined;
  /** Revocations of the signer that its issuer signed elsewhere than in a list. */
  readonly stated?: readonly Revocation[] | undefined;
  /** The role the statement demands; without one, any role will do. */
  readonly role?: Role | undefined;
  /** The signer is a time-stamping authority (spec/trusted-time.md), which has none of our roles. */
  readonly isTimeStamping?: boolean | undefined;
  readonly revocation: RevocationMode;
  readonly signatures: IssuerSignatures;
}

export interface ValidPath {
  readonly ok: true;
  /** From the signer to the anchor: 2 or 3 certificates. */
  readonly chain: readonly Certificate[];
  readonly anchor: Certificate;
  /** All roles the certificate has. */
  readonly roles: readonly Role[];
  readonly revocation: "good" | "not-checked";
}

/** More ways to an anchor than any real trust store has; each costs two signature checks. */
const pathsMax = 16;

/**
 * @throws ScansealError `usage` when `trustedTime` lies after `now`
 */
export async function validatePath(request: PathRequest): Promise<ValidPath | TrustFailure> {
  if (request.trustedTime !== undefined && request.trustedTime > request.now) {
    throw new ScansealError("usage", "trusted time lies in the future");
  }
  // Step 1: candidate paths.
  const paths = candidatePaths(request);
  if (paths.length === 0) return failure("signer-not-recognised", "no trusted authority is its issuer");
  let telling: TrustFailure | undefined;
  for (const chain of paths) {
    const broken = await brokenLink(chain, request.signatures);
    if (broken !== undefined) {
      telling ??= broken;
      continue;
    }
    const result = await validateLinkedPath(chain, request);
    if (result.ok) return result;
    // A path whose signatures fit says more than one whose signatures do not.
    telling = result;
  }
  return telling!;
}

/**
 * The authorities above a certificate: its issuer, and up to the anchor; of every path that holds in steps 1 to 5. Whether the certificate
 * itself is fit for anything is not asked.
 */
export async function authoritiesAbove(
  request: Pick<PathRequest, "certificate" | "intermediates" | "anchors" | "signatures">,
): Promise<(readonly [issuer: Certificate, ...above: Certificate[]])[]> {
  const found: (readonly [Certificate, ...Certificate[]])[] = [];
  for (const [, issuer, ...above] of candidatePaths(request)) {
    const chain = [issuer!, ...above];
    const isFit = chain.every(
      (one, i) =>
        formProblem(one, i === chain.length - 1) === undefined && authorityProblem(one, i) === undefined,
    );
    if (isFit && !(await brokenLink([request.certificate, ...chain], request.signatures)))
      found.push([issuer!, ...above]);
  }
  return found;
}

/** Step 1: signer, at most one intermediate, anchor; names as bytes and key identifiers chain. */
function candidatePaths(
  request: Pick<PathRequest, "certificate" | "intermediates" | "anchors">,
): Certificate[][] {
  const { certificate, anchors } = request;
  const paths: Certificate[][] = [];
  for (const anchor of anchors) if (mayIssue(anchor, certificate)) paths.push([certificate, anchor]);
  for (const middle of request.intermediates) {
    if (!mayIssue(middle, certificate)) continue;
    for (const anchor of anchors) {
      if (mayIssue(anchor, middle) && anchor.fingerprint !== middle.fingerprint) {
        paths.push([certificate, middle, anchor]);
      }
    }
  }
  return paths.slice(0, pathsMax);
}

/** RFC 5280 6.1.3 (a)(4), 4.2.1.1 */
export function mayIssue(issuer: Certificate, subject: Certificate): boolean {
  if (!equalBytes(issuer.subject.der, subject.issuer.der)) return false;
  if (issuer.fingerprint === subject.fingerprint) return false;
  const named = subject.extensions.authorityKeyIdentifier;
  const ski = issuer.extensions.subjectKeyIdentifier;
  if (named?.keyIdentifier !== undefined && ski !== undefined && !equalBytes(named.keyIdentifier, ski))
    return false;
  if (named?.serial !== undefined && named.serial !== issuer.serial) return false;
  return named?.issuer === undefined || equalBytes(named.issuer.der, issuer.issuer.der);
}

/** Steps 2 and 3: algorithm floor and signature of every certificate below the anchor. */
async function brokenLink(
  chain: readonly Certificate[],
  signatures: IssuerSignatures,
): Promise<TrustFailure | undefined> {
  for (let i = chain.length - 2; i >= 0; i--) {
    const certificate = chain[i]!;
    const issuer = chain[i + 1]!;
    const weakness = authorityKeyWeakness(issuer.key);
    if (weakness !== undefined) return failure("certificate-weak", `issuer: ${weakness}`);
    const accepted = acceptedHash(certificate.signatureAlgorithm, issuer.key);
    if ("weakness" in accepted) return failure("certificate-weak", accepted.weakness);
    if (!(await signatures.isSignedBy(certificate, issuer, accepted.hash))) {
      return failure("certificate-invalid", "its issuer's signature does not fit");
    }
  }
  return undefined;
}

async function validateLinkedPath(
  chain: readonly Certificate[],
  request: PathRequest,
): Promise<ValidPath | TrustFailure> {
  const signer = chain[0]!;
  const anchor = chain[chain.length - 1]!;
  // Step 4: every certificate's form; 5: authorities, from the anchor down.
  for (const certificate of chain) {
    const problem = formProblem(certificate, certificate === anchor);
    if (problem !== undefined) return failure("certificate-invalid", problem);
  }
  for (let i = chain.length - 1; i > 0; i--) {
    const problem = authorityProblem(chain[i]!, i - 1);
    if (problem !== undefined) return failure("certificate-invalid", `issuer: ${problem}`);
  }
  // Step 6: the signer's own key and usage.
  const isTimeStamping = request.isTimeStamping === true;
  const weakness = isTimeStamping ? authorityKeyWeakness(signer.key) : signerKeyWeakness(signer.key);
  if (weakness !== undefined) return failure("certificate-weak", weakness);
  const problem = signerProblem(signer, isTimeStamping);
  if (problem !== undefined) return failure("certificate-invalid", problem);
  // Step 7: validity of all of them at the judged time.
  const at = request.trustedTime ?? request.now;
  for (const certificate of chain) {
    const whose = certificate === signer ? "" : "issuer: ";
    if (at < certificate.notBefore) return failure("certificate-not-yet-valid", `${whose}not valid yet`);
    // RFC 5280 4.1.2.5 counts the last second in; openssl does not, and nobody accepts what it refuses.
    if (at >= certificate.notAfter) return failure("certificate-expired", `${whose}no longer valid`);
  }
  // Step 8: role.
  const wrongRole = isTimeStamping ? timeStampingProblem(chain) : roleProblem(chain, request.role);
  if (wrongRole !== undefined) return failure("certificate-wrong-role", wrongRole);
  // Step 9: revocation, the anchor excepted: it is trusted by decision of its holder.
  const revocation = await revocationOf(chain, request);
  if (typeof revocation !== "string") return revocation;
  return { ok: true, chain, anchor, roles: rolesOf(signer.extensions.keyPurposes ?? []), revocation };
}

/** Step 4. RFC 5280 4.1.2.6, 4.2, 4.2.1.1, 4.2.1.2, 4.2.1.10 */
function formProblem(certificate: Certificate, isAnchor: boolean): string | undefined {
  const e = certificate.extensions;
  if (certificate.subject.attributes.length === 0) return "the subject is empty";
  if (certificate.issuer.attributes.length === 0) return "the issuer is empty";
  if (certificate.notAfter < certificate.notBefore) return "it ends before it begins";
  if (e.unknownCritical.length > 0) return `a critical extension is not supported (${e.unknownCritical[0]})`;
  if (e.hasNameConstraints) return "name constraints are not supported";
  if (e.critical.some((oid) => keyIdentifierOids.has(oid))) return "a key identifier is marked critical";
  if (!isAnchor && e.authorityKeyIdentifier?.keyIdentifier === undefined) {
    return "the authority key identifier is missing";
  }
  return undefined;
}

const keyIdentifierOids: ReadonlySet<string> = new Set([
  extensionOid.subjectKeyIdentifier,
  extensionOid.authorityKeyIdentifier,
]);

/** Step 5. RFC 5280 4.2.1.2, 4.2.1.3, 4.2.1.9, 6.1.4 (k) to (n) */
function authorityProblem(authority: Certificate, intermediatesBelow: number): string | undefined {
  const e = authority.extensions;
  if (e.basicConstraints?.isAuthority !== true) return "it is no authority";
  if (!e.critical.includes(extensionOid.basicConstraints)) return "its basic constraints are not critical";
  if (!e.keyUsage?.includes("keyCertSign")) return "its key may not sign certificates";
  if (e.subjectKeyIdentifier === undefined) return "the subject key identifier is missing";
  const { pathLength } = e.basicConstraints;
  if (pathLength !== undefined && intermediatesBelow > pathLength) return "its path length is exceeded";
  return undefined;
}

/** Step 6. RFC 5280 4.2.1.3, 4.2.1.9 */
function signerProblem(signer: Certificate, isTimeStamping: boolean): string | undefined {
  const e = signer.extensions;
  if (e.basicConstraints?.isAuthority === true) return "an authority's certificate signs no images";
  if (e.basicConstraints?.pathLength !== undefined) return "a path length without an authority";
  // Authorities for time stamps may have contentCommitment instead (RFC 5280 4.2.1.3, CA/B code signing 7.1.2.3).
  const maySign = isTimeStamping && e.keyUsage?.includes("contentCommitment") === true;
  if (!maySign && !e.keyUsage?.includes("digitalSignature")) return "its key usage lacks digitalSignature";
  if (e.keyUsage.includes("keyCertSign")) return "its key may sign certificates";
  return undefined;
}

/** Step 8. TLS uses another key (DESIGN 3), and `any` is no role. */
function roleProblem(chain: readonly Certificate[], role: Role | undefined): string | undefined {
  const purposes = chain[0]!.extensions.keyPurposes ?? [];
  const has = (list: readonly string[]): boolean =>
    role === undefined ? rolesOf(list).length > 0 : list.includes(keyPurposeOf(role));
  if (!has(purposes)) return role === undefined ? "it has no role" : `it has no role ${role}`;
  const { any, tlsServer, tlsClient } = commonKeyPurposeOid;
  const foreign = [any, tlsServer, tlsClient].find((oid) => purposes.includes(oid));
  if (foreign !== undefined) return `its key is also for other purposes (${foreign})`;
  // An authority that lists purposes may issue for those only.
  for (const authority of chain.slice(1)) {
    const allowed = authority.extensions.keyPurposes;
    if (allowed !== undefined && !allowed.includes(any) && !has(allowed))
      return "its issuer may not give this role";
  }
  return undefined;
}

/** Step 8 for time stamps. RFC 3161 2.3: critical, and nothing else beside it. */
function timeStampingProblem(chain: readonly Certificate[]): string | undefined {
  const { critical, keyPurposes = [] } = chain[0]!.extensions;
  const { any, timeStamping } = commonKeyPurposeOid;
  if (!keyPurposes.includes(timeStamping)) return "its key is not for time stamps";
  if (keyPurposes.length !== 1) return "its key is also for other purposes";
  if (!critical.includes(extensionOid.extendedKeyUsage)) return "its extended key usage is not critical";
  for (const authority of chain.slice(1)) {
    const allowed = authority.extensions.keyPurposes;
    if (allowed !== undefined && !allowed.includes(any) && !allowed.includes(timeStamping))
      return "its issuer may not name authorities for time stamps";
  }
  return undefined;
}

/** Step 9 */
async function revocationOf(
  chain: readonly Certificate[],
  request: PathRequest,
): Promise<"good" | "not-checked" | TrustFailure> {
  let isKnown = true;
  for (let i = chain.length - 2; i >= 0; i--) {
    const status = await checkRevocation({
      certificate: chain[i]!,
      issuer: chain[i + 1]!,
      crls: request.crls,
      now: request.now,
      trustedTime: request.trustedTime,
      timeClass: request.timeClass,
      stated: i === 0 ? request.stated : undefined,
      signatures: request.signatures,
    });
    const whose = i === 0 ? "" : "issuer: ";
    if (status.state === "revoked") {
      return failure("certificate-revoked", `${whose}revoked (${status.revocation.reason})`);
    }
    if (status.state === "unknown") {
      if (request.revocation === "required") return failure("revocation-unknown", `${whose}${status.detail}`);
      isKnown = false;
    }
  }
  return isKnown ? "good" : "not-checked";
}

function failure(reason: TrustFailureReason, detail: string): TrustFailure {
  return { ok: false, reason, detail };
}

/** Why a certificate cannot be an anchor at all, or undefined; its validity in time is judged with each path. */
export function anchorProblem(certificate: Certificate): string | undefined {
  return (
    authorityKeyWeakness(certificate.key) ??
    formProblem(certificate, true) ??
    authorityProblem(certificate, 0)
  );
}
