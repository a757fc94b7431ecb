/** Drivers of the scanner: from a byte source, and from bytes as they arrive. */
import { type ByteSource, MemorySource } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { type MalformedCode, ScansealError } from "../foundation/errors.ts";
import { ArrivedBytes } from "./arrived-bytes.ts";
import { checkDataSet, checkMeta, checkPixelHeader } from "./consistency.ts";
import { plainTextOf } from "./elements.ts";
import { DataSetInflater } from "./inflate.ts";
import { fragmentsPerFrameMax, metaBytesMax } from "./limits.ts";
import type { DicomObject, Tolerated } from "./model.ts";
import { Scanner } from "./scanner.ts";
import { tags } from "./tags.ts";
import { type TransferSyntax, transferSyntaxOf } from "./transfer-syntax.ts";

export interface ReadOptions {
  /** Non-conformances this caller accepts; each use is listed in `DicomObject.tolerated`. Duplicates and lengths cannot be tolerated. */
  readonly tolerate?: ReadonlySet<MalformedCode>;
  /**
   * For a bare data set without preamble and File Meta Information: its transfer syntax UID.
   * A preamble, where there is one, is still read.
   */
  readonly bareTransferSyntaxUid?: string;
}

/** What an operator may tolerate at all (DESIGN 4): the rest is never let pass, nor pixel data that is too short. */
export const tolerableCodes: ReadonlySet<MalformedCode> = new Set([
  "meta-invalid",
  "tag-order",
  "trailing-bytes",
  "length-odd",
  "uid-invalid",
  "uid-mismatch",
  "value-invalid",
  "vr-mismatch",
  "pixel-length",
  "encapsulation-invalid",
]);

/** Bytes read at once from a file while headers are scanned; bulk values are skipped. A slice's headers fit the first window. */
const firstWindowBytes = 1 << 14;
const windowBytes = 1 << 18;
/** Behind a deflated data set: what gzip writes there, its CRC and length (RFC 1952 2.3.1). More would be a place for anything. */
const deflatedTrailingMax = 8;
const noTolerance: ReadonlySet<MalformedCode> = new Set();

/** Media Storage Directory Storage, the SOP Class of a DICOMDIR. */
const mediaStorageDirectory = "1.2.840.10008.1.3.10";

type Phase = "preamble" | "meta" | "data" | "deflated";

/**
 * The resumable reader of one object: preamble, meta and data set in turn. Like the scanner it holds no bytes:
 * present a window at `position`, remove what it took, leave out `skip`.
 */
class ObjectScanner {
  position = 0;
  need = 132;
  skip = 0;
  readonly #options: ReadOptions;
  readonly #end: number;
  readonly #copyValues: boolean;
  readonly #tolerate: ReadonlySet<MalformedCode>;
  readonly #tolerated: Tolerated[] = [];
  #phase: Phase = "preamble";
  #preamble: Bytes | undefined;
  #meta: Scanner | undefined;
  #data: Scanner | undefined;
  #inflater: DataSetInflater | undefined;
  #metaEnd = 0;
  #syntax: TransferSyntax | undefined;

  /** `end` is the object's size, or Infinity while it is arriving. */
  constructor(options: ReadOptions, end: number, copyValues: boolean) {
    this.#options = options;
    this.#end = end;
    this.#copyValues = copyValues;
    this.#tolerate = options.tolerate ?? noTolerance;
    for (const code of this.#tolerate) {
      if (!tolerableCodes.has(code)) throw new ScansealError("usage", `${code} cannot be tolerated`);
    }
  }

  /**
   * @param last the window reaches the end of the object
   * @returns bytes taken from the window
   * @throws ScansealError with a malformed or limit code
   */
  scan(window: Bytes, last = false): number {
    let taken = 0;
    this.skip = 0;
    for (;;) {
      const rest = window.subarray(taken);
      const before = this.#phase;
      const n = this.#scanPhase(rest, last);
      taken += n;
      this.position += n;
      if (this.skip > 0 || this.#phase === before) return taken;
    }
  }

  #scanPhase(window: Bytes, last: boolean): number {
    if (this.#phase === "preamble") return this.#scanPreamble(window, last);
    if (this.#phase === "deflated") {
      this.#inflater!.push(window);
      return window.length;
    }
    const scanner = this.#phase === "meta" ? this.#meta! : this.#data!;
    const n = scanner.scan(window);
    this.need = scanner.need;
    this.skip = scanner.skip;
    if (scanner === this.#meta && scanner.done) this.#startData(scanner.position);
    return n;
  }

  /** PS3.10 section 7.1. */
  #scanPreamble(window: Bytes, last: boolean): number {
    if (window.length < 132) {
      if (last) this.#startShort();
      return 0;
    }
    if (window[128] === 0x44 && window[129] === 0x49 && window[130] === 0x43 && window[131] === 0x4d) {
      this.#preamble = new Uint8Array(window.subarray(0, 128));
      this.#startMeta(132);
      return 132;
    }
    this.#startBare();
    return 0;
  }

  /** Too short for a preamble, but not for a bare data set. */
  #startShort(): void {
    if (this.#options.bareTransferSyntaxUid === undefined)
      throw new ScansealError("not-dicom", "too short for a DICOM file", { offset: 0 });
    this.#startBare();
  }

  #startBare(): void {
    const uid = this.#options.bareTransferSyntaxUid;
    if (uid === undefined)
      throw new ScansealError("preamble-missing", "no preamble and no DICM: not a Part 10 file", {
        offset: 0,
      });
    this.#setSyntax(uid);
    this.#startDataScanner(0);
  }

  #startMeta(position: number): void {
    const common = { tolerate: this.#tolerate, tolerated: this.#tolerated, copyValues: true };
    this.#meta = new Scanner({
      encoding: { explicit: true, bigEndian: false },
      position,
      end: this.#end,
      endMax: position + metaBytesMax,
      metaOnly: true,
      ...common,
    });
    this.need = this.#meta.need;
    this.#phase = "meta";
  }

  #startData(position: number): void {
    const uid = checkMeta(this.#meta!.elements, position, this.#tolerate, this.#tolerated);
    this.#setSyntax(uid);
    this.#startDataScanner(position);
  }

  #setSyntax(uid: string): void {
    const syntax = transferSyntaxOf(uid);
    if (!syntax)
      throw new ScansealError("transfer-syntax-unknown", "the transfer syntax is not known", {
        tag: tags.transferSyntaxUid,
      });
    this.#syntax = syntax;
  }

  #startDataScanner(position: number): void {
    this.#metaEnd = position;
    const syntax = this.#syntax!;
    if (syntax.deflated) {
      this.#inflater = new DataSetInflater();
      this.need = 1;
      this.#phase = "deflated";
      return;
    }
    this.#data = this.#dataScanner(position, this.#end, this.#copyValues);
    this.need = this.#data.need;
    this.#phase = "data";
  }

  #dataScanner(position: number, end: number, copyValues: boolean): Scanner {
    const syntax = this.#syntax!;
    const scanner: Scanner = new Scanner({
      encoding: syntax.encoding,
      position,
      end,
      tolerate: this.#tolerate,
      tolerated: this.#tolerated,
      copyValues,
      directory:
        plainTextOf(this.#meta?.elements ?? [], tags.mediaStorageSopClassUid) === mediaStorageDirectory,
      onPixelData: (element, before) => {
        const frames = checkPixelHeader(element, before, syntax, this.#tolerate, this.#tolerated);
        scanner.allowFragments(frames * fragmentsPerFrameMax);
      },
    });
    return scanner;
  }

  /**
   * The object's input has ended.
   * @throws ScansealError with a malformed code
   */
  finish(source: ByteSource): DicomObject {
    if (source.size === 0) throw new ScansealError("not-dicom", "an empty file", { offset: 0 });
    if (this.#phase === "preamble") this.#startShort();
    if (this.#phase === "meta") {
      this.#meta!.finish(source.size);
      throw new ScansealError("truncated", "the file ends after its meta information", {
        offset: source.size,
      });
    }
    const dataSource = this.#phase === "deflated" ? this.#finishDeflated() : source;
    this.#data!.finish(dataSource.size);
    const object: DicomObject = {
      source,
      dataSource,
      preamble: this.#preamble,
      meta: this.#meta?.elements ?? [],
      metaEnd: this.#metaEnd,
      transferSyntax: this.#syntax!,
      elements: this.#data!.elements,
      tolerated: this.#tolerated,
    };
    checkDataSet(object, this.#tolerate, this.#tolerated);
    return object;
  }

  #finishDeflated(): ByteSource {
    const { source, trailing } = this.#inflater!.finish();
    if (trailing > 0) {
      if (!this.#tolerate.has("trailing-bytes") || trailing > deflatedTrailingMax) {
        throw new ScansealError("trailing-bytes", `${trailing} bytes after the deflated data set`);
      }
      this.#tolerated.push({ code: "trailing-bytes" });
    }
    const scanner = this.#dataScanner(0, source.size, true);
    this.#data = scanner;
    for (let stuck = false; scanner.position < source.size && !stuck; ) {
      const rest = source.size - scanner.position;
      const length = Math.min(rest, Math.max(windowBytes, scanner.need));
      const taken = scanner.scan(source.window(scanner.position, length));
      stuck = taken === 0 && length === rest;
    }
    return source;
  }
}

/**
 * Reads one object. Bulk values stay references into `source`, which must not change while the object is used.
 * @throws ScansealError: malformed and limit codes for the object's faults, `io` for the source's
 */
export async function readDicom(source: ByteSource, options: ReadOptions = {}): Promise<DicomObject> {
  const memory = source instanceof MemorySource;
  const scanner = new ObjectScanner(options, source.size, !memory);
  let windowNow = firstWindowBytes;
  while (scanner.position < source.size) {
    const rest = source.size - scanner.position;
    const length = memory ? rest : Math.min(rest, Math.max(windowNow, scanner.need));
    const before = scanner.position;
    scanner.scan(await source.read(scanner.position, length), length === rest);
    if (scanner.skip === 0) windowNow = Math.min(4 * windowNow, windowBytes);
    scanner.position += scanner.skip;
    // Nothing taken although all that is left was shown: the input ends inside something.
    if (scanner.position === before && length === rest) break;
  }
  return scanner.finish(source);
}

/**
 * Push mode: the same grammar on bytes as they arrive, so that a hostile object is refused while still arriving.
 * At most one header or one text value is carried from chunk to chunk.
 */
export class PushReader {
  readonly #scanner: ObjectScanner;
  readonly #carried: ArrivedBytes = new ArrivedBytes();
  #skip = 0;

  constructor(options: ReadOptions = {}) {
    this.#scanner = new ObjectScanner(options, Number.POSITIVE_INFINITY, true);
  }

  /** @throws ScansealError as soon as the bytes so far cannot begin an acceptable object */
  push(chunk: Bytes): void {
    let bytes = chunk;
    if (this.#skip > 0) {
      const left = Math.min(this.#skip, bytes.length);
      this.#skip -= left;
      bytes = bytes.subarray(left);
      if (bytes.length === 0) return;
    }
    if (this.#carried.length > 0) {
      this.#carried.append(bytes);
      if (this.#carried.length < this.#scanner.need) return;
      bytes = this.#carried.take();
    }
    while (bytes.length >= this.#scanner.need) {
      const taken = this.#scanner.scan(bytes);
      const skip = this.#scanner.skip;
      this.#scanner.position += skip;
      if (taken === 0 && skip === 0) break;
      this.#skip = Math.max(0, skip - (bytes.length - taken));
      bytes = bytes.subarray(Math.min(bytes.length, taken + skip));
    }
    if (bytes.length > 0) this.#carried.append(bytes);
  }

  /**
   * All bytes have arrived and can be read from `source`.
   * @throws ScansealError with a malformed code
   */
  finish(source: ByteSource): DicomObject {
    if (this.#carried.length > 0) this.#scanner.scan(this.#carried.take(), true);
    return this.#scanner.finish(source);
  }
}
