/**
 * Port: where arriving objects become durable before they are acknowledged (DESIGN 5). Records are written while they arrive, committed by
 * writes that are durable when they end, read back by range, and released when they live elsewhere.
 */
import type { ByteSource } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { ScansealError } from "../../foundation/errors.ts";

/** A part of a record: `length` bytes at `offset` of segment file `segment`. */
export interface SpoolExtent {
  readonly segment: string;
  readonly offset: number;
  readonly length: number;
}

/** Plain JSON, kept in the journal. */
export interface SpoolLocation {
  readonly extents: readonly SpoolExtent[];
  readonly bytes: number;
}

export interface SpoolWriter {
  /** Copies what it needs before it returns; a promise asks for patience. @throws ScansealError `storage-full`, `io`: the record is gone */
  write(bytes: Bytes): void | Promise<void>;
  /**
   * The record is complete. Resolves when header, bytes and digest are durable.
   * @param header JSON for recovery, at most 64 KiB: whatever a journal row needs that the bytes do not say
   * @param digest SHA-256 of the bytes written, 32 bytes; checked in recovery
   * @throws ScansealError `storage-full`, `io`: the record is gone
   */
  commit(header: Bytes, digest: Bytes): Promise<SpoolLocation>;
  /** Forgets the record. Idempotent, never throws. */
  discard(): void;
}

/** A committed record found at start. */
export interface RecoveredRecord {
  readonly header: Bytes;
  readonly digest: Bytes;
  readonly location: SpoolLocation;
}

export interface Spool {
  /** @throws ScansealError `storage-full` when the quota or the disk has no room for one more record, `io` (also for a read-only disk) */
  begin(): SpoolWriter;
  /** Absolute path of each extent, for readers in other threads. The files stay as they are until the record is released. */
  files(location: SpoolLocation): readonly FileExtent[];
  /** @throws ScansealError `io` */
  open(location: SpoolLocation): Promise<ByteSource & { close(): Promise<void> }>;
  /** The record lives elsewhere, durably. Its space is reused; releasing twice is fine. */
  release(location: SpoolLocation): Promise<void>;
  /** Once, before the first `begin`: every committed record that was not released. What was torn by a crash is dropped: it was never acknowledged. */
  recover(): AsyncIterable<RecoveredRecord>;
  usage(): SpoolUsage;
  /** Why `begin` would refuse an object now; undefined where it would take one. Looks at the disk, and gives back what is kept in advance where it is short. */
  refusal(): Promise<ScansealError | undefined>;
  /** What the disk has free, and what it must have for another segment. @throws ScansealError `io` */
  disk(): Promise<SpoolDisk>;
  close(): Promise<void>;
}

export interface SpoolDisk {
  readonly freeBytes: number;
  /** A segment, and the reserve. */
  readonly neededBytes: number;
}

export interface SpoolUsage {
  /** Of committed records that are not released, and of those being written. */
  readonly bytes: number;
  readonly records: number;
  readonly bytesMax: number;
}

/** Plain data: crosses to workers. */
export interface FileExtent {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}
