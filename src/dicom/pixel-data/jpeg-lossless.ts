/** JPEG lossless with Huffman coding: ITU-T T.81 process 14, annexes C, F.2.2 and H. All predictors, restarts, one or several scans, 2 to 16 bits. */
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type HuffmanTable, huffmanTable, lookupBits } from "./huffman-table.ts";
import { guardBytes, restartIntervals, wordAt } from "./jpeg-entropy.ts";
import { type JpegSegment, jpegMarkers, jpegSegments } from "./jpeg-segments.ts";

export interface LosslessJpeg {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  /** 2 to 16. */
  readonly precision: number;
  /** Colour-by-pixel. */
  readonly samples: Uint16Array;
}

interface Frame {
  readonly rows: number;
  readonly columns: number;
  readonly precision: number;
  /** Component identifiers in order. */
  readonly ids: readonly number[];
}

interface Scan {
  /** Positions of the scan's components in the frame. */
  readonly components: readonly number[];
  readonly tables: readonly HuffmanTable[];
  /** 1 to 7, T.81 table H.1. */
  readonly predictor: number;
  readonly pointTransform: number;
  /** Rows between restarts; `rows` when there are none. */
  readonly rowsPerRestart: number;
}

/**
 * The caller has bounded the size: see `checkedHeader`.
 * @throws ScansealError `codec-failed`
 */
export function decodeJpegLossless(codestream: Bytes): LosslessJpeg {
  const tables = new Map<number, HuffmanTable>();
  let restartInterval = 0;
  let frame: Frame | undefined;
  let samples: Uint16Array | undefined;
  const decoded = new Set<number>();
  for (const segment of jpegSegments(codestream, "jpeg")) {
    const { marker, parameters } = segment;
    if (marker === jpegMarkers.defineHuffmanTables) readTables(parameters, tables);
    else if (marker === jpegMarkers.defineRestartInterval) {
      if (parameters.length !== 2) throw failed("a malformed restart interval");
      restartInterval = viewOf(parameters).getUint16(0);
    } else if (marker === jpegMarkers.startOfFrameLossless) {
      if (frame !== undefined) throw failed("two frame headers");
      frame = readFrame(parameters);
      samples = new Uint16Array(frame.rows * frame.columns * frame.ids.length);
    } else if (marker === jpegMarkers.startOfScan) {
      if (frame === undefined || samples === undefined) throw failed("a scan before its frame header");
      const scan = readScan(parameters, frame, tables, restartInterval);
      for (const component of scan.components) decoded.add(component);
      decodeScan(segment, frame, scan, samples);
    }
  }
  if (frame === undefined || samples === undefined) throw failed("no frame header");
  if (decoded.size !== frame.ids.length) throw failed("a component without a scan");
  const { rows, columns, precision, ids } = frame;
  return { rows, columns, precision, components: ids.length, samples };
}

/** T.81 B.2.4.2. */
function readTables(parameters: Bytes, tables: Map<number, HuffmanTable>): void {
  let at = 0;
  while (at < parameters.length) {
    const id = parameters[at]!;
    if (at + 17 > parameters.length || (id & 15) > 3) throw failed("a malformed Huffman table");
    const counts = parameters.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, n) => sum + n, 0);
    if (at + 17 + total > parameters.length) throw failed("a malformed Huffman table");
    // Class 1 is for the DCT processes; some writers leave such tables in.
    if (id <= 3) tables.set(id, huffmanTable(counts, parameters.subarray(at + 17, at + 17 + total)));
    at += 17 + total;
  }
}

/** T.81 B.2.2. Height 0, defined after the first scan (DNL), is not used in DICOM. */
function readFrame(parameters: Bytes): Frame {
  const components = parameters[5] ?? 0;
  if (components < 1 || components > 4 || parameters.length !== 6 + 3 * components)
    throw failed("a malformed frame header");
  const view = viewOf(parameters);
  const precision = parameters[0]!;
  const rows = view.getUint16(1);
  const columns = view.getUint16(3);
  if (precision < 2 || precision > 16 || rows === 0 || columns === 0)
    throw failed("a malformed frame header");
  const ids: number[] = [];
  for (let i = 0; i < components; i++) {
    if (parameters[7 + 3 * i] !== 0x11) throw failed("subsampled components");
    ids.push(parameters[6 + 3 * i]!);
  }
  if (new Set(ids).size !== ids.length) throw failed("two components of one name");
  return { rows, columns, precision, ids };
}

/** T.81 B.2.3 and H.1.1. */
function readScan(
  parameters: Bytes,
  frame: Frame,
  tables: ReadonlyMap<number, HuffmanTable>,
  interval: number,
): Scan {
  const count = parameters[0] ?? 0;
  if (count < 1 || count > frame.ids.length || parameters.length !== 4 + 2 * count)
    throw failed("a malformed scan header");
  const components: number[] = [];
  const chosen: HuffmanTable[] = [];
  for (let i = 0; i < count; i++) {
    const component = frame.ids.indexOf(parameters[1 + 2 * i]!);
    const table = tables.get(parameters[2 + 2 * i]! >> 4);
    if (component < 0 || components.includes(component) || table === undefined)
      throw failed("a malformed scan header");
    components.push(component);
    chosen.push(table);
  }
  const predictor = parameters[1 + 2 * count]!;
  const pointTransform = parameters[3 + 2 * count]! & 15;
  if (predictor < 1 || predictor > 7 || pointTransform >= frame.precision)
    throw failed("a malformed scan header");
  if (interval % frame.columns !== 0) throw failed("a restart interval that is not whole rows");
  const rowsPerRestart = interval === 0 ? frame.rows : interval / frame.columns;
  return { components, tables: chosen, predictor, pointTransform, rowsPerRestart };
}

function decodeScan(segment: JpegSegment, frame: Frame, scan: Scan, samples: Uint16Array): void {
  const intervals = restartIntervals(segment.entropy!);
  const needed = Math.ceil(frame.rows / scan.rowsPerRestart);
  if (intervals.length < needed) throw failed("a restart interval is missing");
  for (let i = 0; i < needed; i++) {
    const first = i * scan.rowsPerRestart;
    decodeRows(intervals[i]!, frame, scan, samples, first, Math.min(first + scan.rowsPerRestart, frame.rows));
  }
  if (scan.pointTransform > 0) {
    const stride = frame.ids.length;
    for (const component of scan.components) {
      for (let i = component; i < samples.length; i += stride) samples[i]! <<= scan.pointTransform;
    }
  }
}

/** Rows of one restart interval; predictions start anew at `firstRow` (T.81 H.1.2.1). */
function decodeRows(
  coded: Bytes,
  frame: Frame,
  scan: Scan,
  samples: Uint16Array,
  firstRow: number,
  endRow: number,
): void {
  const stride = frame.ids.length;
  const rowSamples = frame.columns * stride;
  const initial = 1 << (frame.precision - scan.pointTransform - 1);
  const bitsEnd = (coded.length - guardBytes) * 8;
  const { components, tables, predictor } = scan;
  let bit = 0;
  for (let row = firstRow; row < endRow; row++) {
    const start = row * rowSamples;
    for (let x = 0; x < rowSamples; x += stride) {
      for (let c = 0; c < components.length; c++) {
        const at = start + x + components[c]!;
        const table = tables[c]!;
        // A codestream is below 512 MiB, so bit positions are below 2^32.
        let word = wordAt(coded, bit);
        let entry = table.lookup[word >>> (32 - lookupBits)]!;
        if (entry === 0) entry = table.longCode(word >>> 16);
        const codeBits = entry >> 8;
        const category = entry & 0xff;
        bit += codeBits;
        let difference = 0;
        if (category === 16) difference = 32768;
        else if (category > 0) {
          if (codeBits + category > 24) word = wordAt(coded, bit);
          else word <<= codeBits;
          // T.81 F.2.2.1, EXTEND: a leading 0 bit means negative.
          difference = word < 0 ? word >>> (32 - category) : (word >>> (32 - category)) - (1 << category) + 1;
          bit += category;
        }
        let prediction: number;
        if (row === firstRow) prediction = x === 0 ? initial : samples[at - stride]!;
        else if (x === 0) prediction = samples[at - rowSamples]!;
        else
          prediction = predict(
            predictor,
            samples[at - stride]!,
            samples[at - rowSamples]!,
            samples[at - rowSamples - stride]!,
          );
        samples[at] = prediction + difference;
      }
    }
    if (bit > bitsEnd) throw failed("the coded data ends too early");
  }
}

/** T.81 table H.1; a is left, b above, c above left; selection 1 to 7. */
export function predict(selection: number, a: number, b: number, c: number): number {
  switch (selection) {
    case 1:
      return a;
    case 2:
      return b;
    case 3:
      return c;
    case 4:
      return a + b - c;
    case 5:
      return a + ((b - c) >> 1);
    case 6:
      return b + ((a - c) >> 1);
    default:
      return (a + b) >> 1;
  }
}

function failed(problem: string): ScansealError {
  return new ScansealError("codec-failed", `JPEG lossless: ${problem}`);
}
