/** What one place returned for one instance, and what is made of it for a reader. Pure: no I/O. */
import type { Evidence } from "../../evidence/evidence.ts";
import { admit } from "../../policy/admitted.ts";
import type { Mode } from "../../policy/decide.ts";
import { notAsAdmitted } from "../../policy/reading-findings.ts";
import type { Decision, Verdict } from "../../policy/verdict.ts";
import type { AdmittedEntry, InstanceName, Reader, StagedObject } from "./ports.ts";
import type { Read, VerifiedObject, Withholding } from "./read.ts";
import type { Cached, InUse } from "./verified-cache.ts";

/** The policy of whoever asks. */
export interface ReadingReader extends Reader {
  readonly mode: Mode;
}

export interface Examined extends Cached {
  readonly staged: StagedObject;
  readonly evidence: Evidence;
  /** Journal id: each frame that a viewer asks for finds it withheld, and one of it is enough. */
  held?: Promise<string> | undefined;
}

/** What one place returned, and what is decided of it for this reader. */
export interface Returned {
  readonly used: InUse<Examined>;
  readonly evidence: Evidence;
  readonly decision: Decision;
}

/** One instance, as it is asked for. */
export interface Asking {
  readonly asked: InstanceName;
  readonly admitted: AdmittedEntry | undefined;
  readonly mode: Mode;
  /** Name of the configuration. */
  readonly reader: string;
}

export function delivered(
  asking: Asking,
  returned: Returned,
  archive: string | undefined,
): Extract<Read, { kind: "delivered" }> | undefined {
  const proof = admit(objectOf(asking, returned, archive), returned.decision);
  return proof && { kind: "delivered", object: proof, done: returned.used.done };
}

export function objectOf(
  { asked }: Asking,
  { used, evidence, decision }: Returned,
  archive: string | undefined,
): VerifiedObject {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = asked;
  const { sopClassUid = "", transferSyntaxUid = "" } = evidence.format ?? {};
  const { verdict, assurance } = decision;
  return {
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid,
    sopClassUid,
    transferSyntaxUid,
    staged: used.value.staged,
    evidence,
    verdict,
    assurance,
    archive,
  };
}

const failing: ReadonlySet<Verdict> = new Set<Verdict>(["altered", "untrusted", "malformed"]);

/** What is as it was admitted, or was never proven and fails no check, is withheld by the reader's own policy: no alarm. */
export function heldFor({ decision }: Returned, admitted: AdmittedEntry | undefined): Withholding {
  const { verdict, findings } = decision;
  const isOther = findings.some(({ code }) => notAsAdmitted.has(code));
  const isWorse = admitted !== undefined && admitted.verdict !== verdict;
  const isHeld = failing.has(verdict) || isOther || isWorse;
  return { why: isHeld ? "held" : "policy", verdict, codes: errorCodes(decision) };
}

export function errorCodes({ findings }: Decision): readonly string[] {
  return [...new Set(findings.filter(({ severity }) => severity === "error").map(({ code }) => code))];
}
