/** A sweep of the archive at its hour, in the gate's process: it rests when it is to rest, and goes on after a restart where it was. */
import type { Clock } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import { ArchiveSweep, type SweptStudies } from "./archive-sweep.ts";
import { checkedCounts } from "./sentinel.ts";
import type { StudyCheck, StudyOutcome } from "./study-check.ts";
import type { SweepFinding } from "./sweep-finding.ts";
import { pruneReports, SweepReport } from "./sweep-report.ts";
import { isPause, lastBegin, type SweepSchedule } from "./sweep-schedule.ts";
import { newState, readSweepState, type SweepState, writeSweepState } from "./sweep-state.ts";

export interface ScheduledSweepParts {
  readonly schedule: SweepSchedule;
  /** Of the archive, as the configuration has it. */
  readonly name: string;
  /** Where it is, as of now. */
  readonly place: () => string;
  readonly statePath: string;
  readonly reports: string;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly isStopped: () => boolean;
  /** Open for one round. @throws ScansealError of the archive's list; `io` */
  readonly open: (body: (opened: OpenSweep) => Promise<void>) => Promise<void>;
}

interface OpenSweep {
  readonly check: (onFinding: (finding: SweepFinding) => void) => Pick<StudyCheck, "check">;
  readonly studies: SweptStudies;
}

export class ScheduledSweep {
  readonly #parts: ScheduledSweepParts;

  constructor(parts: ScheduledSweepParts) {
    this.#parts = parts;
  }

  /** The last one, complete or under way. @throws ScansealError `io` */
  state(): SweepState | undefined {
    return readSweepState(this.#parts.statePath, this.#parts.place());
  }

  /** Begins or goes on where it is time to. @throws ScansealError of the archive's list, or when it answers nothing any more: the next look goes on; `io` */
  async look(): Promise<void> {
    const { schedule, place, statePath, clock } = this.#parts;
    const now = clock.now();
    let state = this.#readState();
    if (state === undefined) {
      // This archive was never swept: the next hour is waited for, also by a gate that is down at each of them.
      writeSweepState(statePath, { ...newState(place(), now), endedAt: now });
      return;
    }
    if (state === "damaged" || state.endedAt !== undefined) {
      // A clock that was ahead must not keep every hour to come from being one.
      const begunAt =
        state === "damaged" || state.startedAt > now ? Number.NEGATIVE_INFINITY : state.startedAt;
      if (lastBegin(schedule, now) <= begunAt) return;
      state = newState(place(), now);
      writeSweepState(statePath, state);
    }
    const from = state;
    if (!isPause(schedule, now)) await this.#parts.open((opened) => this.#run(from, opened));
  }

  /** A damaged one costs a sweep from its begin, not every sweep. */
  #readState(): SweepState | "damaged" | undefined {
    try {
      return this.state();
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
      this.#parts.events({ kind: "fault", where: "sweep", code: error.code, why: "the state is damaged" });
      return "damaged";
    }
  }

  async #run(from: SweepState, { check: checkOf, studies }: OpenSweep): Promise<void> {
    const { name, statePath, reports, clock, events } = this.#parts;
    const report = new SweepReport(reports, from.startedAt, from.reported);
    if (report.isCut)
      events({ kind: "fault", where: "sweep", code: "io", why: "its report has lost what was in it" });
    try {
      const findings = { ...from.counts.findings };
      let sealedMissing: number | undefined;
      const onFinding = (finding: SweepFinding): void => {
        findings[finding.kind] = (findings[finding.kind] ?? 0) + 1;
        report.add(finding);
        const { kind, sopInstanceUid, instances = 0 } = finding;
        if (kind === "missing" && sopInstanceUid === undefined)
          events({ kind: "study-missing", by: "sweep", archive: name, instances });
        if (kind === "never-admitted") sealedMissing = (sealedMissing ?? 0) + (sopInstanceUid ? 1 : 0);
      };
      const check = checkOf(onFinding);
      const { length } = studies.ofArchive;
      events({ kind: "sweep-begun", archive: name, studies: length, isResumed: from.done !== "" });
      let studyAt = clock.now();
      const onStudy = (state: SweepState, outcome: StudyOutcome | undefined): void => {
        if (sealedMissing !== undefined)
          events({ kind: "sealed-missing", archive: name, instances: sealedMissing });
        sealedMissing = undefined;
        report.sync();
        writeSweepState(statePath, counted(state));
        const ms = clock.now() - studyAt;
        studyAt = clock.now();
        if (outcome)
          events({ kind: "study-checked", by: "sweep", archive: name, ...checkedCounts(outcome), ms });
      };
      const counted = (state: SweepState): SweepState => {
        return { ...state, counts: { ...state.counts, findings: { ...findings } }, reported: report.bytes };
      };
      const sweep = new ArchiveSweep({
        ...{ check, studies, onFinding, onStudy, onProgress: () => undefined },
        mayGoOn: async () => !this.#parts.isStopped() && !isPause(this.#parts.schedule, clock.now()),
      });
      const { state, isDone } = await sweep.run(from);
      if (isDone) this.#end({ ...counted(state), endedAt: clock.now() }, report);
    } finally {
      report.close();
    }
  }

  #end(state: SweepState, report: SweepReport): void {
    const { name, statePath, reports, events } = this.#parts;
    report.end(state, name);
    writeSweepState(statePath, state);
    pruneReports(reports);
    const { studies, instances, findings } = state.counts;
    const { held = 0, missing = 0 } = instances;
    // Studies of which the archive does not say what they have, too.
    const { unavailable = 0 } = findings;
    events({
      ...{ kind: "sweep-ended", archive: name, studies, held, missing, unavailable },
      objects: Object.values(instances).reduce((sum, count) => sum + count, 0),
      unknown: findings.unknown ?? 0,
      sealedMissing: findings["never-admitted"] ?? 0,
      ms: (state.endedAt ?? state.startedAt) - state.startedAt,
    });
  }
}
