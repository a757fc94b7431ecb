/** RLE Lossless, PS3.5 annex G. */
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { frameBytesMax } from "../limits.ts";
import { canonicalFrameBytes, type ImageAttributes, isSubsampled422 } from "./image-attributes.ts";

/** PS3.5 annex G.5: a count and fifteen offsets, 32 bits each. */
export const rleHeaderBytes = 64;
const segmentsMax = 15;
/** Padding behind a segment; too little for another image. */
const trailingBytesMax = 16;

/**
 * One frame. Each segment is one byte of each sample, the most significant first (PS3.5 annex G.2); one-bit samples stay packed.
 * @returns canonical samples, colour-by-pixel, little endian
 * @throws ScansealError `codec-failed`, `limit-decode`, `unsupported`
 */
export function decodeRle(codestream: Bytes, attributes: ImageAttributes): Bytes {
  if (isSubsampled422(attributes)) throw new ScansealError("unsupported", "RLE of 4:2:2 samples");
  const length = canonicalFrameBytes(attributes, false);
  if (length > frameBytesMax) throw new ScansealError("limit-decode", "the frame is over the decoding limit");
  const width = attributes.bitsAllocated === 1 ? 1 : attributes.bitsAllocated / 8;
  const segments = segmentsOf(codestream, width * attributes.samplesPerPixel);
  const stride = segments.length;
  // A run gives at most 128 bytes for 2 (PS3.5 annex G.3.1): a frame that cannot come out takes no memory.
  if (length > codestream.length * 64) throw failed("fewer bytes than the frame needs");
  const out = new Uint8Array(length);
  if (length % stride !== 0) throw failed("the number of segments does not fit the frame");
  segments.forEach((segment, i) => {
    const sample = Math.floor(i / width);
    const lowByteFirst = width - 1 - (i % width);
    decodeSegment(segment, out, sample * width + lowByteFirst, stride);
  });
  return out;
}

function segmentsOf(codestream: Bytes, expected: number): Bytes[] {
  const bounds = rleSegmentBounds(codestream.subarray(0, rleHeaderBytes), codestream.length);
  if (bounds.length - 1 !== expected) throw failed("another number of segments than the attributes say");
  return bounds.slice(0, -1).map((start, i) => codestream.subarray(start, bounds[i + 1]));
}

/**
 * Where the segments of a frame of `length` bytes begin, and where the last one ends.
 * @throws ScansealError `codec-failed` for a header that PS3.5 annex G.5 does not allow
 */
export function rleSegmentBounds(header: Bytes, length: number): number[] {
  if (header.length < rleHeaderBytes) throw failed("shorter than its header");
  const view = viewOf(header);
  const count = view.getUint32(0, true);
  if (count === 0 || count > segmentsMax) throw failed("no segments, or more than fifteen");
  const bounds: number[] = [];
  for (let i = 0; i < segmentsMax; i++) {
    const offset = view.getUint32(4 + 4 * i, true);
    if (i >= count && offset !== 0) throw failed("an offset of a segment that is not there");
    if (i < count) bounds.push(offset);
  }
  if (bounds[0] !== rleHeaderBytes) throw failed("the first segment does not follow the header");
  bounds.push(length);
  for (let i = 1; i < bounds.length; i++) {
    if (bounds[i]! <= bounds[i - 1]! || bounds[i]! > length)
      throw failed("segments overlap or leave the frame");
  }
  return bounds;
}

/** PS3.5 annex G.3.2. Every `stride`-th byte of `out` from `to` on is filled; what follows in the segment is padding. */
function decodeSegment(segment: Bytes, out: Bytes, first: number, stride: number): void {
  let to = first;
  let at = 0;
  const end = out.length;
  while (to < end) {
    const n = segment[at++];
    if (n === undefined) throw failed("a segment ends too early");
    if (n === 128) continue;
    const literal = n < 128;
    const count = literal ? n + 1 : 257 - n;
    if (at + (literal ? count : 1) > segment.length) throw failed("a segment ends inside a run");
    if (to + (count - 1) * stride >= end) throw failed("a run leaves the frame");
    if (literal) {
      for (let k = 0; k < count; k++, to += stride) out[to] = segment[at++]!;
    } else {
      const value = segment[at++]!;
      for (let k = 0; k < count; k++, to += stride) out[to] = value;
    }
  }
  if (segment.length - at > trailingBytesMax) throw failed("data after the end of a segment");
}

function failed(problem: string): ScansealError {
  return new ScansealError("codec-failed", `RLE: ${problem}`);
}
