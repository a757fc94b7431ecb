/** One study of an archive, verified once more and compared with what the gate admitted and what was sealed here. */
import { type ErrorCode, ScansealError } from "../../foundation/errors.ts";
import type { InstanceName, ReadableArchive } from "../../zero-trust/gateway/reading/ports.ts";
import type { Read } from "../../zero-trust/gateway/reading/read.ts";
import {
  type OtherInstances,
  type PlannedInstance,
  planOf,
  type ReadingDesk,
  type ReadingPlan,
} from "../../zero-trust/gateway/reading/reading-desk.ts";
import type { ReadingReader } from "../../zero-trust/gateway/reading/returned.ts";
import type { Pace } from "./pace.ts";
import type { SweepFinding } from "./sweep-finding.ts";

/** What the site's own records say was sealed here. */
export interface SealedHere {
  /** UIDs. @throws ScansealError `io` */
  studies(): Promise<readonly string[]>;
  /** @throws ScansealError `io` */
  instancesOf(studyInstanceUid: string): Promise<readonly InstanceName[]>;
}

export interface StudyCheckParts {
  readonly desk: Pick<ReadingDesk, "plan" | "read">;
  /** Asked whether it is still there when it gives nothing. */
  readonly archive: Pick<ReadableArchive, "list">;
  readonly pace: Pick<Pace, "next">;
  /** Undefined: not looked at. */
  readonly sealed?: Pick<SealedHere, "instancesOf"> | undefined;
  readonly onFinding: (finding: SweepFinding) => void;
  /** The work is to end: what is under way is left. */
  readonly isStopped?: (() => boolean) | undefined;
}

export interface StudyOutcome {
  /** Instances by what became of them: a basis of admission, or why they were withheld. */
  readonly instances: Record<string, number>;
  bytes: number;
  /** Never admitted by the gate: how many of them are proven by a seal or receipt, unproven, or held. */
  readonly unadmitted: { proven: number; unproven: number; held: number };
  /** It was stopped, or the archive did not say what it has. */
  isPart: boolean;
}

/** Nothing is withheld that is only unproven: it is counted. */
const sweeper: ReadingReader = { name: "sweep", mode: "observe" };

/** In a row; then the archive is asked whether it answers at all. */
const unansweredMax = 5;
/** Studies in a row whose list breaks off: more is an archive that is away. */
const unlistedMax = 3;
const linkCodes: ReadonlySet<string> = new Set(["network", "timeout", "peer-rejected", "peer-aborted"]);

export class StudyCheck {
  readonly #parts: StudyCheckParts;
  #unanswered = 0;
  #unlisted = 0;

  constructor(parts: StudyCheckParts) {
    this.#parts = parts;
  }

  /**
   * @param isWanted instances that are left out were checked before @param onRead after each instance
   * @throws ScansealError `io` of index and journal; `network`, `timeout`, `peer-*` when the archive answers nothing any more
   */
  async check(
    study: string,
    isWanted: (instance: InstanceName) => boolean = () => true,
    onRead: (told: ToldRead) => void = () => undefined,
  ): Promise<StudyOutcome> {
    const { desk, pace, onFinding, isStopped } = this.#parts;
    const plan = await desk.plan({ studyInstanceUid: study });
    const { instances: others, archiveUnlisted } = await othersOf(plan);
    this.#requireLists(archiveUnlisted);
    const all = [...plan.instances, ...others];
    const outcome: StudyOutcome = {
      instances: {},
      bytes: 0,
      unadmitted: { proven: 0, unproven: 0, held: 0 },
      isPart: archiveUnlisted !== undefined,
    };
    const wanted = all.filter(({ asked }) => isWanted(asked));
    /** Told as one study where it is a whole one. */
    const later: Record<"missing" | "unknown", SweepFinding[]> = { missing: [], unknown: [] };
    let at = 0;
    for await (const read of desk.read(planOf(wanted), sweeper)) {
      const planned = wanted[at++]!;
      const told = toldOf(read, planned);
      if (read.kind !== "withheld") read.done();
      if (isStopped?.() === true) return { ...outcome, isPart: true };
      await this.#requireAnswers(told, study);
      count(outcome, told);
      const { finding } = told;
      if (finding?.kind === "missing" || finding?.kind === "unknown") later[finding.kind].push(finding);
      else if (finding) onFinding(finding);
      onRead(told);
      await pace.next();
      if (isStopped?.() === true) return { ...outcome, isPart: true };
    }
    for (const kind of ["missing", "unknown"] as const)
      this.#tell(kind, later[kind], { study, of: all.length });
    // Whoever lists a study, and not one instance of it to us, keeps something from us.
    if (all.length === 0 && archiveUnlisted === undefined)
      onFinding({ kind: "unavailable", studyInstanceUid: study, codes: ["empty-study"] });
    if (archiveUnlisted === undefined) await this.#sealed(study, all);
    else onFinding({ kind: "unavailable", studyInstanceUid: study, codes: [archiveUnlisted] });
    return outcome;
  }

  /** An archive that is older than its gate must not fill a report. */
  #tell(
    kind: "missing" | "unknown",
    findings: readonly SweepFinding[],
    { study: studyInstanceUid, of }: { readonly study: string; readonly of: number },
  ): void {
    const { onFinding } = this.#parts;
    if (findings.length < of) {
      for (const one of findings) onFinding(one);
      return;
    }
    for (const [verdict, { length: instances }] of Map.groupBy(findings, (one) => one.verdict))
      onFinding({ kind, studyInstanceUid, instances, ...(verdict === undefined ? {} : { verdict }) });
  }

  /** What an archive does not give while it does not answer at all is no finding about that object. */
  async #requireAnswers({ counted, codes }: ToldRead, study: string): Promise<void> {
    const isUnanswered = counted === "unavailable" && codes.some((code) => linkCodes.has(code));
    this.#unanswered = isUnanswered ? this.#unanswered + 1 : 0;
    if (this.#unanswered < unansweredMax) return;
    for await (const _ of this.#parts.archive.list({ studyInstanceUid: study })) break;
    this.#unanswered = 0;
  }

  /** An archive that is away is no finding about its studies. */
  #requireLists(unlisted: string | undefined): void {
    this.#unlisted = unlisted !== undefined && linkCodes.has(unlisted) ? this.#unlisted + 1 : 0;
    if (this.#unlisted < unlistedMax) return;
    this.#unlisted = 0;
    throw new ScansealError(unlisted as ErrorCode, "the archive does not say what its studies have");
  }

  async #sealed(study: string, all: readonly PlannedInstance[]): Promise<void> {
    const { sealed, onFinding } = this.#parts;
    const seals = (await sealed?.instancesOf(study)) ?? [];
    if (seals.length === 0) return;
    const known = new Set(all.map(({ asked }) => asked.sopInstanceUid));
    for (const name of seals)
      if (!known.has(name.sopInstanceUid)) onFinding({ kind: "never-admitted", ...placeOf(name) });
  }
}

/** A list that does not end must not end the sweep. */
async function othersOf({ others }: ReadingPlan): Promise<OtherInstances> {
  try {
    return await others;
  } catch (error) {
    if (!(error instanceof ScansealError) || error.code !== "usage") throw error;
    return { instances: [], archiveUnlisted: "peer-protocol" };
  }
}

/** What became of one instance. */
export interface ToldRead {
  readonly name: InstanceName;
  readonly counted: string;
  readonly codes: readonly string[];
  readonly bytes: number;
  readonly isAdmitted: boolean;
  readonly finding?: SweepFinding | undefined;
}

function toldOf(read: Read, { asked: name, admitted }: PlannedInstance): ToldRead {
  const isAdmitted = admitted !== undefined;
  const base = { name, isAdmitted, codes: [], bytes: 0 };
  if (read.kind === "delivered") {
    const { basis, object } = read.object;
    const { verdict, staged } = object;
    const place = placeOf(name);
    const finding = isAdmitted ? undefined : ({ kind: "unknown", ...place, verdict } as const);
    return { ...base, counted: basis, bytes: staged.bytes, finding };
  }
  // Nothing is opened for a sweep.
  if (read.kind === "opened") return { ...base, counted: "held" };
  const { withholding } = read;
  if (withholding.why === "missing") {
    // Listed, never admitted, and gone before it was fetched.
    const kind = isAdmitted ? "missing" : "unavailable";
    return { ...base, counted: kind, finding: { kind, ...placeOf(name) } };
  }
  if (withholding.why === "unavailable") {
    const codes = [withholding.code];
    return {
      ...base,
      counted: "unavailable",
      codes,
      finding: { kind: "unavailable", ...placeOf(name), codes },
    };
  }
  const { verdict, codes } = withholding;
  return { ...base, counted: "held", codes, finding: { kind: "held", ...placeOf(name), verdict, codes } };
}

function count(outcome: StudyOutcome, { counted, bytes, isAdmitted }: ToldRead): void {
  const { instances, unadmitted } = outcome;
  instances[counted] = (instances[counted] ?? 0) + 1;
  outcome.bytes += bytes;
  if (isAdmitted || counted === "unavailable") return;
  if (counted === "held") unadmitted.held++;
  else if (counted === "observed") unadmitted.unproven++;
  else unadmitted.proven++;
}

function placeOf({
  studyInstanceUid,
  seriesInstanceUid,
  sopInstanceUid,
}: InstanceName): Omit<SweepFinding, "kind"> {
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
}
