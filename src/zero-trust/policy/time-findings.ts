/** What time stamps say of a seal: spec/trusted-time.md, section 5. */
import type { Evidence, TimeEvidence } from "../evidence/evidence.ts";
import { finding } from "./finding.ts";
import type { Finding } from "./verdict.ts";

/** Steps that say only that this verifier knows nothing of the authority, or does not accept its rules. */
const unknownSteps: ReadonlySet<string> = new Set(["authority", "policy"]);

/** Seals may wait for their stamp over an authority's outage, and for as long as a log may take to publish. */
const proofDelayMsMax = 30 * 86_400_000;

export function timeFindings({ time, manifest }: Evidence): Finding[] {
  const found: Finding[] = [];
  if (time?.isClaimLater === true) {
    const detail = `the device says ${manifest?.sealedAt}, and the seal existed at ${time.at} (${time.basis})`;
    found.push(finding("time-implausible", {}, detail));
  }
  const late = lateProof(time, manifest?.sealedAt);
  if (late !== undefined) found.push(finding("time-proven-late", {}, late));
  const standsBy = manifest?.trust?.standsBy;
  if (standsBy) {
    const { timeClass, at, since } = standsBy;
    found.push(finding("stands-by-time", {}, `${since} today; the seal existed at ${at} (${timeClass})`));
  }
  return [...found, ...(time?.faults ?? []).map(faultFinding)];
}

/**
 * What a clock that was turned back looks like, and also a seal that was stamped when its site first had an authority. It changes no
 * verdict: anybody can get a late stamp over a good seal.
 */
function lateProof(time: TimeEvidence | undefined, sealedAt: string | undefined): string | undefined {
  if (time?.timeClass !== "T1" || sealedAt === undefined) return undefined;
  const isLate = Date.parse(time.at) - Date.parse(sealedAt) > proofDelayMsMax;
  return isLate ? `the device says ${sealedAt}, the first proof is of ${time.at} (${time.basis})` : undefined;
}

function faultFinding({ of, step, isInObject }: TimeEvidence["faults"][number]): Finding {
  const what = of === "certified-timestamp" ? "(0400,0310) Certified Timestamp" : "a time stamp";
  const where = isInObject ? "of the object" : "kept beside the object";
  const tag = of === "certified-timestamp" ? { tag: "(0400,0310)" } : {};
  if (unknownSteps.has(step)) return finding("time-stamp-unknown", tag, `${what} ${where}: step ${step}`);
  const severity = isInObject ? "error" : "warning";
  return finding("time-stamp-invalid", tag, `${what} ${where} fails at step ${step}`, severity);
}
