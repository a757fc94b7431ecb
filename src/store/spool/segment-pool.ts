/**
 * Segment files: made ahead of need, filled, recycled. A segment is handed out with zeros (or an earlier life's bytes) in all its
 * blocks and a durable header and name, so that a durable write has data to write and no metadata.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { segmentFileName, segmentHeaderBytes } from "./frame.ts";
import { Segment } from "./segment.ts";

/** One to be filled next and one to be made meanwhile. */
const readyMin = 2;
/** Recycled segments that are kept. More are deleted: a burst must not keep the disk for ever. */
const readyMax = 8;
/** Where the disk is short: what is allocated is written without new space, but all else goes back to whoever needs the disk. */
const readyWhenShort = 1;
const zeroBytes: Uint8Array = new Uint8Array(1 << 20);

export interface PoolOptions {
  readonly folder: string;
  readonly disk: Disk;
  readonly segmentBytes: number;
  readonly segmentsMax: number;
}

/** A file nobody needs any more. */
interface FreeFile {
  readonly file: string;
  readonly isReusable: boolean;
}

export class SegmentPool {
  readonly #options: PoolOptions;
  /** Of this life, ready, in use or sealed; by name. */
  readonly #segments = new Map<string, Segment>();
  readonly #ready: Segment[] = [];
  readonly #free: FreeFile[] = [];
  readonly #waiting: (() => void)[] = [];
  /** Their files are free when these end. */
  readonly #retiring = new Set<Promise<void>>();
  #fileCount = 0;
  #nextIndex = 1;
  #nextOrder = 1;
  #working: Promise<void> | undefined;
  #failure: ScansealError | undefined;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** A file that was there when the spool was opened. */
  found(index: number): void {
    this.#fileCount++;
    this.#nextIndex = Math.max(this.#nextIndex, index + 1);
  }

  /** A segment of an earlier run. It is never written again in that life. */
  adopt(file: string, header: Segment["header"]): Segment {
    this.#nextOrder = Math.max(this.#nextOrder, header.order + 1);
    const segment = new Segment(file, header, undefined, (idle) => this.#retire(idle));
    this.#segments.set(segment.name, segment);
    return segment;
  }

  /** Every record of the earlier runs is known: segments that have none are free. */
  adopted(): void {
    for (const segment of [...this.#segments.values()]) segment.seal();
  }

  /** A file that no life begins in: preparing it was cut short. */
  drop(file: string): void {
    this.#free.push({ file, isReusable: false });
  }

  segment(name: string): Segment | undefined {
    return this.#segments.get(name);
  }

  /** Why no segment could be made when it was last tried; undefined once one was. */
  get failure(): ScansealError | undefined {
    return this.#failure;
  }

  get hasReady(): boolean {
    return this.#ready.length > 0;
  }

  /** What the disk must have free before another segment is made: as much again stays free, for the journal's rows and the objects' last place. */
  get neededBytes(): number {
    return 2 * this.#options.segmentBytes;
  }

  get readyBytes(): number {
    return this.#ready.length * this.#options.segmentBytes;
  }

  /** Bytes of segments that are ready, or may still be made within the quota. */
  get room(): number {
    const { segmentBytes, segmentsMax } = this.#options;
    const makeable = this.#failure ? 0 : Math.max(0, segmentsMax - this.#fileCount);
    return (this.#ready.length + this.#free.length + makeable) * segmentBytes;
  }

  /** The next segment to fill; undefined when there is none yet: ask `whenReady`. */
  take(): Segment | undefined {
    const segment = this.#ready.shift();
    void this.prepare();
    return segment;
  }

  /** Resolves when a segment may be ready, or none can be made: then `failure` says why. */
  whenReady(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      void this.prepare();
    });
  }

  /** Makes segments until enough are ready. Never rejects. */
  prepare(): Promise<void> {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      this.#tell();
    });
    return this.#working;
  }

  #tell(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #work(): Promise<void> {
    while (!this.#isClosed) {
      await Promise.all(this.#retiring);
      try {
        const keptMax = (await this.#isShort()) ? readyWhenShort : readyMax;
        const free = this.#free.shift();
        if (free) {
          if (free.isReusable && this.#ready.length < keptMax) await this.#recycle(free.file);
          else await this.#delete(free.file);
        } else if (this.#ready.length > keptMax) {
          await this.#giveBack(this.#ready.pop()!);
        } else if (this.#ready.length < readyMin) {
          await this.#create();
        } else {
          this.#failure = undefined;
          return;
        }
      } catch (error) {
        this.#failure =
          error instanceof ScansealError ? error : new ScansealError("io", "no segment", { cause: error });
        // A file that could not be recycled or deleted stays, counts, and is looked at in the next start.
        if (this.#free.length === 0) return;
      }
      if (this.#ready.length > 0) this.#tell();
    }
  }

  /** The reserve is being used up. A disk that cannot be asked will say more when it is written. */
  async #isShort(): Promise<boolean> {
    const { disk, folder, segmentBytes } = this.#options;
    const isShort = disk.freeBytes(folder).then((free) => free < segmentBytes);
    return await isShort.catch(() => false);
  }

  async #giveBack(segment: Segment): Promise<void> {
    this.#segments.delete(segment.name);
    await segment.close();
    await this.#delete(segment.file);
  }

  async #create(): Promise<void> {
    const { folder, disk, segmentsMax, segmentBytes } = this.#options;
    if (this.#fileCount >= segmentsMax)
      throw new ScansealError("storage-full", "the spool's quota is used up");
    if ((await disk.freeBytes(folder)) < this.neededBytes) {
      throw new ScansealError("storage-full", "the spool's disk has no room for another segment");
    }
    const file = segmentFileName(this.#nextIndex++);
    const handle = await disk.create(join(folder, file));
    this.#fileCount++;
    try {
      for (let at = 0; at < segmentBytes; at += zeroBytes.length) {
        await handle.write(zeroBytes.subarray(0, segmentBytes - at), at);
      }
      const segment = await this.#begin(file, handle);
      await disk.syncFolder(folder);
      this.#offer(segment);
    } catch (error) {
      await handle.close().catch(() => undefined);
      await this.#delete(file);
      throw error;
    }
  }

  /** A new life: frames of the one before are nobody's from here on. */
  async #begin(file: string, handle: DiskFile): Promise<Segment> {
    const header = { life: randomBytes(16), order: this.#nextOrder++, bytes: this.#options.segmentBytes };
    await handle.write(segmentHeaderBytes(header), 0);
    await handle.datasync();
    return new Segment(file, header, handle, (idle) => this.#retire(idle));
  }

  #offer(segment: Segment): void {
    this.#failure = undefined;
    this.#segments.set(segment.name, segment);
    this.#ready.push(segment);
  }

  async #recycle(file: string): Promise<void> {
    const { folder, disk, segmentBytes } = this.#options;
    const handle = await disk.open(join(folder, file));
    try {
      const isWhole = (await handle.size()) === segmentBytes;
      if (isWhole) return this.#offer(await this.#begin(file, handle));
    } catch (error) {
      await handle.close().catch(() => undefined);
      await this.#delete(file);
      throw error;
    }
    await handle.close();
    await this.#delete(file);
  }

  /** Not made durable: a file that is back after a power cut holds released records, which recovery may tell again. */
  async #delete(file: string): Promise<void> {
    await this.#options.disk.unlink(join(this.#options.folder, file));
    this.#fileCount--;
  }

  #retire(segment: Segment): void {
    this.#segments.delete(segment.name);
    const retiring = segment.close().then(() => {
      this.#retiring.delete(retiring);
      // A disk that failed once in a file's blocks is not asked to keep other people's scans in them.
      this.#free.push({ file: segment.file, isReusable: segment.failure === undefined });
    });
    this.#retiring.add(retiring);
    void retiring.then(() => this.prepare());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#failure = new ScansealError("io", "the spool is closed");
    await this.#working;
    for (const segment of this.#segments.values()) await segment.close();
  }
}
