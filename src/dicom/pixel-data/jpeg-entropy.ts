/** The entropy-coded data of JPEG scans (ITU-T T.81 B.1.1.5, F.1.2.3). */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { jpegMarkers } from "./jpeg-segments.ts";

/** Bytes after the last coded one, so that 32 bits can be read from any of them. */
export const guardBytes = 8;

/** The coded bytes between restart markers, the stuffed zeros removed. Restart markers count modulo 8 (T.81 F.1.2.3). */
export function restartIntervals(entropy: Bytes): Bytes[] {
  const intervals: Bytes[] = [];
  const clean = new Uint8Array(entropy.length + guardBytes);
  let length = 0;
  const close = (): void => {
    const interval = new Uint8Array(length + guardBytes);
    interval.set(clean.subarray(0, length));
    intervals.push(interval);
    length = 0;
  };
  for (let at = 0; at < entropy.length; ) {
    const next = entropy.indexOf(0xff, at);
    const end = next < 0 ? entropy.length : next;
    clean.set(entropy.subarray(at, end), length);
    length += end - at;
    at = end + 2;
    if (next < 0) break;
    const second = entropy[next + 1]!;
    if (second === 0) clean[length++] = 0xff;
    else if (second === 0xff) at = next + 1;
    else {
      if (second !== jpegMarkers.restartFirst + (intervals.length % 8))
        throw new ScansealError("codec-failed", "JPEG: restart markers out of order");
      close();
    }
  }
  close();
  return intervals;
}

/** 32 bits from bit `bit` on, of which the last up to 7 are missing. */
export function wordAt(coded: Bytes, bit: number): number {
  const at = bit >>> 3;
  const word = (coded[at]! << 24) | (coded[at + 1]! << 16) | (coded[at + 2]! << 8) | coded[at + 3]!;
  return word << (bit & 7);
}
