/** One life of a segment file: who writes into it, and when nobody needs it any more. */
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

  /** Set by the first failed write: the disk is not asked again in this file. */
  get failure(): ScansealError | undefined {
    return this.#failure;
  }

  get room(): number {
    return this.#isSealed || this.#failure ? 0 : this.header.bytes - this.#end;
  }

  /** Something was written, and nothing of it is needed. */
  get isSpent(): boolean {
    return this.#end > blockBytes && this.#references === 0 && this.#writing === 0;
  }

  /** The offset of `bytes` bytes that nobody else gets. @param bytes at most `room` */
  allot(bytes: number): number {
    const offset = this.#end;
    this.#end += bytes;
    return offset;
  }

  /** Durable when it resolves. @throws ScansealError, and then the segment is sealed */
  async write(bytes: Bytes, offset: number): Promise<void> {
    this.#writing++;
    try {
      if (this.#handle === undefined) throw new ScansealError("internal", "a closed segment is written");
      await this.#handle.writeThrough(bytes, offset);
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#writing--;
      this.#settle();
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

  /** No more room. */
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
    if (!this.#isSealed || this.#isIdle || this.#writing > 0) return;
    if (this.#references === 0) {
      this.#isIdle = true;
      this.#whenIdle(this);
    } else {
      // Nothing is left to do but wait for releases: a spool of many segments must not hold as many files open.
      void this.close();
    }
  }

  /** Never throws: what is durable is durable. No write is under way. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}
