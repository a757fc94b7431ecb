/** Reading long ranges of files in pieces. */
import { chunkBytes } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";

/** Kept from call to call, of all sources: taking a fresh megabyte costs as much as reading it, and the collector's work later. */
const spare: Bytes[] = [];
const spareMax = 8;

/**
 * The range in pieces of `chunkBytes`. The next one is read while the one before is worked on: two megabytes in all.
 * @param fill fills all of the bytes from the offset on, or throws
 */
export async function* readAhead(
  fill: (into: Bytes, offset: number) => Promise<Bytes>,
  offset: number,
  length: number,
): AsyncGenerator<Bytes> {
  const end = offset + length;
  const start = (at: number): Promise<Bytes> => {
    const buffer = spare.pop() ?? new Uint8Array(chunkBytes);
    const reading = fill(buffer.subarray(0, Math.min(chunkBytes, end - at)), at);
    // Its failure is told when it is waited for; nobody does when the reader stops before.
    reading.catch(() => undefined);
    return reading;
  };
  let next = length > 0 ? start(offset) : undefined;
  for (let at = offset + chunkBytes; next; at += chunkBytes) {
    const bytes = await next;
    next = at < end ? start(at) : undefined;
    try {
      yield bytes;
    } finally {
      if (spare.length < spareMax) spare.push(new Uint8Array(bytes.buffer));
    }
  }
}
