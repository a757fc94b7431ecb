/** What comes from the transport, read PDU by PDU; the transport is paused while an indication is pending. */
import type { Duplex } from "node:stream";
import type { Bytes } from "../../../foundation/bytes.ts";
import type { ConnectionWatch } from "./connection-watch.ts";
import { PduReader, type PduSink } from "./pdu-reader.ts";
import type { UpperLayerLimits } from "./upper-layer.ts";

/** What a peer may still send after we rejected, aborted or released: then the connection is cut without waiting for ARTIM. */
const closingBytesMax = 4_194_304;

export interface InboundUser extends PduSink {
  /** An indication threw or rejected. What follows it is still read. */
  failed(error: unknown): void;
  /** The peer will send nothing more, and all it sent has been read: a paused stream does not end. */
  eof(): void;
}

export class InboundStream {
  readonly #socket: Duplex;
  readonly #watch: ConnectionWatch;
  readonly #user: InboundUser;
  readonly #reader: PduReader;
  /** Set while an indication is pending. */
  #hold: Promise<void> | undefined;
  #isEnding = false;
  #closingBytes = 0;
  /** Count of PDUs at the end of the last chunk. */
  #pdus = 0;
  readonly #onData: (chunk: Bytes) => void = (chunk) => this.#received(chunk);
  readonly #onEnd: () => void = () => this.#user.eof();

  constructor(socket: Duplex, watch: ConnectionWatch, user: InboundUser, limits: UpperLayerLimits) {
    this.#socket = socket;
    this.#watch = watch;
    this.#user = user;
    this.#reader = new PduReader(user, limits);
  }

  start(): void {
    this.#socket.on("data", this.#onData);
    this.#socket.on("end", this.#onEnd);
    this.#socket.resume();
  }

  /** The association is over: data is passed over, and no indication is waited for. */
  finish(): void {
    this.#isEnding = true;
    this.#reader.skip();
    const hold = this.#hold;
    // Only who reads sees the peer close.
    if (hold !== undefined) queueMicrotask(() => this.#resume(hold));
  }

  /** Lets the transport go. */
  stop(): void {
    this.#isEnding = true;
    this.#reader.stop();
    this.#hold = undefined;
    this.#socket.off("data", this.#onData);
    this.#socket.off("end", this.#onEnd);
  }

  #received(chunk: Bytes): void {
    if (this.#isEnding) {
      this.#closingBytes += chunk.length;
      if (this.#closingBytes > closingBytesMax) {
        this.#socket.destroy();
        return;
      }
    }
    this.#watch.received();
    this.#reader.feed(chunk);
    this.#pump();
  }

  /** Reads on until the chunk is used up or an indication wants to be waited for. */
  #pump(): void {
    for (;;) {
      try {
        const pending = this.#reader.run();
        if (pending !== undefined) this.#holdFor(pending);
        else this.#chunkDone();
        return;
      } catch (error) {
        // The reader is past what failed.
        this.#user.failed(error);
      }
    }
  }

  #chunkDone(): void {
    const { pdus, isInsidePdu } = this.#reader;
    if (!isInsidePdu) this.#watch.betweenPdus();
    else if (pdus !== this.#pdus) this.#watch.pduBegan();
    this.#pdus = pdus;
  }

  #holdFor(pending: Promise<void>): void {
    if (this.#isEnding && !this.#reader.isYielding) {
      // The indication ended the association itself; what becomes of it does not matter any more.
      pending.catch(() => undefined);
      this.#pump();
      return;
    }
    this.#hold = pending;
    this.#socket.pause();
    this.#watch.hold();
    pending.then(
      () => this.#resume(pending),
      (error: unknown) => {
        if (this.#hold === pending && !this.#isEnding) this.#user.failed(error);
        this.#resume(pending);
      },
    );
  }

  #resume(hold: Promise<void>): void {
    if (this.#hold !== hold) return;
    this.#hold = undefined;
    this.#watch.release();
    this.#pump();
    if (this.#hold === undefined && !this.#socket.destroyed) this.#socket.resume();
  }
}
