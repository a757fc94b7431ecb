/** Every object of an archive, verified once more and compared with what the gate admitted; what it should have and has not, too. */
import type { Clock } from "../../foundation/crypto.ts";
import type { ReadingReader } from "../../zero-trust/gateway/reading/instance-reading.ts";
import type { InstanceName } from "../../zero-trust/gateway/reading/ports.ts";
import type { Read } from "../../zero-trust/gateway/reading/read.ts";
import type { ReadingDesk } from "../../zero-trust/gateway/reading/reading-desk.ts";
import type { SweepCounts, SweepState } from "./sweep-state.ts";

/** Something a person should look at. */
export interface SweepFinding {
  /**
   * held: it does not pass. missing: admitted, and not there. unavailable: it could not be read. unknown: never admitted by the gate, whatever it
   * proves. never-admitted: sealed at this site, and neither admitted nor there.
   */
  readonly kind: "held" | "missing" | "unavailable" | "unknown" | "never-admitted";
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
  readonly verdict?: string;
  readonly codes?: readonly string[];
}

export interface SweepParts {
  readonly desk: Pick<ReadingDesk, "plan" | "read">;
  /** Of archive, index and seals; in any order, some more than once. */
  readonly studies: SweptStudies;
  readonly clock: Clock;
  /** Objects a second at most; undefined: as fast as it goes. */
  readonly rate?: number | undefined;
  readonly onFinding: (finding: SweepFinding) => void;
  /** After each object: what was done, of how many studies. */
  readonly onProgress: (state: SweepState, studiesMax: number) => void;
  /** After each study: durable. */
  readonly onStudy: (state: SweepState) => void;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface SweptStudies {
  readonly ofArchive: readonly string[];
  readonly ofIndex: readonly string[];
  readonly sealed: readonly string[];
}

/** Nothing is withheld that is only unproven: it is counted. */
const sweeper: ReadingReader = { name: "sweep", mode: "observe" };

export class ArchiveSweep {
  readonly #parts: SweepParts;
  #startedAt = 0;
  #objects = 0;

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** @param from where an earlier run stopped @throws ScansealError `io` of index and journal */
  async run(from: SweepState): Promise<SweepState> {
    const { ofArchive, ofIndex, sealed } = this.#parts.studies;
    const all = [...new Set([...ofArchive, ...ofIndex, ...sealed])].sort();
    const known = new Set([...ofArchive, ...ofIndex]);
    this.#startedAt = this.#parts.clock.now();
    let state: SweepState = { ...from, counts: structuredClone(from.counts) };
    for (const study of all.filter((uid) => uid > from.done)) {
      if (known.has(study))
        await this.#sweepStudy(study, state.counts, () => this.#parts.onProgress(state, all.length));
      else this.#parts.onFinding({ kind: "never-admitted", studyInstanceUid: study });
      state.counts.studies++;
      state = { ...state, done: study };
      this.#parts.onStudy(state);
    }
    return state;
  }

  async #sweepStudy(study: string, counts: SweepCounts, progress: () => void): Promise<void> {
    const { desk, onFinding } = this.#parts;
    const plan = await desk.plan({ studyInstanceUid: study }, sweeper);
    const { instances: others } = await plan.others;
    const unknown = new Set(others.map(({ asked }) => asked.sopInstanceUid));
    for await (const read of desk.read(plan, sweeper)) {
      const told = outcomeOf(read);
      counts.instances[told.counted] = (counts.instances[told.counted] ?? 0) + 1;
      if (read.kind === "delivered") counts.bytes += read.object.object.staged.bytes;
      if (told.finding) onFinding(told.finding);
      else if (unknown.has(told.name.sopInstanceUid)) onFinding({ kind: "unknown", ...placeOf(told.name) });
      if (read.kind !== "withheld") read.done();
      progress();
      await this.#pace();
    }
  }

  /** So that the archive's own readers go first. */
  async #pace(): Promise<void> {
    const { rate, clock, sleep } = this.#parts;
    this.#objects++;
    if (rate === undefined) return;
    const ahead = this.#startedAt + (this.#objects * 1_000) / rate - clock.now();
    if (ahead > 0) await sleep(ahead);
  }
}

function outcomeOf(read: Read): {
  readonly counted: string;
  readonly name: InstanceName;
  readonly finding?: SweepFinding;
} {
  if (read.kind === "delivered") return { counted: read.object.basis, name: read.object.object };
  // Nothing is opened for a sweep.
  if (read.kind === "emergency") return { counted: "held", name: read.object.object };
  const { instance: name, withholding } = read;
  if (withholding.why === "missing" || withholding.why === "unavailable")
    return { counted: withholding.why, name, finding: { kind: withholding.why, ...placeOf(name) } };
  const { verdict, codes } = withholding;
  return { counted: "held", name, finding: { kind: "held", ...placeOf(name), verdict, codes } };
}

function placeOf({
  studyInstanceUid,
  seriesInstanceUid,
  sopInstanceUid,
}: InstanceName): Omit<SweepFinding, "kind"> {
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
}
