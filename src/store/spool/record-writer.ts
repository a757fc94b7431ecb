/** One record on its way into the spool: bytes are cut into frames, frames go to the log, the last one carries the trailer. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { frameBytes, frameHeaderBytes, trailerBytes, trailerCrc } from "./frame.ts";
import type { Frame, FrameLog } from "./frame-log.ts";
import type { Segment } from "./segment.ts";
import type { SpoolExtent, SpoolLocation, SpoolWriter } from "./spool.ts";
import type { BufferHolder, WriteBuffers } from "./write-buffers.ts";

/** What a writer needs of its spool. */
export interface RecordHost {
  readonly log: FrameLog;
  readonly buffers: WriteBuffers;
  /** Counts bytes that arrived. @throws ScansealError `storage-full` above the quota */
  arrived(bytes: number): void;
  /** The record is durable; the references of its segments are the spool's from now on. */
  committed(writer: RecordWriter, location: SpoolLocation, segments: readonly Segment[]): void;
  /** The record is gone: its bytes no longer count. */
  gone(writer: RecordWriter, bytes: number): void;
}

const noBytes: Bytes = new Uint8Array(0);

export class RecordWriter implements SpoolWriter, BufferHolder {
  readonly #host: RecordHost;
  readonly #id: Bytes;
  readonly #extents: SpoolExtent[] = [];
  /** Each holds one reference. */
  readonly #segments = new Set<Segment>();
  #state: "open" | "committing" | "committed" | "gone" = "open";
  #failure: ScansealError | undefined;
  #total = 0;
  #sequence = 0;
  #buffer: Bytes | undefined;
  /** Bytes of the buffer in use, the room for the frame's header included. */
  #used = 0;
  #writing = 0;
  #whenWritten: (() => void) | undefined;

  /** @param id 16 bytes, of no other record */
  constructor(host: RecordHost, id: Bytes) {
    this.#host = host;
    this.#id = id;
  }

  write(bytes: Bytes): void | Promise<void> {
    this.#requireOpen();
    const { buffers } = this.#host;
    try {
      this.#host.arrived(bytes.length);
    } catch (error) {
      this.#giveUp(error as ScansealError);
      throw error;
    }
    this.#total += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const piece = Math.min(bytes.length - at, buffers.bufferBytes - this.#used);
      if (this.#buffer === undefined || piece === 0) {
        // Sent when the next byte comes: so a record's last payload shares a frame, and a write, with the trailer.
        this.flush();
        this.#buffer = buffers.take(this);
        this.#used = frameHeaderBytes;
        continue;
      }
      this.#buffer.set(
        at === 0 && piece === bytes.length ? bytes : bytes.subarray(at, at + piece),
        this.#used,
      );
      this.#used += piece;
      at += piece;
    }
    return this.#patience();
  }

  #patience(): Promise<void> | undefined {
    const room = this.#host.buffers.roomAgain();
    if (room === undefined) return undefined;
    const waited = room.then(() => {
      if (this.#failure) throw this.#failure;
    });
    // Who does not wait is told by the next call.
    waited.catch(() => undefined);
    return waited;
  }

  /** Sends what is in the buffer, as it is. */
  flush(): void {
    if (this.#buffer === undefined || this.#state !== "open") return;
    this.#send(noBytes);
  }

  /** @param trailer empty: more frames follow. There is room for it in the buffer */
  #send(trailer: Bytes): void {
    const { buffers, log } = this.#host;
    const buffer = this.#buffer!;
    const payloadBytes = this.#used - frameHeaderBytes;
    this.#buffer = undefined;
    this.#used = 0;
    buffers.sent(this);
    buffer.set(trailer, frameHeaderBytes + payloadBytes);
    // Not what an earlier object left in the buffer.
    const end = frameHeaderBytes + payloadBytes + trailer.length;
    buffer.fill(0, end, frameBytes(payloadBytes, trailer.length));
    this.#writing++;
    const isGone = (): boolean => this.#state === "gone";
    const frame: Frame = {
      header: {
        record: this.#id,
        sequence: this.#sequence++,
        payloadBytes,
        trailerBytes: trailer.length,
        trailerCrc: trailerCrc(trailer),
      },
      buffer,
      get isGone() {
        return isGone();
      },
      place: (segment, offset) => this.#place(segment, offset, payloadBytes),
      failed: (error) => this.#giveUp(error),
      done: () => {
        buffers.give(buffer);
        this.#writing--;
        if (this.#writing === 0) this.#whenWritten?.();
      },
    };
    log.append(frame);
  }

  #place(segment: Segment, offset: number, length: number): void {
    if (!this.#segments.has(segment)) {
      segment.addReference();
      this.#segments.add(segment);
    }
    // A frame of nothing but the trailer is no extent, but an empty record needs one: it is what it is released by.
    if (length > 0 || this.#extents.length === 0) {
      this.#extents.push({ segment: segment.name, offset: offset + frameHeaderBytes, length });
    }
    for (const known of this.#segments) if (known.failure) this.#giveUp(known.failure);
  }

  async commit(header: Bytes, digest: Bytes): Promise<SpoolLocation> {
    this.#requireOpen();
    try {
      const trailer = trailerBytes({ digest, total: this.#total, header });
      if (this.#buffer && this.#used + trailer.length > this.#host.buffers.bufferBytes) this.flush();
      if (this.#buffer === undefined) {
        this.#buffer = this.#host.buffers.take(this);
        this.#used = frameHeaderBytes;
      }
      this.#send(trailer);
    } catch (error) {
      this.#giveUp(error as ScansealError);
      throw error;
    }
    this.#state = this.#failure ? "gone" : "committing";
    await this.#allWritten();
    // Another record's write failed beside ours: nothing of that segment is acknowledged any more.
    for (const { failure } of this.#segments) if (failure) this.#giveUp(failure);
    if (this.#failure) throw this.#failure;
    this.#state = "committed";
    const location: SpoolLocation = { extents: this.#extents, bytes: this.#total };
    this.#host.committed(this, location, [...this.#segments]);
    return location;
  }

  async #allWritten(): Promise<void> {
    if (this.#writing === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenWritten = resolve;
    });
  }

  discard(): void {
    if (this.#state === "committed") return;
    this.#giveUp(new ScansealError("usage", "the spool's record was discarded"));
  }

  #giveUp(error: ScansealError): void {
    if (this.#state === "gone" || this.#state === "committed") return;
    this.#failure = error;
    this.#state = "gone";
    if (this.#buffer) {
      this.#host.buffers.sent(this);
      this.#host.buffers.give(this.#buffer);
      this.#buffer = undefined;
    }
    for (const segment of this.#segments) segment.dropReference();
    this.#segments.clear();
    this.#host.gone(this, this.#total);
  }

  #requireOpen(): void {
    if (this.#failure) throw this.#failure;
    if (this.#state !== "open") throw new ScansealError("usage", "the spool's record is committed already");
  }
}
