import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyKeyStream, packBits, unpackBits } from "./bit-stream.ts";

const bitArrays = fc.uint8Array({ max: 1, maxLength: 200 });

describe("bits", () => {
  it("come back from bytes, the first in the lowest place", () => {
    expect(packBits(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1, 1), 0, 10)).toEqual(Uint8Array.of(1, 3));
    fc.assert(
      fc.property(bitArrays, fc.nat(50), (bits, from) => {
        const count = Math.max(0, bits.length - from);
        const bytes = packBits(bits, from, bits.length);
        expect(bytes.length).toBe(Math.ceil(count / 8));
        const back = new Uint8Array(bits.length);
        unpackBits(bytes, count, back, from);
        expect(back.subarray(from)).toEqual(bits.subarray(from));
      }),
    );
  });

  it("are encrypted by as many bytes as they have, and decrypted the same way", () => {
    const bits = Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0, 1);
    const asked: number[] = [];
    const keyStream = (count: number): Uint8Array => {
      asked.push(count);
      return Uint8Array.of(0b1000_0001, 0b10).subarray(0, count);
    };
    applyKeyStream(bits, 10, keyStream);
    expect(bits).toEqual(Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 1, 0, 0));
    applyKeyStream(bits, 10, keyStream);
    applyKeyStream(bits, 0, keyStream);
    applyKeyStream(bits, 10, undefined);
    expect(bits).toEqual(Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0, 1));
    expect(asked).toEqual([2, 2]);
  });
});
