/** Structure-aware mutation: damage where headers, lengths, delimiters and elements stand, seeded so that it can be repeated. */
import type { DataElement, DicomObject } from "../../src/dicom/model.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";

/** mulberry32: small, seeded, good enough to choose places. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Where elements, items and fragments begin and end. */
export interface Span {
  readonly offset: number;
  readonly valueOffset: number;
  readonly end: number;
}

export function spansOf(object: DicomObject): Span[] {
  const spans: Span[] = [];
  const open: (readonly DataElement[])[] = [object.meta];
  // Offsets of a deflated data set are in the inflated bytes.
  if (!object.transferSyntax.deflated) open.push(object.elements);
  for (let list = open.pop(); list; list = open.pop()) {
    for (const element of list) {
      spans.push({ offset: element.offset, valueOffset: element.valueOffset, end: element.end });
      for (const fragment of element.fragments ?? []) {
        const { valueOffset, length } = fragment;
        spans.push({ offset: valueOffset - 8, valueOffset, end: valueOffset + length });
      }
      for (const item of element.items ?? []) {
        spans.push({ offset: item.offset, valueOffset: item.offset + 8, end: item.end });
        open.push(item.elements);
      }
    }
  }
  return spans;
}

const lengths = [0, 1, 2, 3, 7, 8, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const letters = ["AE", "AT", "SQ", "UN", "OB", "OW", "UT", "UI", "US", "FD", "LO", "DS", "xx", "\0\0", "OV"];
const markers = [
  0xfffee000, 0xfffee00d, 0xfffee0dd, 0x7fe00010, 0x00080005, 0x00020010, 0, 0xffffffff, 0xfffcfffc,
];

type Random = () => number;
type Change = (bytes: Bytes, span: Span, other: Span, random: Random) => Bytes;

function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)]!;
}

function write32(bytes: Bytes, at: number, value: number): Bytes {
  const out = bytes.slice();
  for (let k = 0; k < 4; k++) if (at + k < out.length) out[at + k] = (value >>> (8 * k)) & 255;
  return out;
}

function cut(bytes: Bytes, from: number, to: number, ...instead: readonly Bytes[]): Bytes {
  return concatBytes([bytes.subarray(0, from), ...instead, bytes.subarray(to)]);
}

const changes: readonly Change[] = [
  // The length: at the end of every header of 8 or 12 bytes.
  (bytes, span, _, random) => write32(bytes, span.valueOffset - 4, pick(lengths, random)),
  (bytes, span, _, random) => {
    const out = bytes.slice();
    const at = span.valueOffset - 1 - Math.floor(random() * 4);
    if (at >= 0 && at < out.length) out[at] = (out[at]! + pick([1, 2, 255, 254, 128], random)) & 255;
    return out;
  },
  // The tag: group and element swapped as little endian writes them.
  (bytes, span, _, random) => {
    const tag = pick(markers, random);
    return write32(bytes, span.offset, ((tag & 0xffff) << 16) | (tag >>> 16));
  },
  (bytes, span, _, random) => {
    const out = bytes.slice();
    const at = span.offset + Math.floor(random() * 4);
    out[at] = Math.floor(random() * 256);
    return out;
  },
  // The VR.
  (bytes, span, _, random) => {
    const out = bytes.slice();
    const vr = pick(letters, random);
    out[span.offset + 4] = vr.charCodeAt(0);
    out[span.offset + 5] = vr.charCodeAt(1);
    return out;
  },
  (bytes, span) => cut(bytes, span.offset, span.end),
  (bytes, span) => cut(bytes, span.end, span.end, bytes.subarray(span.offset, span.end).slice(0, 65_536)),
  (bytes, span, other) =>
    cut(
      bytes,
      other.offset,
      other.offset,
      bytes.slice(span.offset, Math.min(span.end, span.offset + 65_536)),
    ),
  (bytes, span, other) => {
    if (other.offset < span.end) return cut(bytes, span.offset, span.valueOffset);
    const first = bytes.subarray(span.offset, span.end);
    const second = bytes.subarray(other.offset, other.end);
    return cut(bytes, span.offset, other.end, second, bytes.subarray(span.end, other.offset), first);
  },
  (bytes, span, _, random) =>
    bytes.slice(0, span.offset + Math.floor(random() * (span.end - span.offset + 1))),
  (bytes, _, other, random) => bytes.slice(0, other.valueOffset - Math.floor(random() * 12)),
  // A delimiter too many, or one that is gone.
  (bytes, span, _, random) => {
    const marker = write32(new Uint8Array(8), 0, pick([0xe000fffe, 0xe00dfffe, 0xe0ddfffe], random));
    return cut(
      bytes,
      pick([span.offset, span.valueOffset, span.end], random),
      pick([span.offset, span.valueOffset, span.end], random),
      marker,
    );
  },
  (bytes, span) => cut(bytes, Math.max(0, span.end - 8), span.end),
  // Bytes anywhere in a value.
  (bytes, span, _, random) => {
    const out = bytes.slice();
    for (let n = 0; n < 4; n++) {
      const at = span.valueOffset + Math.floor(random() * Math.max(1, span.end - span.valueOffset));
      if (at < out.length) out[at] = pick([0, 0x5c, 0xff, 0x1b, Math.floor(random() * 256)], random);
    }
    return out;
  },
];

/** One to three changes at places of the original's structure. */
export function mutated(bytes: Bytes, spans: readonly Span[], random: Random): Bytes {
  let out = bytes;
  for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
    const span = pick(spans, random);
    const other = pick(spans, random);
    if (span.end > out.length || other.end > out.length) continue;
    out = pick(changes, random)(out, span, other, random);
  }
  return out;
}
