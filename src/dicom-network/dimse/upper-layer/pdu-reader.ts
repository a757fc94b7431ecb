/**
 * Cuts a byte stream into PDUs. Association control is collected, within the limit of its type, checked before a byte is kept; P-DATA is
 * handed on as it comes, as views of the chunks.
 */
import type { Bytes } from "../../../foundation/bytes.ts";
import {
  abortReason,
  fixedBodyBytes,
  isPduType,
  type PduType,
  pduHeaderBytes,
  pduType,
  pdvHeaderBytes,
} from "./pdu.ts";
import type { PresentationDataValue } from "./upper-layer.ts";

/** Takes what a reader finds. Its methods may call the reader's `skip` and `stop`. */
export interface PduSink {
  /** A header within bounds has been read. `skip` passes over the body. */
  begin(type: PduType): "take" | "skip";
  /** A PDU other than P-DATA. */
  pdu(type: PduType, body: Bytes): void;
  /** The next piece of a PDV. Reading waits for a promise. */
  value(value: PresentationDataValue): undefined | Promise<void>;
  /** Whether PDVs may come on this context. */
  isOpen(contextId: number): boolean;
  /** The stream makes no sense from here on: nothing more is read. `reason` is of PS3.8 table 9-26. */
  fault(reason: number, why: string): void;
}

type Phase = "header" | "body" | "pdv-header" | "pdv" | "skip" | "stopped";

const nothing: Bytes = new Uint8Array(0);

/**
 * PDUs and pieces of PDVs taken before other connections have their turn. PDUs of 16 KiB make eight in a chunk; a flood of PDVs of one byte makes
 * nine thousand, one of C-ECHOs seven hundred, which take tens of milliseconds, on every association.
 */
const stepsPerTurn = 64;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export class PduReader {
  readonly #sink: PduSink;
  readonly #limits: { readonly maxPduBytes: number; readonly associatePduBytesMax: number };
  #phase: Phase = "header";
  #chunk: Bytes = nothing;
  #at = 0;
  /** A header of which only a part has come; both kinds have 6 bytes. */
  readonly #header: Uint8Array = new Uint8Array(pduHeaderBytes);
  #headerBytes = 0;
  #type: PduType = pduType.data;
  /** Bytes of the PDU still to come. */
  #pduBytes = 0;
  #body: Uint8Array = nothing;
  #contextId = 0;
  #control = 0;
  /** Bytes of the PDV still to come. */
  #pdvBytes = 0;
  #pdus = 0;
  /** Since other connections had their turn. */
  #steps = 0;
  #isYielding = false;

  constructor(
    sink: PduSink,
    limits: { readonly maxPduBytes: number; readonly associatePduBytesMax: number },
  ) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** PDUs whose first byte has come. */
  get pdus(): number {
    return this.#pdus;
  }

  /** Some, but not all bytes of a PDU have come. */
  get isInsidePdu(): boolean {
    return this.#phase !== "header" || this.#headerBytes > 0;
  }

  /** The promise that `run` returned is the turn of the other connections, not the sink's. */
  get isYielding(): boolean {
    return this.#isYielding;
  }

  /** The next chunk, once `run` has used up the one before. It is not copied. */
  feed(chunk: Bytes): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#steps = 0;
  }

  /** Passes over the rest of the PDU under way. */
  skip(): void {
    if (this.#phase === "header" || this.#phase === "stopped") return;
    this.#body = nothing;
    // Of a PDV header that has come in part.
    this.#pduBytes -= this.#headerBytes;
    this.#headerBytes = 0;
    this.#phase = this.#pduBytes > 0 ? "skip" : "header";
  }

  /** From now on bytes are thrown away. */
  stop(): void {
    this.#phase = "stopped";
    this.#chunk = nothing;
    this.#body = nothing;
    this.#at = 0;
  }

  /**
   * Reads until the chunk is used up (undefined) or the sink wants to be waited for: call again when the promise is done.
   * Passes on what the sink throws.
   */
  run(): Promise<void> | undefined {
    this.#isYielding = false;
    while (this.#at < this.#chunk.length) {
      switch (this.#phase) {
        case "pdv": {
          const pending = this.#readPdv();
          if (pending !== undefined) return pending;
          break;
        }
        case "pdv-header": {
          if (this.#steps >= stepsPerTurn) {
            return this.#yield();
          }
          const pending = this.#readPdvHeader();
          if (pending !== undefined) return pending;
          break;
        }
        case "header":
          if (this.#steps >= stepsPerTurn) {
            return this.#yield();
          }
          this.#readHeader();
          break;
        case "body":
          this.#readBody();
          break;
        case "skip":
          this.#readSkipped();
          break;
        case "stopped":
          this.#at = this.#chunk.length;
      }
    }
    this.#chunk = nothing;
    this.#at = 0;
    return undefined;
  }

  #yield(): Promise<void> {
    this.#steps = 0;
    this.#isYielding = true;
    return nextTurn();
  }

  /** Six bytes at once, or piece by piece: undefined until they are complete. */
  #sixBytes(): boolean {
    const there = Math.min(pduHeaderBytes - this.#headerBytes, this.#chunk.length - this.#at);
    for (let i = 0; i < there; i++) this.#header[this.#headerBytes + i] = this.#chunk[this.#at + i]!;
    this.#at += there;
    this.#headerBytes += there;
    if (this.#headerBytes < pduHeaderBytes) return false;
    this.#headerBytes = 0;
    return true;
  }

  #readHeader(): void {
    this.#steps++;
    if (this.#headerBytes === 0) this.#pdus++;
    if (!this.#sixBytes()) return;
    const header = this.#header;
    const type = header[0]!;
    const length = uint32(header, 2);
    const why = isPduType(type) ? this.#lengthFault(type, length) : `a PDU of type 0x${type.toString(16)}`;
    if (!isPduType(type) || why !== undefined) {
      this.#fail(isPduType(type) ? abortReason.invalidParameter : abortReason.unrecognizedPdu, why!);
      return;
    }
    this.#type = type;
    this.#pduBytes = length;
    // No PDU that may come has an empty body.
    this.#phase = "skip";
    const answer = this.#sink.begin(type);
    if (answer === "take" && !this.#isStopped) this.#phase = type === pduType.data ? "pdv-header" : "body";
  }

  #lengthFault(type: PduType, length: number): string | undefined {
    switch (type) {
      case pduType.data:
        if (length < pdvHeaderBytes) return `a P-DATA of ${length} bytes holds no PDV`;
        return length > this.#limits.maxPduBytes
          ? `a P-DATA of ${length} bytes; ${this.#limits.maxPduBytes} were agreed`
          : undefined;
      case pduType.associateRequest:
      case pduType.associateAccept:
        if (length === 0) return "an empty A-ASSOCIATE";
        return length > this.#limits.associatePduBytesMax
          ? `an A-ASSOCIATE of ${length} bytes; the limit is ${this.#limits.associatePduBytesMax} bytes`
          : undefined;
      default:
        return length === fixedBodyBytes ? undefined : `a PDU of ${length} bytes that has 4`;
    }
  }

  #readBody(): void {
    const there = Math.min(this.#pduBytes, this.#chunk.length - this.#at);
    const piece = this.#chunk.subarray(this.#at, this.#at + there);
    this.#at += there;
    // A copy: it is decoded, and answered later; the chunk's bytes are not there any more then.
    if (this.#body.length === 0) this.#body = new Uint8Array(this.#pduBytes);
    this.#body.set(piece, this.#body.length - this.#pduBytes);
    this.#pduBytes -= there;
    if (this.#pduBytes > 0) return;
    const body = this.#body;
    this.#body = nothing;
    this.#phase = "header";
    this.#sink.pdu(this.#type, body);
  }

  #readPdvHeader(): Promise<void> | undefined {
    if (!this.#sixBytes()) return undefined;
    const header = this.#header;
    const length = uint32(header, 0);
    this.#pduBytes -= pdvHeaderBytes;
    // PS3.8 table 9-23: the length counts context id and control header.
    if (length < 2) return this.#failPdv(`a PDV of length ${length}`);
    if (length - 2 > this.#pduBytes) return this.#failPdv("a PDV longer than its PDU");
    if (this.#pduBytes > length - 2 && this.#pduBytes - (length - 2) < pdvHeaderBytes)
      return this.#failPdv("bytes after the last PDV");
    this.#contextId = header[4]!;
    // PS3.8 annex E.2: bits 2 to 7 are never checked.
    this.#control = header[5]!;
    this.#pdvBytes = length - 2;
    if (!this.#sink.isOpen(this.#contextId)) return this.#failPdv("a PDV on a context that is not accepted");
    this.#phase = "pdv";
    if (this.#pdvBytes > 0) return undefined;
    // An empty last one ends a message part whose length its sender did not know; any other is a way to keep us busy.
    if ((this.#control & 2) === 0) return this.#failPdv("an empty PDV that is not the last");
    return this.#readPdv();
  }

  #readPdv(): Promise<void> | undefined {
    this.#steps++;
    const at = this.#at;
    const there = Math.min(this.#pdvBytes, this.#chunk.length - at);
    this.#at = at + there;
    this.#pdvBytes -= there;
    this.#pduBytes -= there;
    const isEnd = this.#pdvBytes === 0;
    if (isEnd) this.#phase = this.#pduBytes === 0 ? "header" : "pdv-header";
    return this.#sink.value({
      contextId: this.#contextId,
      isCommand: (this.#control & 1) !== 0,
      isLast: isEnd && (this.#control & 2) !== 0,
      bytes: this.#chunk.subarray(at, at + there),
    });
  }

  #readSkipped(): void {
    const there = Math.min(this.#pduBytes, this.#chunk.length - this.#at);
    this.#at += there;
    this.#pduBytes -= there;
    if (this.#pduBytes === 0) this.#phase = "header";
  }

  get #isStopped(): boolean {
    return this.#phase === "stopped";
  }

  #fail(reason: number, why: string): void {
    this.stop();
    this.#sink.fault(reason, why);
  }

  #failPdv(why: string): undefined {
    this.#fail(abortReason.invalidParameter, why);
    return undefined;
  }
}

function uint32(bytes: Bytes, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
