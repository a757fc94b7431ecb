/** How far a sweep has come, in a file: cut off at any moment, it goes on with the study it was in. */
import { fromUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { fileExists, readPrivateFile, replaceFileDurably } from "../../platform/node/private-files.ts";

export interface SweepCounts {
  studies: number;
  /** Instances by what became of them: a basis of admission, or why they were withheld. */
  instances: Record<string, number>;
  bytes: number;
}

export interface SweepState {
  readonly format: "scanseal-sweep-1";
  /** What is swept, as it was named. */
  readonly what: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Studies go by UID; all up to this one are done. */
  readonly done: string;
  readonly counts: SweepCounts;
}

const stateBytesMax = 65_536;

/** Undefined where there is none, or one of something else. @throws ScansealError `io` also for a damaged one */
export function readSweepState(path: string, what: string): SweepState | undefined {
  if (!fileExists(path)) return undefined;
  try {
    const state = JSON.parse(fromUtf8(readPrivateFile(path, stateBytesMax))) as SweepState;
    const isSound =
      state.format === "scanseal-sweep-1" && typeof state.done === "string" && state.counts !== undefined;
    if (isSound) return state.what === what ? state : undefined;
  } catch (error) {
    if (error instanceof ScansealError) throw error;
  }
  throw new ScansealError("io", "the sweep's state is damaged: --again begins anew");
}

export function writeSweepState(path: string, state: SweepState): void {
  replaceFileDurably(path, utf8(JSON.stringify(state)), { mode: 0o600 });
}
