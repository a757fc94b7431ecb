/** From why a sealer did not seal an object to what is said of it. Pure. */
import type { Evidence } from "../evidence/evidence.ts";
import type { SealerEvidence } from "../evidence/sealer-evidence.ts";
import { finding } from "./finding.ts";
import type { Finding, FindingCode } from "./verdict.ts";

const codeOf: Readonly<Record<SealerEvidence["problem"], FindingCode>> = {
  "sealed-already": "sealer-sealed-already",
  "other-device": "sealer-other-device",
  "not-scheduled": "sealer-not-scheduled",
  "worklist-away": "sealer-worklist-away",
  "another-instance": "instance-conflict",
  failed: "sealer-failed",
};

/** What came to a sealer and was not sealed: no mode lets it pass, whatever else is known of it. */
export const notSealed: ReadonlySet<FindingCode> = new Set<FindingCode>(Object.values(codeOf));

export function sealerFindings({ sealer }: Evidence): Finding[] {
  if (!sealer) return [];
  const { problem, tags = [], detail } = sealer;
  const code = codeOf[problem];
  return tags.length === 0 ? [finding(code, {}, detail)] : tags.map((tag) => finding(code, { tag }, detail));
}
