/** Writes JPEG lossless with Huffman coding: ITU-T T.81 process 14, one scan, the best tables for each component. */
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { bestHuffmanCode, type HuffmanCode } from "./huffman-code.ts";
import { type LosslessJpeg, predict } from "./jpeg-lossless.ts";
import { jpegMarkers } from "./jpeg-segments.ts";

/** T.81 table H.2: difference categories 0 to 16. */
const categories = 17;
const appAdobe = 0xee;
/** What Adobe's marker calls untransformed: readers that would take three components for YCbCr then leave them alone. */
const adobeUntransformed = Uint8Array.of(0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0);
const rgbNames: readonly number[] = [0x52, 0x47, 0x42];

export interface JpegLosslessOptions {
  /** The components are red, green and blue. */
  readonly rgb: boolean;
  /** T.81 table H.1, 1 to 7. */
  readonly predictor: number;
}

/** @param image 1 to 4 components, below 65,536 rows and columns */
export function encodeJpegLossless(image: LosslessJpeg, options: JpegLosslessOptions): Bytes {
  const { components, rows, columns, precision } = image;
  const { rgb, predictor } = options;
  const codes = histograms(image, predictor, 1).map(bestHuffmanCode);
  const names = Array.from({ length: components }, (_, i) => (rgb ? rgbNames[i]! : i + 1));
  const frame = names.flatMap((name) => [name, 0x11, 0]);
  const scan = names.flatMap((name, i) => [name, i << 4]);
  return concatBytes([
    Uint8Array.of(0xff, jpegMarkers.startOfImage),
    rgb ? segment(appAdobe, adobeUntransformed) : new Uint8Array(0),
    // T.81 B.2.2
    segment(jpegMarkers.startOfFrameLossless, [
      precision,
      ...u16(rows),
      ...u16(columns),
      components,
      ...frame,
    ]),
    ...codes.map(({ counts, values }, i) =>
      segment(jpegMarkers.defineHuffmanTables, [i, ...counts, ...values]),
    ),
    // T.81 B.2.3: no point transform.
    segment(jpegMarkers.startOfScan, [components, ...scan, predictor, 0, 0]),
    stuffed(codedScan(image, predictor, codes)),
    Uint8Array.of(0xff, jpegMarkers.endOfImage),
  ]);
}

function u16(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}

function segment(marker: number, parameters: ArrayLike<number>): Bytes {
  return Uint8Array.of(0xff, marker, ...u16(parameters.length + 2), ...Array.from(parameters));
}

/** One row in so many is looked at to choose a predictor. */
const surveyStep = 8;

/** The predictor that gives the shortest codes in a sample of rows. */
export function bestPredictor(image: LosslessJpeg): number {
  const costs = [1, 2, 3, 4, 5, 6, 7].map((predictor) => {
    let bits = 0;
    for (const counts of histograms(image, predictor, surveyStep)) {
      const { lengths } = bestHuffmanCode(counts);
      counts.forEach((count, size) => {
        bits += count * (lengths[size]! + size);
      });
    }
    return bits;
  });
  return 1 + costs.indexOf(Math.min(...costs));
}

/** T.81 H.1.2.1: in the first row from the left neighbour, at the start of a row from above, at first from the middle of the range. */
function prediction(image: LosslessJpeg, predictor: number, at: number, x: number, row: number): number {
  const { samples, components, columns, precision } = image;
  if (x > 0 && (row === 0 || predictor === 1)) return samples[at - components]!;
  if (row === 0) return 1 << (precision - 1);
  const above = at - components * columns;
  if (x === 0) return samples[above]!;
  return predict(predictor, samples[at - components]!, samples[above]!, samples[above - components]!);
}

/** Modulo 2^16 (T.81 H.1.2.1), as a number from -32,767 to 32,768. */
function difference(sample: number, predicted: number): number {
  const d = (sample - predicted) & 0xffff;
  return d > 0x8000 ? d - 0x10000 : d;
}

function category(d: number): number {
  return 32 - Math.clz32(d < 0 ? -d : d);
}

/** Of the categories of differences for each component, in every `step`-th row. */
function histograms(image: LosslessJpeg, predictor: number, step: number): number[][] {
  const { samples, components, columns, rows } = image;
  return Array.from({ length: components }, (_, c) => {
    const counts = new Array<number>(categories).fill(0);
    for (let row = 0; row < rows; row += step) {
      for (let x = 0, at = row * columns * components + c; x < columns; x++, at += components)
        counts[category(difference(samples[at]!, prediction(image, predictor, at, x, row)))]!++;
    }
    return counts;
  });
}

/** The bits of the scan, without stuffed zeros; components of a pixel follow each other (T.81 A.2.3). */
function codedScan(image: LosslessJpeg, predictor: number, codes: readonly HuffmanCode[]): Bytes {
  const { samples, components, columns, rows } = image;
  const bits = new BitWriter(samples.length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let x = 0; x < columns; x++) {
      for (let c = 0; c < components; c++, at++) {
        const d = difference(samples[at]!, prediction(image, predictor, at, x, row));
        const size = category(d);
        const { codes: code, lengths } = codes[c]!;
        bits.put(code[size]!, lengths[size]!);
        // T.81 H.1.2.2: category 16 is 32,768 alone. Negative numbers have their lowest bits less one.
        if (size > 0 && size < 16) bits.put((d < 0 ? d - 1 : d) & ((1 << size) - 1), size);
      }
    }
  }
  return bits.finished();
}

class BitWriter {
  #out: Bytes;
  #length = 0;
  #pending = 0;
  #pendingBits = 0;

  constructor(bytesExpected: number) {
    this.#out = new Uint8Array(bytesExpected + 64);
  }

  /** `count` at most 16; fewer than 8 bits are ever pending, so 24 bits suffice. */
  put(bits: number, count: number): void {
    this.#pending = (this.#pending << count) | bits;
    this.#pendingBits += count;
    while (this.#pendingBits >= 8) {
      this.#pendingBits -= 8;
      if (this.#length === this.#out.length) this.#grow();
      this.#out[this.#length++] = this.#pending >> this.#pendingBits;
    }
    this.#pending &= 0xff;
  }

  /** T.81 F.1.2.3: the last byte is filled with ones. */
  finished(): Bytes {
    if (this.#pendingBits > 0) this.put((1 << (8 - this.#pendingBits)) - 1, 8 - this.#pendingBits);
    return this.#out.subarray(0, this.#length);
  }

  #grow(): void {
    const larger = new Uint8Array(this.#out.length * 2);
    larger.set(this.#out);
    this.#out = larger;
  }
}

/** A zero after every byte FF (T.81 B.1.1.5). */
function stuffed(coded: Bytes): Bytes {
  let marks = 0;
  for (const byte of coded) if (byte === 0xff) marks++;
  const out = new Uint8Array(coded.length + marks);
  let to = 0;
  for (const byte of coded) {
    out[to++] = byte;
    if (byte === 0xff) to++;
  }
  return out;
}
