/** Ports: what a transparency log, and what a witness, must never forget. */
import type { Bytes } from "../../foundation/bytes.ts";

export interface LogHead {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Bytes;
}

export interface LogState {
  readonly epoch: number;
  /** Entries that have their place, for ever. */
  readonly size: number;
  /** Of the checkpoint that was committed last. */
  readonly published: LogHead;
  /** As it was signed; empty before the first. */
  readonly checkpoint: string;
}

export interface LogBatch {
  /** Index of its first entry. */
  readonly first: number;
  readonly count: number;
  /** An entry bundle. */
  readonly entries: Bytes;
}

/** Errors: ScansealError `io`, `storage-full`; `log-conflict` where said. */
export interface LogJournal {
  /** @param root of the empty tree @throws ScansealError `usage` when the log is there already */
  create(origin: string, root: Bytes): Promise<void>;
  /** The caller becomes the log's sequencer: whoever was it can neither append nor commit any more. @throws ScansealError `usage` when there is no such log */
  take(origin: string): Promise<LogState>;
  /** @throws ScansealError `usage` when there is no such log */
  state(origin: string): Promise<LogState>;
  /** Durable when it resolves. @throws ScansealError `log-conflict` when another sequencer has the log, or it has not `batch.first` entries */
  append(origin: string, epoch: number, batch: LogBatch): Promise<void>;
  /** At most `limit` batches from an index on, in order. */
  pending(origin: string, from: number, limit: number): Promise<readonly LogBatch[]>;
  /**
   * Compare and set of the published head; the batches it covers are deleted. Durable when it resolves.
   * @throws ScansealError `log-conflict` when another sequencer has the log, or `from` is not its published head
   */
  commit(origin: string, epoch: number, from: LogHead, to: LogHead, checkpoint: string): Promise<void>;
  close(): Promise<void>;
}

export interface WitnessMemory {
  /** Undefined: never cosigned. */
  witnessed(origin: string): Promise<LogHead | undefined>;
  /** Compare and set, durable when it resolves. @returns false when it was not `from` any more */
  remember(origin: string, from: LogHead | undefined, to: LogHead): Promise<boolean>;
  close(): Promise<void>;
}
