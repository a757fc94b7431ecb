/** How far a sweep has come, in a file: cut off at any moment, it goes on with the study it was in. */
import { fromUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { fileExists, readPrivateFile, replaceFileDurably } from "../../platform/node/private-files.ts";

export interface SweepCounts {
  studies: number;
  /** Instances by what became of them: a basis of admission, or why they were withheld. */
  instances: Record<string, number>;
  /** Findings by kind. */
  findings: Record<string, number>;
  bytes: number;
}

export interface SweepState {
  readonly format: "scanseal-sweep-2";
  /** What is swept, as it was named. */
  readonly what: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Undefined while it is under way. */
  readonly endedAt?: number | undefined;
  /** Studies go by UID; all up to this one are done. */
  readonly done: string;
  readonly counts: SweepCounts;
  /** Of the report, in bytes: what stands behind is of a study that was cut off. */
  readonly reported: number;
}

const stateBytesMax = 65_536;

export function newState(what: string, startedAt: number): SweepState {
  const counts = { studies: 0, instances: {}, findings: {}, bytes: 0 };
  return { format: "scanseal-sweep-2", what, startedAt, done: "", counts, reported: 0 };
}

/** Undefined where there is none, or one of something else or of an earlier program. @throws ScansealError `io` also for a damaged one */
export function readSweepState(path: string, what: string): SweepState | undefined {
  if (!fileExists(path)) return undefined;
  try {
    const state = JSON.parse(fromUtf8(readPrivateFile(path, stateBytesMax))) as SweepState;
    if ((state.format as string) === "scanseal-sweep-1") return undefined;
    const isSound =
      state.format === "scanseal-sweep-2" &&
      typeof state.done === "string" &&
      typeof state.counts?.instances === "object" &&
      typeof state.counts.findings === "object" &&
      Number.isSafeInteger(state.reported) &&
      Number.isSafeInteger(state.startedAt);
    if (isSound) return state.what === what ? state : undefined;
  } catch (error) {
    if (error instanceof ScansealError) throw error;
  }
  throw new ScansealError("io", "the sweep's state is damaged: --again begins anew");
}

export function writeSweepState(path: string, state: SweepState): void {
  replaceFileDurably(path, utf8(JSON.stringify(state)), { mode: 0o600 });
}
