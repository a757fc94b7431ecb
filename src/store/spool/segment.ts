/** One life of a segment file: who writes into it, what of it is durable, and when nobody needs it any more. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { DiskFile } from "./disk.ts";
import { blockBytes, type SegmentHeader, segmentName } from "./frame.ts";

export class Segment {
  readonly file: string;
  readonly name: string;
  readonly header: SegmentHeader;
  /** Told once: sealed, referred to by no record, and no call on its file under way. */
  readonly #whenIdle: (segment: Segment) => void;
  #handle: DiskFile | undefined;
  #end = blockBytes;
  #isSealed = false;
  #isIdle = false;
  #references = 0;
  #writing = 0;
  /** Writes that ended well; marks of `write` and `sync` count them. */
  #written = 0;
  #durable = 0;
  #syncing: Promise<void> | undefined;
  #failure: ScansealError | undefined;

  /** @param handle undefined for a segment of an earlier run: sealed */
  constructor(
    file: string,
    header: SegmentHeader,
    handle: DiskFile | undefined,
    whenIdle: (segment: Segment) => void,
  ) {
    this.file = file;
    this.header = header;
    this.name = segmentName(file, header.life);
    this.#handle = handle;
    this.#whenIdle = whenIdle;
  }

  /** Set by the first failed write or sync. What was not durable by then never is (the kernel drops such pages and says so once). */
  get failure(): ScansealError | undefined {
    return this.#failure;
  }

  get room(): number {
    return this.#isSealed || this.#failure ? 0 : this.header.bytes - this.#end;
  }

  /** The offset of `bytes` bytes that nobody else gets. @param bytes at most `room` */
  allot(bytes: number): number {
    const offset = this.#end;
    this.#end += bytes;
    return offset;
  }

  /** @returns the mark for `sync`. @throws ScansealError, and then the segment is sealed */
  async write(bytes: Bytes, offset: number): Promise<number> {
    this.#writing++;
    try {
      if (this.#handle === undefined) throw new ScansealError("internal", "a closed segment is written");
      await this.#handle.write(bytes, offset);
      return ++this.#written;
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#writing--;
      this.#settle();
    }
  }

  /**
   * Waits until the write of that mark is durable. One fdatasync at a time: who comes while one runs shares the next.
   * @throws ScansealError, and then the segment is sealed
   */
  async sync(mark: number): Promise<void> {
    while (this.#durable < mark) {
      if (this.#failure) throw this.#failure;
      await this.#startSync();
    }
  }

  #startSync(): Promise<void> {
    this.#syncing ??= this.#syncOnce().finally(() => {
      this.#syncing = undefined;
      this.#settle();
    });
    return this.#syncing;
  }

  /** Never rejects: the failure is the segment's. */
  async #syncOnce(): Promise<void> {
    const covered = this.#written;
    try {
      if (this.#handle === undefined) throw new ScansealError("internal", "a closed segment is synced");
      await this.#handle.datasync();
      this.#durable = covered;
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): ScansealError {
    this.#failure ??=
      error instanceof ScansealError
        ? error
        : new ScansealError("io", "the spool's disk failed", { cause: error });
    this.#isSealed = true;
    return this.#failure;
  }

  /** No more room; what was written becomes durable in the background, so that a long record's commit has little left to wait for. */
  seal(): void {
    this.#isSealed = true;
    this.#settle();
  }

  addReference(): void {
    this.#references++;
  }

  dropReference(): void {
    this.#references--;
    this.#settle();
  }

  #settle(): void {
    if (!this.#isSealed || this.#isIdle || this.#writing > 0 || this.#syncing) return;
    if (this.#references === 0) {
      this.#isIdle = true;
      this.#whenIdle(this);
    } else if (this.#handle && this.#durable < this.#written && !this.#failure) {
      void this.#startSync();
    } else {
      // Nothing is left to do but wait for releases: a spool of many segments must not hold as many files open.
      void this.close();
    }
  }

  /** Never throws: what is durable was synced before. */
  async close(): Promise<void> {
    // A number that is closed under a call may be another file's by the time the call begins.
    await this.#syncing;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}
