/**
 * JPEG of 12 bits, sequential DCT with Huffman coding (ITU-T T.81 processes 2 and 4, annexes A, C and F): one component, for pictures
 * that people look at. Decoders differ by one in what they make of it.
 */
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type HuffmanTable, huffmanTable, lookupBits } from "./huffman-table.ts";
import { guardBytes, restartIntervals, wordAt } from "./jpeg-entropy.ts";
import { type JpegSegment, jpegMarkers, jpegSegments } from "./jpeg-segments.ts";

const startOfFrameExtended = 0xc1;
const defineQuantizationTables = 0xdb;
const precision = 12;
const side = 8;
const blockSize = 64;

/** What has been defined so far; tables may be replaced between scans, of which there is one here. */
interface Tables {
  readonly dc: Map<number, HuffmanTable>;
  readonly ac: Map<number, HuffmanTable>;
  /** In zigzag order. */
  readonly steps: Map<number, Uint16Array>;
  restartInterval: number;
}

export interface ExtendedJpeg {
  readonly rows: number;
  readonly columns: number;
  /** 0 to `valueMax`. */
  readonly samples: Uint16Array;
}

/**
 * The caller has bounded the size.
 * @param valueMax what lies beyond is cut off: lossy coding oversteps, and in a narrower sample it would come out at the other end
 * @throws ScansealError `codec-failed`, `unsupported` for several components or scans and other precisions
 */
export function decodeJpegExtended(codestream: Bytes, valueMax: number): ExtendedJpeg {
  const tables: Tables = { dc: new Map(), ac: new Map(), steps: new Map(), restartInterval: 0 };
  let frame: Bytes | undefined;
  let scan: JpegSegment | undefined;
  for (const segment of jpegSegments(codestream, "jpeg")) {
    const { marker, parameters } = segment;
    if (marker === startOfFrameExtended) frame = parameters;
    else if (marker === jpegMarkers.startOfScan) {
      if (scan) throw new ScansealError("unsupported", "JPEG of 12 bits with several scans");
      scan = segment;
    } else if (!scan) define(segment, tables);
  }
  if (frame?.length !== 9 || frame[0] !== precision || frame[5] !== 1 || !scan)
    throw new ScansealError("unsupported", "JPEG of 12 bits of another form");
  const view = viewOf(frame);
  const [rows, columns] = [view.getUint16(1), view.getUint16(3)];
  const samples = new Uint16Array(rows * columns);
  const out = { rows, columns, samples, valueMax };
  decodeScan(scan, tables, tables.steps.get(frame[8]!), out);
  return { rows, columns, samples };
}

function define({ marker, parameters }: JpegSegment, tables: Tables): void {
  if (marker === jpegMarkers.defineHuffmanTables) defineHuffman(parameters, tables);
  else if (marker === defineQuantizationTables) defineSteps(parameters, tables);
  else if (marker === jpegMarkers.defineRestartInterval) {
    if (parameters.length !== 2) throw failed("a malformed restart interval");
    tables.restartInterval = viewOf(parameters).getUint16(0);
  }
}

/** T.81 B.2.4.2. */
function defineHuffman(parameters: Bytes, { dc, ac }: Tables): void {
  for (let at = 0; at < parameters.length; ) {
    const name = parameters[at]!;
    const counts = parameters.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, n) => sum + n, 0);
    const end = at + 17 + total;
    if (end > parameters.length || (name & 15) > 3 || name >> 4 > 1)
      throw failed("a malformed Huffman table");
    const isAc = name >> 4 === 1;
    const table = huffmanTable(counts, parameters.subarray(at + 17, end), isAc ? 255 : 15);
    (isAc ? ac : dc).set(name & 15, table);
    at = end;
  }
}

/** T.81 B.2.4.1. */
function defineSteps(parameters: Bytes, { steps }: Tables): void {
  const view = viewOf(parameters);
  for (let at = 0; at < parameters.length; ) {
    const name = parameters[at]!;
    const width = (name >> 4) + 1;
    const end = at + 1 + width * blockSize;
    if (end > parameters.length || width > 2) throw failed("a malformed quantization table");
    const from = at + 1;
    const table = Uint16Array.from({ length: blockSize }, (_, i) =>
      width === 1 ? parameters[from + i]! : view.getUint16(from + 2 * i),
    );
    steps.set(name & 15, table);
    at = end;
  }
}

interface Target extends ExtendedJpeg {
  readonly valueMax: number;
}

function decodeScan(scan: JpegSegment, tables: Tables, steps: Uint16Array | undefined, out: Target): void {
  const { parameters } = scan;
  const names = parameters[2] ?? 0;
  const dc = tables.dc.get(names >> 4);
  const ac = tables.ac.get(names & 15);
  if (parameters.length !== 6 || parameters[0] !== 1 || !dc || !ac || !steps)
    throw failed("a malformed scan header, or a table that is missing");
  // T.81 A.2.2: one component is coded block by block, whatever its sampling factors.
  const across = Math.ceil(out.columns / side);
  const count = across * Math.ceil(out.rows / side);
  const each = tables.restartInterval || count;
  const intervals = restartIntervals(scan.entropy!);
  if (intervals.length < Math.ceil(count / each)) throw failed("a restart interval is missing");
  const coefficients = new Float64Array(blockSize);
  for (let first = 0, i = 0; first < count; first += each, i++) {
    const blocks = new BlockReader(intervals[i]!, dc, ac, steps);
    for (let n = first; n < Math.min(first + each, count); n++) {
      blocks.next(coefficients);
      putBlock(coefficients, (n % across) * side, Math.floor(n / across) * side, out);
    }
    blocks.checkEnd();
  }
}

/** T.81 figure A.6. */
const zigzag: Uint8Array = (() => {
  const order = new Uint8Array(blockSize);
  for (let diagonal = 0, at = 0; diagonal < 2 * side - 1; diagonal++) {
    for (let i = 0; i <= diagonal; i++) {
      const [down, right] = diagonal % 2 === 1 ? [i, diagonal - i] : [diagonal - i, i];
      if (down < side && right < side) order[at++] = down * side + right;
    }
  }
  return order;
})();

/** The blocks of one restart interval, dequantized. */
class BlockReader {
  readonly #coded: Bytes;
  readonly #dc: HuffmanTable;
  readonly #ac: HuffmanTable;
  readonly #steps: Uint16Array;
  #bit = 0;
  #previous = 0;

  constructor(coded: Bytes, dc: HuffmanTable, ac: HuffmanTable, steps: Uint16Array) {
    this.#coded = coded;
    this.#dc = dc;
    this.#ac = ac;
    this.#steps = steps;
  }

  /** T.81 F.2.2. */
  next(out: Float64Array): void {
    out.fill(0);
    this.#previous += this.#number(this.#symbol(this.#dc));
    out[0] = this.#previous * this.#steps[0]!;
    for (let k = 1; k < blockSize; k++) {
      const symbol = this.#symbol(this.#ac);
      const size = symbol & 15;
      if (size === 0 && symbol !== 0xf0) return;
      k += symbol >> 4;
      if (k >= blockSize) throw failed("a block of more than 64 coefficients");
      out[zigzag[k]!] = this.#number(size) * this.#steps[k]!;
    }
  }

  /** Every read is within the guard bytes or finds zeros behind them. */
  checkEnd(): void {
    if (this.#bit > (this.#coded.length - guardBytes) * 8) throw failed("the coded data ends too early");
  }

  #symbol(table: HuffmanTable): number {
    const word = this.#word();
    const entry = table.lookup[word >>> (32 - lookupBits)] || table.longCode(word >>> 16);
    this.#bit += entry >> 8;
    return entry & 0xff;
  }

  /** T.81 F.2.2.1, RECEIVE and EXTEND. */
  #number(size: number): number {
    if (size === 0) return 0;
    const word = this.#word();
    this.#bit += size;
    const value = word >>> (32 - size);
    return word < 0 ? value : value - (1 << size) + 1;
  }

  #word(): number {
    this.checkEnd();
    return wordAt(this.#coded, this.#bit);
  }
}

/** T.81 A.3.3: C(u) / 2 * cos((2 x + 1) u pi / 16), by x and u. */
const basis: Float64Array = Float64Array.from({ length: blockSize }, (_, i) => {
  const [x, u] = [i >> 3, i & 7];
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16);
});
const rowsDone = new Float64Array(blockSize);

function putBlock(coefficients: Float64Array, left: number, top: number, out: Target): void {
  for (let v = 0; v < side; v++) {
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (let u = 0; u < side; u++) sum += basis[side * x + u]! * coefficients[side * v + u]!;
      rowsDone[side * v + x] = sum;
    }
  }
  const { columns, samples, valueMax } = out;
  const height = Math.min(side, out.rows - top);
  const width = Math.min(side, columns - left);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 2 ** (precision - 1);
      for (let v = 0; v < side; v++) sum += basis[side * y + v]! * rowsDone[side * v + x]!;
      samples[(top + y) * columns + left + x] = Math.min(valueMax, Math.max(0, Math.round(sum)));
    }
  }
}

function failed(problem: string): ScansealError {
  return new ScansealError("codec-failed", `JPEG: ${problem}`);
}
