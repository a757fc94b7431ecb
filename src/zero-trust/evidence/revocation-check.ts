/** What the sealing device's authority said of it when asked: spec/keys-and-certificates.md, section 6. */
import { type Bytes, equalBytes } from "../../foundation/bytes.ts";
import { type OcspFact, ocspSkewMs } from "../../keys/trust/ocsp.ts";
import type { Revocation } from "../../keys/trust/revocation.ts";
import type { LateEntry } from "../../provenance/manifest/late-evidence.ts";
import type { RevocationEvidence } from "./evidence.ts";
import type { TrustJudge } from "./trust-check.ts";

/** What the container of late evidence holds. */
const responsesMax = 16;

export interface RevocationCheckRequest {
  readonly judge: TrustJudge;
  /** The envelope's first. */
  readonly certificate: Bytes;
  /** By the device's clock. */
  readonly sealedAt: string;
  readonly embedded: readonly LateEntry[];
  readonly detached: readonly LateEntry[];
}

interface CheckedRevocation {
  /** Undefined where there is no response. */
  readonly evidence: RevocationEvidence | undefined;
  /** What counts against the certificate, as entries of a CRL do. */
  readonly stated: readonly Revocation[];
}

/** Responses that do not hold are told and count for nothing. */
export async function checkRevocationStatus(request: RevocationCheckRequest): Promise<CheckedRevocation> {
  const faults: RevocationEvidence["faults"][number][] = [];
  const facts: OcspFact[] = [];
  for (const { bytes, isInObject } of responsesOf(request)) {
    const now = request.judge.now;
    const result = await request.judge.revocationStatus(bytes, request.certificate, now);
    if (result.ok) facts.push(result);
    else faults.push({ step: result.step, isInObject });
  }
  if (facts.length + faults.length === 0) return { evidence: undefined, stated: [] };
  const newest = facts.toSorted((a, b) => b.thisUpdate - a.thisUpdate);
  const revoked = newest.filter((fact) => fact.status === "revoked" && !isLifted(fact, newest));
  const told = revoked[0] ?? newest.find((fact) => isAboutSealing(fact, request.sealedAt));
  return {
    evidence: { ...(told ? { told: toldOf(told) } : {}), faults },
    stated: revoked.flatMap(({ revocation }) => revocation ?? []),
  };
}

/** Those kept beside the object first: only so many are looked at, and whoever has the object can fill it. */
function responsesOf({
  embedded,
  detached,
}: RevocationCheckRequest): { readonly bytes: Bytes; readonly isInObject: boolean }[] {
  const of = (entries: readonly LateEntry[]): LateEntry[] =>
    entries.filter(({ type }) => type === "revocation-status");
  const inside = of(embedded);
  const isInside = (bytes: Bytes): boolean => inside.some((one) => equalBytes(one.bytes, bytes));
  // The newest were kept last.
  const kept = of(detached).toReversed();
  const others = inside.filter((one) => !kept.some((two) => equalBytes(one.bytes, two.bytes)));
  return [...kept, ...others]
    .slice(0, responsesMax)
    .map(({ bytes }) => ({ bytes, isInObject: isInside(bytes) }));
}

/** RFC 5280 5.3.1: a hold is the one reason that ends; the issuer says `good` again. */
function isLifted({ revocation, thisUpdate }: OcspFact, facts: readonly OcspFact[]): boolean {
  if (revocation?.reason !== "certificateHold") return false;
  return facts.some((fact) => fact.status === "good" && fact.thisUpdate > thisUpdate);
}

/** What was said for a time that ended before the sealing says nothing of it. */
function isAboutSealing({ status, thisUpdate, nextUpdate }: OcspFact, sealedAt: string): boolean {
  return status === "good" && Date.parse(sealedAt) <= (nextUpdate ?? thisUpdate) + ocspSkewMs;
}

function toldOf(fact: OcspFact): NonNullable<RevocationEvidence["told"]> {
  const { revocation, thisUpdate, responder } = fact;
  const at = new Date(thisUpdate).toISOString();
  if (!revocation) return { source: "ocsp", status: "good", at, responder };
  const revokedAt = new Date(revocation.revokedAt).toISOString();
  return { source: "ocsp", status: "revoked", at, responder, revokedAt, reason: revocation.reason };
}
