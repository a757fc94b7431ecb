/** What a sweep finds, as data and as a sentence. */

/** Something a person should look at. */
export interface SweepFinding {
  /**
   * held: it does not pass. missing: admitted, and not there; without an instance, nothing of the study is. unavailable: it could not be read.
   * unknown: never admitted by the gate, whatever it proves. never-admitted: sealed at this site, and neither admitted nor there; without an
   * instance, nothing of the study.
   */
  readonly kind: SweepFindingKind;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
  readonly verdict?: string;
  readonly codes?: readonly string[];
  /** Of a whole study that is missing, or was never admitted: of one verdict. */
  readonly instances?: number;
}

export type SweepFindingKind = "held" | "missing" | "unavailable" | "unknown" | "never-admitted";

/** What is there and was never admitted is told, and is no fault: archives are older than their gates. */
export function isSerious(kind: string): boolean {
  return kind !== "unknown";
}

/** UIDs and codes only: nothing that is not of their form gets in. */
export function findingSentence(finding: SweepFinding): string {
  const { kind, studyInstanceUid, sopInstanceUid, verdict, codes = [], instances } = finding;
  const place = sopInstanceUid ?? studyInstanceUid;
  switch (kind) {
    case "held":
      return `${place}  ${verdict}: ${codes.join(", ")}  (study ${studyInstanceUid})`;
    case "missing":
      return sopInstanceUid === undefined
        ? `${place}  the whole study is missing: ${instances} instances were admitted, and none is there`
        : `${place}  missing: it was admitted, and is not there  (study ${studyInstanceUid})`;
    case "unavailable":
      return `${place}  could not be read${codes.length === 0 ? "" : `: ${codes.join(", ")}`}  (study ${studyInstanceUid})`;
    case "unknown":
      return sopInstanceUid === undefined
        ? `${place}  a study never admitted by the gate: ${instances} instances${verdict === undefined ? "" : `, ${verdict}`}`
        : `${place}  never admitted by the gate${verdict === undefined ? "" : `, ${verdict}`}  (study ${studyInstanceUid})`;
    case "never-admitted":
      return sopInstanceUid === undefined
        ? `${place}  a study sealed here, neither admitted by the gate nor there`
        : `${place}  sealed here, neither admitted by the gate nor there  (study ${studyInstanceUid})`;
  }
}
