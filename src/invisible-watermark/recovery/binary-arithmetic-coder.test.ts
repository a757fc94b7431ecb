import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBits, encodeBits } from "./binary-arithmetic-coder.ts";

const contextCount = 48;

/** Bits that are 1 in so many of 256 cases, and their contexts. */
const sequences = fc
  .tuple(
    fc.uint8Array({ maxLength: 3000 }),
    fc.nat(256),
    fc.nat(contextCount - 1),
    fc.integer({ min: 1, max: 7 }),
  )
  .map(([random, ones, first, step]) => ({
    bits: random.map((value) => (value < ones ? 1 : 0)),
    contexts: random.map((_, k) => (first + step * k) % contextCount),
  }));

describe("the arithmetic coder", () => {
  it("gives back what it coded, and codes only what gets shorter", () => {
    fc.assert(
      fc.property(sequences, fc.nat(20), ({ bits, contexts }, at) => {
        const out = new Uint8Array(at + bits.length).fill(7);
        const length = encodeBits(bits, contexts, bits.length, out, at);
        expect(out.subarray(0, at)).toEqual(new Uint8Array(at).fill(7));
        if (length === undefined) return;
        expect(length).toBeLessThan(bits.length);
        expect(out.subarray(at, at + length).every((bit) => bit < 2)).toBe(true);
        const back = new Uint8Array(bits.length);
        decodeBits(out, at, at + length, contexts, bits.length, back);
        expect(back).toEqual(bits);
      }),
    );
  });

  it("comes near the entropy", () => {
    // One 0 in 16: 0.337 bits each.
    const bits = Uint8Array.from({ length: 16_000 }, (_, k) => ((k * 7919) % 16 === 0 ? 0 : 1));
    const contexts = new Uint8Array(bits.length).fill(8);
    const length = encodeBits(bits, contexts, bits.length, new Uint8Array(bits.length), 0);
    expect(length).toBeGreaterThan(16_000 * 0.3);
    expect(length).toBeLessThan(16_000 * 0.4);
    // Nothing to be gained, and nothing at all.
    const noise = Uint8Array.from({ length: 1000 }, (_, k) => (Math.imul(k + 1, 0x9e3779b1) >>> 13) & 1);
    expect(encodeBits(noise, contexts, 1000, new Uint8Array(1000), 0)).toBeUndefined();
    expect(encodeBits(noise, contexts, 0, new Uint8Array(0), 0)).toBeUndefined();
  });

  it("decodes anything to something", () => {
    fc.assert(
      fc.property(sequences, fc.uint8Array({ max: 1, maxLength: 100 }), ({ contexts }, coded) => {
        const bits = new Uint8Array(contexts.length).fill(9);
        decodeBits(coded, 0, coded.length, contexts, bits.length, bits);
        expect(bits.every((bit) => bit < 2)).toBe(true);
      }),
    );
  });

  it("gives these bits on every machine", () => {
    // 16 hits, one miss, 15 hits in the flattest context; the prototype, written by somebody else, gives the same.
    const bits = Uint8Array.from({ length: 32 }, (_, k) => (k === 16 ? 0 : 1));
    const out = new Uint8Array(32);
    const length = encodeBits(bits, new Uint8Array(32), 32, out, 0)!;
    expect([...out.subarray(0, length)].join("")).toBe("100100001");
  });
});
