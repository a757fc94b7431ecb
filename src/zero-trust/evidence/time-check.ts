/** Since when a seal provably exists: the time classes of spec/trusted-time.md, section 4. */
import type { SignatureFact } from "../../digital-signatures/signature-fact.ts";
import { type Bytes, equalBytes, fromBase64 } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { DerReader, derTag } from "../../keys/trust/der.ts";
import {
  checkTimeStamps,
  existedAt,
  type TimeStampFact,
  TimeStampTrust,
} from "../../keys/trust/time-stamp.ts";
import type { LateEntry } from "../../provenance/manifest/late-evidence.ts";
import type { LogEvidence, TimeEvidence, TrustFact } from "./evidence.ts";

/** A device's clock may be ahead of the authority's by this much. */
const clockSkewMs = 5 * 60_000;

export interface TimeCheckRequest {
  readonly crypto: Crypto;
  /** Whose stamps count; without it none does. */
  readonly trust: TimeStampTrust | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The envelope's first signature: what stamps are over. */
  readonly signature: Bytes;
  /** By the device's clock. */
  readonly sealedAt: string;
  readonly embedded: readonly LateEntry[];
  readonly detached: readonly LateEntry[];
  /** The DICOM signature that names the manifest, where it is valid. */
  readonly binding: SignatureFact | undefined;
  readonly log: LogEvidence | undefined;
  /** By this site, in milliseconds since 1970. */
  readonly firstSeen: number | undefined;
}

/** A moment at which the seal existed, and who says so. */
interface ProvenTime {
  readonly timeClass: "T1" | "T2";
  /** Milliseconds since 1970; not after the verification. */
  readonly at: number;
  readonly basis: "time-stamp" | "log" | "first-seen";
  readonly authority?: string;
}

export interface CheckedTime {
  readonly evidence: TimeEvidence;
  /** The strongest first: of one class the earliest. */
  readonly proven: readonly ProvenTime[];
}

type TimeFault = TimeEvidence["faults"][number];

export async function checkTime(request: TimeCheckRequest): Promise<CheckedTime> {
  const faults: TimeFault[] = [];
  const stamps = [...(await stampsBeside(request, faults)), ...(await certifiedStamp(request, faults))];
  const proven: ProvenTime[] = [];
  const [stamp] = stamps.toSorted((a, b) => existedAt(a) - existedAt(b));
  if (stamp) {
    const at = Math.min(existedAt(stamp), request.now);
    proven.push({ timeClass: "T1", at, basis: "time-stamp", authority: stamp.authority });
  }
  const logged = loggedAt(request.log);
  if (logged !== undefined && logged <= request.now) {
    const isEarlier = proven.every(({ at }) => logged < at);
    proven.splice(isEarlier ? 0 : 1, 0, { timeClass: "T1", at: logged, basis: "log" });
  }
  const { firstSeen, now } = request;
  if (firstSeen !== undefined && firstSeen <= now)
    proven.push({ timeClass: "T2", at: firstSeen, basis: "first-seen" });
  const sealedAt = Date.parse(request.sealedAt);
  // Whatever exists at a time was not made after it. Made long before it, and stamped late, is nothing strange.
  const isClaimLater = proven.some(({ timeClass, at }) => timeClass === "T1" && sealedAt > at + clockSkewMs);
  return { evidence: { ...timeFacts(proven[0], request), isClaimLater, faults }, proven };
}

/** The proof that the signer's standing rests on is the one that is told. */
export function timeRelied(
  { evidence, proven }: CheckedTime,
  { standsBy }: TrustFact,
  statement: { readonly sealedAt: string },
): TimeEvidence {
  const relied = proven.find(
    ({ timeClass, at }) => timeClass === standsBy?.timeClass && at === Date.parse(standsBy.at),
  );
  return relied ? { ...evidence, ...timeFacts(relied, statement) } : evidence;
}

/** The time evidence that rests on one proof, or on the device's claim. */
function timeFacts(
  proof: ProvenTime | undefined,
  { sealedAt }: { readonly sealedAt: string },
): Pick<TimeEvidence, "timeClass" | "at" | "basis" | "authority"> {
  if (!proof) return { timeClass: "T3", at: sealedAt, basis: "claim" };
  const { timeClass, at, basis, authority } = proof;
  return {
    timeClass,
    at: new Date(at).toISOString(),
    basis,
    ...(authority === undefined ? {} : { authority }),
  };
}

async function stampsBeside(request: TimeCheckRequest, faults: TimeFault[]): Promise<TimeStampFact[]> {
  const tokensIn = (entries: readonly LateEntry[]): Bytes[] =>
    entries.filter(({ type }) => type === "time-stamp").map(({ bytes }) => bytes);
  const embedded = tokensIn(request.embedded);
  const kept = tokensIn(request.detached);
  const others = embedded.filter((one) => !kept.some((two) => equalBytes(one, two)));
  if (kept.length + others.length === 0) return [];
  const question = { message: request.signature, now: request.now };
  // Those kept beside the object first: only so many are looked at, and whoever has the object can fill it with tokens.
  const placed = await checkTimeStamps([...kept, ...others], question, trustOf(request));
  for (const { token, result } of placed) {
    if (result.ok) continue;
    const isInObject = embedded.some((one) => equalBytes(one, token));
    faults.push({ of: "time-stamp", step: result.step, isInObject });
  }
  return placed.flatMap(({ result }) => (result.ok ? [result] : []));
}

/** (0400,0310) of the signature that names the manifest: over that signature's value (PS3.15 C.4). */
async function certifiedStamp(request: TimeCheckRequest, faults: TimeFault[]): Promise<TimeStampFact[]> {
  const { signature, timestamp } = request.binding ?? {};
  if (signature === undefined || timestamp === undefined) return [];
  const fault = (step: string): void => {
    faults.push({ of: "certified-timestamp", step, isInObject: true });
  };
  const token = timestamp.type === "CMS_TSP" ? unpadded(fromBase64(timestamp.token)) : undefined;
  if (!token) {
    fault("structure");
    return [];
  }
  const result = await trustOf(request).check(token, { message: fromBase64(signature), now: request.now });
  if (result.ok) return [result];
  fault(result.step);
  return [];
}

/** Without the byte that makes its length even. Undefined for what is no DER. */
function unpadded(value: Bytes): Bytes | undefined {
  try {
    const { whole } = new DerReader(value).read("token", derTag.sequence);
    const rest = value.subarray(whole.length);
    return rest.length <= 1 && rest.every((byte) => byte === 0) ? whole : undefined;
  } catch (error) {
    if (error instanceof ScansealError && error.code === "certificate-invalid") return undefined;
    throw error;
  }
}

function trustOf({ trust, crypto }: TimeCheckRequest): TimeStampTrust {
  return trust ?? new TimeStampTrust({ anchors: [] }, crypto);
}

/** Only witnesses outside of the site prove a time to others. */
function loggedAt(log: LogEvidence | undefined): number | undefined {
  const isProof = log?.state === "proven" && log.witnessed === true && log.at !== undefined;
  return isProof ? Date.parse(log.at!) : undefined;
}
