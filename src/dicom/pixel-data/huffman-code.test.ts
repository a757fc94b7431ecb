import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bestHuffmanCode } from "./huffman-code.ts";
import { huffmanTable } from "./huffman-table.ts";

const frequencies = fc
  .array(fc.oneof(fc.constant(0), fc.nat(40), fc.nat(1e9)), { minLength: 17, maxLength: 17 })
  .filter((counts) => counts.some((n) => n > 0));

/** Length of the code that Huffman's own procedure gives, the reserved symbol included: the sum of the joined weights. */
function shortest(weights: readonly number[]): number {
  const open = [0, ...weights.filter((n) => n > 0)];
  let total = 0;
  while (open.length > 1) {
    open.sort((a, b) => b - a);
    const sum = open.pop()! + open.pop()!;
    total += sum;
    open.push(sum);
  }
  return total;
}

describe("the best Huffman code", () => {
  it("is prefix-free, has no code of ones only and is read by the decoder's table", () => {
    fc.assert(
      fc.property(frequencies, (counts) => {
        const code = bestHuffmanCode(counts);
        const table = huffmanTable(code.counts, code.values);
        const present = counts.filter((n) => n > 0).length;
        expect(code.values.length).toBe(present);
        let space = 0;
        counts.forEach((count, symbol) => {
          const bits = code.lengths[symbol]!;
          expect(bits > 0).toBe(count > 0);
          if (count === 0) return;
          space += 2 ** -bits;
          const left = code.codes[symbol]! << (16 - bits);
          expect(table.longCode(left)).toBe((bits << 8) | symbol);
          expect(code.codes[symbol]).not.toBe(2 ** bits - 1);
        });
        expect(space).toBeLessThan(1);
      }),
    );
  });

  it("is as short as Huffman's wherever that needs no more than 16 bits", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 17, maxLength: 17 }), (counts) => {
        fc.pre(counts.some((n) => n > 0));
        const { lengths } = bestHuffmanCode(counts);
        const total = counts.reduce((sum, n, i) => sum + n * lengths[i]!, 0);
        expect(total).toBe(shortest(counts));
      }),
    );
  });

  it("stays at 16 bits where Huffman's would be longer", () => {
    const counts = Array.from({ length: 17 }, (_, i) => 2 ** i);
    const { lengths } = bestHuffmanCode(counts);
    expect(Math.max(...lengths)).toBe(16);
    expect(lengths[16]).toBe(1);
  });
});
