/** What came from the archive, beside what the gate admitted under the UID that was asked for. Pure. */
import type { Evidence, ExpectationEvidence } from "../../evidence/evidence.ts";
import type { AdmittedEntry, InstanceName } from "./ports.ts";

/**
 * @param admitted undefined for what the gate never admitted: then only the names can be compared
 * @param wasStripped the gate admitted nothing under the UID, nothing proves it, and this site's own records say that it was sealed
 */
export function expectationOf(
  evidence: Evidence,
  asked: InstanceName,
  admitted: AdmittedEntry | undefined,
  wasStripped: boolean,
): ExpectationEvidence {
  return {
    instance: isNamed(evidence, asked, admitted?.sopClassUid) ? "same" : "other",
    seal: admitted ? sealOf(evidence, admitted) : wasStripped ? "stripped" : "not-admitted",
    // An older version was no other seal: a correction keeps it.
    isOlder:
      admitted !== undefined && admitted.verdict !== "superseded" && evidence.supersededBy !== undefined,
  };
}

function isNamed({ format }: Evidence, asked: InstanceName, sopClassUid: string | undefined): boolean {
  return (
    format !== undefined &&
    format.sopInstanceUid === asked.sopInstanceUid &&
    format.seriesInstanceUid === asked.seriesInstanceUid &&
    format.studyInstanceUid === asked.studyInstanceUid &&
    (sopClassUid === undefined || format.sopClassUid === sopClassUid)
  );
}

function sealOf({ manifest }: Evidence, { payloadDigest }: AdmittedEntry): ExpectationEvidence["seal"] {
  if (payloadDigest === undefined) return "none-admitted";
  if (!manifest) return "missing";
  return manifest.payloadDigest === payloadDigest ? "same" : "other";
}
