/** Every object of an archive, verified once more and compared with what the gate admitted; what it should have and has not, too. */
import type { SealedHere, StudyCheck, StudyOutcome } from "./study-check.ts";
import type { SweepFinding } from "./sweep-finding.ts";
import type { SweepState } from "./sweep-state.ts";

export interface SweepParts {
  readonly check: Pick<StudyCheck, "check">;
  /** Of archive, index and seals; in any order, some more than once. */
  readonly studies: SweptStudies;
  readonly onFinding: (finding: SweepFinding) => void;
  /** After each object: what was done, of how many studies. */
  readonly onProgress: (state: SweepState, studiesMax: number) => void;
  /** After each study: durable. */
  readonly onStudy: (state: SweepState, outcome: StudyOutcome | undefined) => void;
  /** Asked before each study: may wait. False: the sweep ends here, and goes on another time. */
  readonly mayGoOn?: (() => Promise<boolean>) | undefined;
}

export interface SweptStudies {
  readonly ofArchive: readonly string[];
  readonly ofIndex: readonly string[];
  readonly sealed: Awaited<ReturnType<SealedHere["studies"]>>;
}

export class ArchiveSweep {
  readonly #parts: SweepParts;

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /**
   * @param from where an earlier run stopped @returns the state, and whether nothing is left to do
   * @throws ScansealError `io` of index and journal; `network`, `timeout`, `peer-*` when the archive answers nothing any more
   */
  async run(from: SweepState): Promise<{ readonly state: SweepState; readonly isDone: boolean }> {
    const { studies, check, mayGoOn, onFinding, onProgress, onStudy } = this.#parts;
    const known = new Set([...studies.ofArchive, ...studies.ofIndex]);
    const all = [...new Set([...known, ...studies.sealed])].sort();
    let state: SweepState = { ...from, counts: structuredClone(from.counts) };
    for (const study of all) {
      if (study <= from.done) continue;
      if (mayGoOn && !(await mayGoOn())) return { state, isDone: false };
      const { counts } = state;
      let outcome: StudyOutcome | undefined;
      if (known.has(study)) {
        const progress = structuredClone(counts);
        outcome = await check.check(study, undefined, ({ counted, bytes }) => {
          progress.instances[counted] = (progress.instances[counted] ?? 0) + 1;
          progress.bytes += bytes;
          onProgress({ ...state, counts: progress }, all.length);
        });
        // What was stopped within a study begins anew with it.
        if (outcome.isPart && mayGoOn && !(await mayGoOn())) return { state, isDone: false };
        for (const [what, n] of Object.entries(outcome.instances))
          counts.instances[what] = (counts.instances[what] ?? 0) + n;
        counts.bytes += outcome.bytes;
      } else onFinding({ kind: "never-admitted", studyInstanceUid: study });
      counts.studies++;
      state = { ...state, done: study };
      onStudy(state, outcome);
    }
    return { state, isDone: true };
  }
}
