/** The one queue all writers' frames go through on their way to the segments. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type FrameHeader, frameBytes, putFrameHeader } from "./frame.ts";
import type { Segment } from "./segment.ts";
import type { SegmentPool } from "./segment-pool.ts";

/**
 * Writes under way at once. A file system takes one write per file at a time and Node has four threads for files: more would
 * only keep others (reads of the evidence workers' files, the journal) waiting. Measured: 1 and 4 are no faster than 2.
 */
const writingMax = 2;

export interface Frame {
  readonly header: FrameHeader;
  /** 64 bytes of room, then payload and trailer, then at least the padding. */
  readonly buffer: Bytes;
  /** The record was given up: nothing is written. */
  readonly isGone: boolean;
  /** Its place is known; frames of one record are placed in order. */
  place(segment: Segment, offset: number): void;
  failed(error: ScansealError): void;
  /** Last of all: the buffer is free. */
  done(): void;
}

export class FrameLog {
  readonly #pool: SegmentPool;
  readonly #queue: Frame[] = [];
  readonly #draining: (() => void)[] = [];
  #current: Segment | undefined;
  #writing = 0;
  #isWaiting = false;

  constructor(pool: SegmentPool) {
    this.#pool = pool;
  }

  /** Bytes left in the segment that is being filled. */
  get room(): number {
    return this.#current?.room ?? 0;
  }

  /** What is being filled and holds nothing that is needed begins a new life: all of its room is there again. */
  renewSpent(): void {
    if (!this.#current?.isSpent) return;
    this.#current.seal();
    this.#current = undefined;
  }

  append(frame: Frame): void {
    this.#queue.push(frame);
    this.#pump();
  }

  #pump(): void {
    while (this.#queue.length > 0 && this.#writing < writingMax) {
      const frame = this.#queue[0]!;
      if (frame.isGone) {
        this.#queue.shift();
        frame.done();
        continue;
      }
      const bytes = frameBytes(frame.header.payloadBytes, frame.header.trailerBytes);
      const segment = this.#segmentFor(bytes);
      if (!segment) return;
      this.#queue.shift();
      void this.#write(frame, segment, bytes);
    }
    if (this.#queue.length === 0 && this.#writing === 0) for (const wake of this.#draining.splice(0)) wake();
  }

  #segmentFor(bytes: number): Segment | undefined {
    if (this.#current && this.#current.room >= bytes) return this.#current;
    this.#current?.seal();
    this.#current = this.#pool.take();
    if (!this.#current && !this.#isWaiting) {
      this.#isWaiting = true;
      void this.#wait();
    }
    return this.#current;
  }

  async #wait(): Promise<void> {
    await this.#pool.whenReady();
    this.#isWaiting = false;
    const { failure, hasReady } = this.#pool;
    if (failure && !hasReady && this.room === 0) this.#failAll(failure);
    this.#pump();
  }

  #failAll(error: ScansealError): void {
    for (const frame of this.#queue.splice(0)) {
      frame.failed(error);
      frame.done();
    }
  }

  async #write(frame: Frame, segment: Segment, bytes: number): Promise<void> {
    const offset = segment.allot(bytes);
    const { header, buffer } = frame;
    frame.place(segment, offset);
    putFrameHeader(buffer, segment.header.life, header);
    this.#writing++;
    try {
      await segment.write(buffer.subarray(0, bytes), offset);
    } catch (error) {
      frame.failed(
        error instanceof ScansealError ? error : new ScansealError("internal", "spool", { cause: error }),
      );
    }
    this.#writing--;
    frame.done();
    this.#pump();
  }

  /** Waits until nothing is queued or being written. */
  async drain(): Promise<void> {
    if (this.#queue.length === 0 && this.#writing === 0) return;
    await new Promise<void>((resolve) => {
      this.#draining.push(resolve);
    });
  }
}
