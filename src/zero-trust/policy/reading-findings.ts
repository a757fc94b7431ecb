/** From how a fetched object differs from what was admitted to what is said of it. Pure. */
import type { Evidence } from "../evidence/evidence.ts";
import { finding } from "./finding.ts";
import type { Finding, FindingCode } from "./verdict.ts";

/** The object may be proven in itself: it is not what was asked for, and no mode gives it to a reader. */
export const notAsAdmitted: ReadonlySet<FindingCode> = new Set<FindingCode>([
  "another-instance-returned",
  "another-seal-returned",
  "seal-missing-since-admission",
  "seal-missing-since-sealing",
  "older-version-returned",
]);

export function readingFindings({ expectation }: Evidence): Finding[] {
  if (!expectation) return [];
  const { instance, seal, isOlder } = expectation;
  const found: Finding[] = [];
  const add = (code: FindingCode, detail: string): number => found.push(finding(code, {}, detail));
  if (instance === "other")
    add("another-instance-returned", "SOP, series or study UID, or the class, are not those asked for");
  else if (seal === "other")
    add("another-seal-returned", "the manifest is not the one that was admitted under this SOP Instance UID");
  else if (seal === "missing")
    add(
      "seal-missing-since-admission",
      "it was admitted with a trusted seal, and the archive returns it without",
    );
  else if (seal === "stripped")
    add("seal-missing-since-sealing", "it was sealed at this site, and the archive returns it without");
  if (isOlder)
    add("older-version-returned", "a corrected version was admitted, and the archive returns the one before");
  return found;
}
