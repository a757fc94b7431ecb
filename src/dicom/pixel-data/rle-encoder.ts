/** Writes RLE Lossless, PS3.5 annex G. */
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { ImageAttributes } from "./image-attributes.ts";
import { rleHeaderBytes } from "./rle.ts";

/** PS3.5 annex G.5: the header has room for fifteen offsets. */
const segmentsMax = 15;
/** PS3.5 annex G.3.1. */
const runMax = 128;
/** Two equal bytes cost as much in a run as in literals, and end the literals before them. */
const runMin = 3;

/**
 * One frame: a segment for each byte of each sample, the most significant first (PS3.5 annex G.2). Rows are coded one by one, as
 * annex G.3.1 asks; one-bit samples stay packed, as `decodeRle` reads them.
 * @param samples canonical, colour-by-pixel, little endian, of the size the attributes say
 * @throws ScansealError `unsupported` for more bytes a pixel than segments
 */
export function encodeRle(samples: Bytes, attributes: ImageAttributes): Bytes {
  const { rows, columns, bitsAllocated, samplesPerPixel } = attributes;
  const width = bitsAllocated === 1 ? 1 : bitsAllocated / 8;
  const stride = width * samplesPerPixel;
  if (stride > segmentsMax) throw new ScansealError("unsupported", "RLE of more than fifteen bytes a pixel");
  const segmentBytes = samples.length / stride;
  // Rows of packed bits that do not end with a byte are one row.
  const rowBytes = bitsAllocated > 1 ? columns : columns % 8 === 0 ? columns / 8 : segmentBytes;
  const coder = new RunLengthCoder(stride * worstBytes(bitsAllocated > 1 ? rows : 1, rowBytes, segmentBytes));
  const header = viewOf(coder.out);
  header.setUint32(0, stride, true);
  const row = new Uint8Array(rowBytes);
  for (let segment = 0; segment < stride; segment++) {
    header.setUint32(4 + 4 * segment, coder.length, true);
    const sample = Math.floor(segment / width);
    let from = sample * width + (width - 1 - (segment % width));
    for (let done = 0; done < segmentBytes; done += rowBytes) {
      for (let i = 0; i < rowBytes; i++, from += stride) row[i] = samples[from]!;
      coder.row(row);
    }
    coder.pad();
  }
  return coder.out.slice(0, coder.length);
}

/** A count before every 128 literals of a row, and the pad of the segment. */
function worstBytes(rows: number, rowBytes: number, segmentBytes: number): number {
  const rowCount = Math.max(rows, Math.ceil(segmentBytes / rowBytes));
  return segmentBytes + rowCount * Math.ceil(rowBytes / runMax) + 1;
}

class RunLengthCoder {
  readonly out: Bytes;
  length: number = rleHeaderBytes;

  constructor(bytesMax: number) {
    this.out = new Uint8Array(rleHeaderBytes + bytesMax);
  }

  row(row: Bytes): void {
    const end = row.length;
    let literals = 0;
    for (let at = 0; at < end; ) {
      const value = row[at]!;
      let next = at + 1;
      while (next < end && next - at < runMax && row[next] === value) next++;
      const run = next - at;
      // A pair is a run only where it breaks no literals.
      if (run >= runMin || (run === 2 && literals === at)) {
        this.#literals(row, literals, at);
        this.out[this.length++] = 257 - run;
        this.out[this.length++] = value;
        literals = next;
      }
      at = next;
    }
    this.#literals(row, literals, end);
  }

  /** PS3.5 annex G.3.1: a segment has even length. */
  pad(): void {
    if (this.length % 2 === 1) this.out[this.length++] = 0;
  }

  #literals(row: Bytes, from: number, to: number): void {
    for (let at = from; at < to; at += runMax) {
      const count = Math.min(runMax, to - at);
      this.out[this.length++] = count - 1;
      for (let i = at; i < at + count; i++) this.out[this.length++] = row[i]!;
    }
  }
}
