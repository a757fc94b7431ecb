/** The embedded spool: a log of frames in recycled segment files, shared by all writers (spec/spool.md). */
import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import type { ByteSource } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { Clock } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { openExtents } from "../../platform/node/extents-source.ts";
import type { Disk, FolderClaim } from "./disk.ts";
import { blockBytes, segmentIndex } from "./frame.ts";
import { FrameLog } from "./frame-log.ts";
import { nodeDisk } from "./node-disk.ts";
import { type RecordHost, RecordWriter } from "./record-writer.ts";
import { Recovery } from "./recovery.ts";
import type { Segment } from "./segment.ts";
import { SegmentPool } from "./segment-pool.ts";
import type {
  FileExtent,
  RecoveredRecord,
  Spool,
  SpoolDisk,
  SpoolLocation,
  SpoolUsage,
  SpoolWriter,
} from "./spool.ts";
import { WriteBuffers } from "./write-buffers.ts";

export interface SegmentSpoolOptions {
  /** What the segment files may take of the disk, in whole segments. */
  readonly bytesMax: number;
  /** Of one segment file: a multiple of 4096, at least 128 KiB. By default an eighth of `bytesMax`, 1 to 64 MiB. */
  readonly segmentBytes?: number | undefined;
  readonly disk?: Disk | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Of one frame. A CT slice takes two: the first is on the disk before its last byte has come, so that less is left to wait for. Measured in the
 * gate, from a slice's last byte until it is durable, median: frames of 96 KiB 0.86 ms (each costs a hand-over to another thread), of 128 0.72,
 * of 192 0.53, of 256 0.58, of 384 0.45, of 576 0.70.
 */
const bufferBytesWanted: number = 384 << 10;
/** 7.5 MiB of buffers for everyone; above it writers are asked to wait. */
const buffersMax = 20;
/** A record's trailer may have 64 KiB and fits into one frame. */
const segmentBytesMin: number = 128 << 10;
/** Looking at the disk's free space takes a call in another thread; more often says no more. */
const freeCheckMs = 1000;

interface LiveRecord {
  readonly bytes: number;
  readonly segments: readonly Segment[];
}

/**
 * Opens or makes the folder and takes its lock: one process has a spool. Where there are segments, `recover` comes before the first `begin`.
 * @throws ScansealError `usage` for sizes that cannot be, `io` (also: another process has it), `key-unusable` when others may enter the folder
 */
export async function openSegmentSpool(folder: string, options: SegmentSpoolOptions): Promise<Spool> {
  const { bytesMax, disk = nodeDisk } = options;
  const segmentBytes = options.segmentBytes ?? defaultSegmentBytes(bytesMax);
  if (
    !Number.isSafeInteger(segmentBytes) ||
    segmentBytes < segmentBytesMin ||
    segmentBytes % blockBytes !== 0
  ) {
    throw new ScansealError("usage", "a spool segment is a multiple of 4096 bytes and at least 128 KiB");
  }
  if (!Number.isSafeInteger(bytesMax) || bytesMax < 2 * segmentBytes) {
    throw new ScansealError("usage", "a spool holds at least two segments");
  }
  const path = resolve(folder);
  const claim = await disk.claim(path);
  try {
    const spool = new SegmentSpool(
      path,
      { bytesMax, segmentBytes, disk, clock: options.clock ?? Date },
      claim,
    );
    await spool.start();
    return spool;
  } catch (error) {
    claim.release();
    throw error;
  }
}

function defaultSegmentBytes(bytesMax: number): number {
  const mebibyte = 1 << 20;
  const eighth = Math.floor(bytesMax / 8 / mebibyte) * mebibyte;
  return Math.min(64 * mebibyte, Math.max(mebibyte, eighth));
}

interface Setting {
  readonly bytesMax: number;
  readonly segmentBytes: number;
  readonly disk: Disk;
  readonly clock: Clock;
}

class SegmentSpool implements Spool, RecordHost {
  readonly log: FrameLog;
  readonly buffers: WriteBuffers;
  readonly #folder: string;
  readonly #setting: Setting;
  readonly #claim: FolderClaim;
  readonly #pool: SegmentPool;
  /** By the place of the first extent. */
  readonly #live = new Map<string, LiveRecord>();
  readonly #open = new Set<RecordWriter>();
  /** With a counter, the names of records: other runs have other ones. */
  readonly #session: Bytes = randomBytes(8);
  #recordCount = 0;
  #files: ReadonlyMap<number, string> = new Map();
  #recovery: "needed" | "running" | "done" = "needed";
  #bytes = 0;
  #freeCheckedAt = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(folder: string, setting: Setting, claim: FolderClaim) {
    const { bytesMax, segmentBytes, disk } = setting;
    this.#folder = folder;
    this.#setting = setting;
    this.#claim = claim;
    const segmentsMax = Math.floor(bytesMax / segmentBytes);
    this.#pool = new SegmentPool({ folder, disk, segmentBytes, segmentsMax });
    this.log = new FrameLog(this.#pool);
    // A frame must fit into a segment, beside its header.
    this.buffers = new WriteBuffers(Math.min(bufferBytesWanted, segmentBytes - blockBytes), buffersMax);
  }

  async start(): Promise<void> {
    const files = new Map<number, string>();
    for (const name of await this.#setting.disk.list(this.#folder)) {
      const index = segmentIndex(name);
      if (index === undefined) continue;
      files.set(index, name);
      this.#pool.found(index);
    }
    this.#files = files;
    if (files.size === 0) await this.#finishRecovery();
  }

  async #finishRecovery(): Promise<void> {
    this.#recovery = "done";
    // spec/spool.md, Recovery, 6.
    this.#pool.adopted();
    // The first of them; what is wrong with the disk is told by the first `begin`.
    await this.#pool.whenReady();
  }

  begin(): SpoolWriter {
    this.#requireOpen();
    if (this.#recovery !== "done") throw new ScansealError("usage", "the spool must be recovered first");
    this.#checkFreeSpace();
    const refusal = this.#refusalNow();
    if (refusal) {
      // The next one may find that it has become better.
      void this.#makeRoom();
      throw refusal;
    }
    const id = new Uint8Array(16);
    id.set(this.#session, 0);
    new DataView(id.buffer).setBigUint64(8, BigInt(this.#recordCount++));
    const writer = new RecordWriter(this, id);
    this.#open.add(writer);
    return writer;
  }

  async refusal(): Promise<ScansealError | undefined> {
    if (this.#closing || this.#recovery !== "done") return undefined;
    await this.#makeRoom();
    return this.#refusalNow();
  }

  /** Segments that are needed and can be made are made; those that are not, where the disk is short, are given back. Never rejects. */
  #makeRoom(): Promise<void> {
    if (this.log.room + this.#pool.readyBytes < this.#roomForOne) this.log.renewSpent();
    return this.#pool.prepare();
  }

  /** For the first frame of a record. */
  get #roomForOne(): number {
    return this.buffers.bufferBytes + blockBytes;
  }

  /** What is allocated already is written without new space: however full the disk is, it is room. */
  #refusalNow(): ScansealError | undefined {
    if (this.#bytes >= this.#setting.bytesMax) return quotaError();
    const { failure, room } = this.#pool;
    if (failure?.code === "io") return failure;
    if (this.log.room + room < this.#roomForOne) return failure ?? quotaError();
    return undefined;
  }

  /** So that a disk that somebody else fills gets back what is kept in advance. */
  #checkFreeSpace(): void {
    const now = this.#setting.clock.now();
    if (now - this.#freeCheckedAt < freeCheckMs) return;
    this.#freeCheckedAt = now;
    void this.#pool.prepare();
  }

  arrived(bytes: number): void {
    if (this.#bytes + bytes > this.#setting.bytesMax) throw quotaError();
    this.#bytes += bytes;
  }

  committed(writer: RecordWriter, location: SpoolLocation, segments: readonly Segment[]): void {
    this.#open.delete(writer);
    this.#live.set(keyOf(location), { bytes: location.bytes, segments });
  }

  gone(writer: RecordWriter, bytes: number): void {
    this.#open.delete(writer);
    this.#bytes -= bytes;
  }

  files(location: SpoolLocation): readonly FileExtent[] {
    return location.extents.map(({ segment, offset, length }) => {
      const known = this.#pool.segment(segment);
      if (!known) throw new ScansealError("io", "the spool does not have this record any more");
      return { path: join(this.#folder, known.file), offset, length };
    });
  }

  async open(location: SpoolLocation): Promise<ByteSource & { close(): Promise<void> }> {
    return openExtents(this.files(location), (path) => this.#setting.disk.open(path));
  }

  async release(location: SpoolLocation): Promise<void> {
    const key = keyOf(location);
    const record = this.#live.get(key);
    if (!record) return;
    this.#live.delete(key);
    this.#bytes -= record.bytes;
    for (const segment of record.segments) segment.dropReference();
  }

  async *recover(): AsyncGenerator<RecoveredRecord> {
    this.#requireOpen();
    if (this.#recovery === "done" && this.#files.size === 0) return;
    if (this.#recovery !== "needed") throw new ScansealError("usage", "a spool is recovered once");
    this.#recovery = "running";
    const { disk } = this.#setting;
    for await (const found of new Recovery(this.#folder, disk, this.#pool).run(this.#files)) {
      const { header, digest, location, segments } = found;
      for (const segment of segments) segment.addReference();
      this.#live.set(keyOf(location), { bytes: location.bytes, segments });
      this.#bytes += location.bytes;
      yield { header, digest, location };
    }
    await this.#finishRecovery();
  }

  usage(): SpoolUsage {
    return {
      bytes: this.#bytes,
      records: this.#live.size + this.#open.size,
      bytesMax: this.#setting.bytesMax,
    };
  }

  async disk(): Promise<SpoolDisk> {
    const freeBytes = await this.#setting.disk.freeBytes(this.#folder);
    return { freeBytes, neededBytes: this.#pool.neededBytes };
  }

  #requireOpen(): void {
    if (this.#closing) throw new ScansealError("io", "the spool is closed");
  }

  /** Records that are not committed by now are discarded. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const writer of this.#open) writer.discard();
    await this.log.drain();
    await this.#pool.close();
    this.#claim.release();
  }
}

function keyOf({ extents }: SpoolLocation): string {
  return extents[0] === undefined ? "" : `${extents[0].segment}:${extents[0].offset}`;
}

function quotaError(): ScansealError {
  return new ScansealError("storage-full", "the spool's quota is used up");
}
