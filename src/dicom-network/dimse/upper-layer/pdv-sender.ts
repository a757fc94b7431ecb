/** P-DATA requests: fragments bytes into PDVs, one in each PDU (PS3.8 9.3.5 and annex E), and waits for the transport. */
import type { Duplex } from "node:stream";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { ConnectionWatch } from "./connection-watch.ts";
import { pduHeaderBytes, pduType, pdvHeaderBytes } from "./pdu.ts";

const headerBytes = pduHeaderBytes + pdvHeaderBytes;
/** Command sets and responses: one write of a copy is cheaper than a gathered write of two parts. */
const copiedBytesMax = 4_096;
/** One gathered write; progress is seen between two, so that a slow but living peer is not taken for a dead one. */
const batchBytes = 262_144;

export interface PdvFlags {
  readonly isCommand: boolean;
  readonly isLast: boolean;
}

interface Job {
  readonly contextId: number;
  readonly flags: PdvFlags;
  readonly bytes: Bytes;
  at: number;
  readonly resolve: () => void;
  readonly reject: (error: ScansealError) => void;
}

export class PdvSender {
  readonly #socket: Duplex;
  readonly #watch: ConnectionWatch;
  readonly #payloadMax: number;
  #job: Job | undefined;
  #whenDone: (() => void) | undefined;
  readonly #onWritten: () => void;

  /** `pduBytes`: length of the longest PDU that may be sent, without its header. */
  constructor(socket: Duplex, watch: ConnectionWatch, pduBytes: number) {
    this.#socket = socket;
    this.#watch = watch;
    // PS3.8 annex E: fragments have an even length.
    this.#payloadMax = (pduBytes - pdvHeaderBytes) & ~1;
    this.#onWritten = () => this.#written();
  }

  /** Resolves when the bytes are the caller's again. @throws ScansealError `usage` while another call is pending */
  send(contextId: number, flags: PdvFlags, bytes: Bytes): Promise<void> {
    if (this.#job !== undefined)
      return Promise.reject(new ScansealError("usage", "a send before the last one was done"));
    if (bytes.length === 0 && !flags.isLast) return Promise.resolve();
    if (bytes.length <= Math.min(copiedBytesMax, this.#payloadMax)) {
      const pdu = Buffer.allocUnsafe(headerBytes + bytes.length);
      writeHeader(pdu, 0, contextId, flags.isCommand, flags.isLast, bytes.length);
      pdu.set(bytes, headerBytes);
      if (this.#socket.write(pdu)) return Promise.resolve();
      // The transport is full; it says when it is not.
      return this.#start(contextId, flags, bytes, bytes.length);
    }
    return this.#start(contextId, flags, bytes, 0);
  }

  /** Calls back when no call is pending: now, or once the pending one is done. Not after `fail`. */
  whenDone(callback: () => void): void {
    if (this.#job === undefined) callback();
    else this.#whenDone = callback;
  }

  /** Ends a pending call. */
  fail(error: ScansealError): void {
    const job = this.#job;
    this.#job = undefined;
    this.#whenDone = undefined;
    this.#socket.off("drain", this.#onWritten);
    job?.reject(error);
  }

  #start(contextId: number, flags: PdvFlags, bytes: Bytes, at: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const job: Job = { contextId, flags, bytes, at, resolve, reject };
      this.#job = job;
      this.#watch.sending();
      if (at < bytes.length) this.#writeBatch(job);
      else this.#socket.once("drain", this.#onWritten);
    });
  }

  #writeBatch(job: Job): void {
    const { bytes, contextId, flags } = job;
    const payloadMax = this.#payloadMax;
    const end = Math.min(
      bytes.length,
      job.at + Math.max(1, Math.floor(batchBytes / payloadMax)) * payloadMax,
    );
    const headers = Buffer.allocUnsafe(headerBytes * Math.ceil((end - job.at) / payloadMax));
    const socket = this.#socket;
    socket.cork();
    for (let at = job.at, header = 0; at < end; at += payloadMax, header += headerBytes) {
      const next = Math.min(at + payloadMax, end);
      writeHeader(
        headers,
        header,
        contextId,
        flags.isCommand,
        flags.isLast && next === bytes.length,
        next - at,
      );
      socket.write(headers.subarray(header, header + headerBytes));
      const payload = bytes.subarray(at, next);
      if (next === end) socket.write(payload, this.#onWritten);
      else socket.write(payload);
    }
    job.at = end;
    socket.uncork();
  }

  /** Also called for a write that failed: then the connection closes and `fail` follows. */
  #written(): void {
    const job = this.#job;
    if (job === undefined || this.#socket.destroyed) return;
    if (job.at < job.bytes.length) {
      this.#watch.sending();
      this.#writeBatch(job);
      return;
    }
    this.#job = undefined;
    this.#watch.sent();
    job.resolve();
    const whenDone = this.#whenDone;
    this.#whenDone = undefined;
    whenDone?.();
  }
}

/** PS3.8 tables 9-22 and 9-23. */
function writeHeader(
  to: Buffer,
  at: number,
  contextId: number,
  isCommand: boolean,
  isLast: boolean,
  payload: number,
): void {
  to[at] = pduType.data;
  to[at + 1] = 0;
  to.writeUInt32BE(payload + pdvHeaderBytes, at + 2);
  to.writeUInt32BE(payload + 2, at + pduHeaderBytes);
  to[at + 10] = contextId;
  to[at + 11] = (isCommand ? 1 : 0) | (isLast ? 2 : 0);
}
