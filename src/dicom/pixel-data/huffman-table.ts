/** Canonical Huffman codes of JPEG, ITU-T T.81 annex C and F.2.2.3. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** Codes up to here are found in one step: real tables have few longer ones. */
export const lookupBits: number = 11;

export class HuffmanTable {
  /** By the next `lookupBits` bits: length << 8 | category; 0 for longer codes. */
  readonly lookup: Uint16Array;
  readonly #counts: Bytes;
  readonly #values: Bytes;

  constructor(lookup: Uint16Array, counts: Bytes, values: Bytes) {
    this.lookup = lookup;
    this.#counts = counts;
    this.#values = values;
  }

  /**
   * @param bits the next 16 bits
   * @returns length << 8 | category
   * @throws ScansealError `codec-failed` when no code matches
   */
  longCode(bits: number): number {
    let code = 0;
    let first = 0;
    for (let length = 1; length <= 16; length++) {
      const count = this.#counts[length - 1]!;
      const candidate = bits >> (16 - length);
      if (candidate < code + count) return (length << 8) | this.#values[first + candidate - code]!;
      first += count;
      code = (code + count) << 1;
    }
    throw new ScansealError("codec-failed", "JPEG: a code that is not in the Huffman table");
  }
}

/**
 * @param counts of codes of 1 to 16 bits
 * @param values in order of their codes
 * @param valueMax of categories 16 (T.81 table H.2); those of AC coefficients have a run before them
 */
export function huffmanTable(counts: Bytes, values: Bytes, valueMax = 16): HuffmanTable {
  const lookup = new Uint16Array(1 << lookupBits);
  let code = 0;
  let next = 0;
  for (let length = 1; length <= 16; length++) {
    for (let i = 0; i < counts[length - 1]!; i++, code++, next++) {
      const value = values[next]!;
      if (value > valueMax || code >= 1 << length)
        throw new ScansealError("codec-failed", "JPEG: a malformed Huffman table");
      if (length > lookupBits) continue;
      const start = code << (lookupBits - length);
      lookup.fill((length << 8) | value, start, start + (1 << (lookupBits - length)));
    }
    code <<= 1;
  }
  return new HuffmanTable(lookup, counts.slice(), values.slice());
}
