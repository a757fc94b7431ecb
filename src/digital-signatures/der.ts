/** Just enough DER (ITU-T X.690) to cut values out of signatures and certificates that come from strangers. */
import type { Bytes } from "../foundation/bytes.ts";

export interface DerValue {
  readonly tag: number;
  /** Tag, length and content. */
  readonly whole: Bytes;
  readonly content: Bytes;
  /** What follows the value. */
  readonly rest: Bytes;
}

export const derTags = {
  integer: 0x02,
  bitString: 0x03,
  objectIdentifier: 0x06,
  sequence: 0x30,
  context0: 0xa0,
} as const;

/** Lengths of more than this many bytes (16 MiB) do not occur in what is parsed here. */
const lengthBytesMax = 3;

/** The first value in `bytes`, or undefined when there is no whole one in DER's definite, shortest form. */
export function readDer(bytes: Bytes): DerValue | undefined {
  const tag = bytes[0];
  const first = bytes[1];
  // Multi-byte tags (low five bits all set) do not occur in what is parsed here.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  let at = 2;
  let length = first;
  if (first >= 0x80) {
    const n = first & 0x7f;
    if (n === 0 || n > lengthBytesMax || bytes.length < 2 + n) return undefined;
    length = 0;
    for (; at < 2 + n; at++) length = length * 256 + bytes[at]!;
    // X.690 10.1: the shortest form.
    if (length < 0x80 || bytes[2] === 0) return undefined;
  }
  if (length > bytes.length - at) return undefined;
  return {
    tag,
    whole: bytes.subarray(0, at + length),
    content: bytes.subarray(at, at + length),
    rest: bytes.subarray(at + length),
  };
}

/** The first value when its tag is the expected one. */
export function expectDer(bytes: Bytes | undefined, tag: number): DerValue | undefined {
  const value = bytes && readDer(bytes);
  return value?.tag === tag ? value : undefined;
}
