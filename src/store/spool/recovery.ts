/** Reads segments after a crash. Numbers are those of spec/spool.md, "Recovery". */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Bytes, equalBytes, toHex } from "../../foundation/bytes.ts";
import type { Disk, DiskFile } from "./disk.ts";
import {
  blockBytes,
  type FrameHeader,
  frameBytes,
  frameHeaderBytes,
  parseFrameHeader,
  parseSegmentHeader,
  parseTrailer,
  type SegmentHeader,
  type Trailer,
} from "./frame.ts";
import type { Segment } from "./segment.ts";
import type { SegmentPool } from "./segment-pool.ts";
import type { RecoveredRecord, SpoolExtent } from "./spool.ts";

/** What is looked at once where no frame is: holes are rare, empty ends of segments are not. */
const windowBytes: number = 1 << 20;

/** A record whose last frame was not met yet. */
interface OpenRecord {
  frames: number;
  bytes: number;
  readonly extents: SpoolExtent[];
  readonly segments: Set<Segment>;
}

export interface Found extends RecoveredRecord {
  readonly segments: readonly Segment[];
}

interface FoundSegment {
  readonly segment: Segment;
  readonly index: number;
}

export class Recovery {
  readonly #folder: string;
  readonly #disk: Disk;
  readonly #pool: SegmentPool;
  readonly #window: Bytes = new Uint8Array(windowBytes);
  readonly #records = new Map<string, OpenRecord>();

  constructor(folder: string, disk: Disk, pool: SegmentPool) {
    this.#folder = folder;
    this.#disk = disk;
    this.#pool = pool;
  }

  /** @param files names of segment files. Segments without a found record are left with no reference */
  async *run(files: ReadonlyMap<number, string>): AsyncGenerator<Found> {
    // 1. Headers; segments in the order they were filled.
    const segments: FoundSegment[] = [];
    for (const [index, file] of files) {
      const segment = await this.#header(file);
      if (segment) segments.push({ segment, index });
    }
    segments.sort((a, b) => a.segment.header.order - b.segment.header.order);
    for (const { segment } of segments) yield* this.#segment(segment);
  }

  async #header(file: string): Promise<Segment | undefined> {
    const handle = await this.#disk.open(join(this.#folder, file));
    try {
      const block = this.#window.subarray(0, blockBytes).fill(0);
      if ((await handle.size()) >= blockBytes) await handle.read(block, 0);
      const header = parseSegmentHeader(block);
      if (header) return this.#pool.adopt(file, header);
      // Preparing was cut short: nothing was ever written into it. Anything else is damage, and left for a person to look at.
      if (block.every((byte) => byte === 0)) this.#pool.drop(file);
      return undefined;
    } finally {
      await handle.close();
    }
  }

  async *#segment(segment: Segment): AsyncGenerator<Found> {
    const handle = await this.#disk.open(join(this.#folder, segment.file));
    try {
      const size = Math.min(await handle.size(), segment.header.bytes);
      for await (const [offset, frame] of this.#frames(handle, size, segment.header)) {
        // 3. Frames of a record follow each other without a gap.
        const record = this.#collect(segment, offset, frame);
        if (frame.trailerBytes === 0 || record === undefined) continue;
        this.#records.delete(toHex(frame.record));
        // 4. The trailer, vouched for by its frame's header, and the length.
        const bytes = new Uint8Array(frame.trailerBytes);
        await handle.read(bytes, offset + frameHeaderBytes + frame.payloadBytes);
        const trailer = parseTrailer(bytes, frame.trailerCrc);
        if (trailer === undefined || trailer.total !== record.bytes) continue;
        // 5. The digest: what of the payload was torn shows here.
        if (!(await this.#isIntact(record, trailer))) continue;
        const { extents, segments } = record;
        const location = { extents, bytes: trailer.total };
        yield { header: trailer.header, digest: trailer.digest, location, segments: [...segments] };
      }
    } finally {
      await handle.close();
    }
  }

  /** 2. Frame after frame; where none begins, the next block is looked at. */
  async *#frames(
    handle: DiskFile,
    size: number,
    { life }: SegmentHeader,
  ): AsyncGenerator<readonly [number, FrameHeader]> {
    let from = 0;
    let until = 0;
    let isAfterFrame = true;
    for (let at = blockBytes; at + blockBytes <= size; ) {
      if (at + blockBytes > until) {
        from = at;
        until = Math.min(size, at + (isAfterFrame ? blockBytes : windowBytes));
        await handle.read(this.#window.subarray(0, until - from), from);
      }
      const frame = parseFrameHeader(this.#window.subarray(at - from), life, size - at);
      isAfterFrame = frame !== undefined;
      if (frame) {
        yield [at, frame];
        at += frameBytes(frame.payloadBytes, frame.trailerBytes);
        // The window may have been used meanwhile.
        until = 0;
      } else at += blockBytes;
    }
  }

  #collect(segment: Segment, offset: number, frame: FrameHeader): OpenRecord | undefined {
    const id = toHex(frame.record);
    let record = this.#records.get(id);
    if (record === undefined && frame.sequence === 0) {
      record = { frames: 0, bytes: 0, extents: [], segments: new Set() };
      this.#records.set(id, record);
    }
    if (record === undefined) return undefined;
    if (record.frames !== frame.sequence) {
      this.#records.delete(id);
      return undefined;
    }
    record.frames++;
    record.bytes += frame.payloadBytes;
    record.segments.add(segment);
    const length = frame.payloadBytes;
    if (length > 0 || record.extents.length === 0) {
      record.extents.push({ segment: segment.name, offset: offset + frameHeaderBytes, length });
    }
    return record;
  }

  async #isIntact(record: OpenRecord, trailer: Trailer): Promise<boolean> {
    const files = new Map([...record.segments].map((segment) => [segment.name, segment.file]));
    const hash = createHash("sha256");
    let open: { readonly name: string; readonly handle: DiskFile } | undefined;
    try {
      for (const { segment, offset, length } of record.extents) {
        if (open?.name !== segment) {
          await open?.handle.close();
          open = undefined;
          open = { name: segment, handle: await this.#disk.open(join(this.#folder, files.get(segment)!)) };
        }
        for (let at = 0; at < length; at += windowBytes) {
          const piece = this.#window.subarray(0, Math.min(windowBytes, length - at));
          await open.handle.read(piece, offset + at);
          hash.update(piece);
        }
      }
    } finally {
      await open?.handle.close();
    }
    return equalBytes(hash.digest(), trailer.digest);
  }
}
