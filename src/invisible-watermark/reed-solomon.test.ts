import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../../test/vectors/watermark/code-words.json" with { type: "json" };
import { fromHex, toHex } from "../foundation/bytes.ts";
import { decodeWord, encodeWord } from "./reed-solomon.ts";

/** A word with its parity, and places to damage in a random order. */
const words = fc
  .integer({ min: 2, max: 255 })
  .chain((length) =>
    fc.record({
      parity: fc.integer({ min: 1, max: length - 1 }),
      bytes: fc.uint8Array({ minLength: length, maxLength: length }),
      places: fc.shuffledSubarray(
        Array.from({ length }, (_, i) => i),
        { minLength: length, maxLength: length },
      ),
      damage: fc.uint8Array({ minLength: length, maxLength: length }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  )
  .map(({ bytes, parity, ...rest }) => {
    const word = bytes.slice();
    encodeWord(word, word.length, parity);
    return { word, parity, ...rest };
  });

describe("Reed-Solomon code", () => {
  it.each(vectors.words)(
    "word of $length bytes, $payloadBytes of them payload, is the vector's",
    (vector) => {
      const word = new Uint8Array(vector.length);
      for (let i = 0; i < vector.payloadBytes; i++) word[i] = 37 * i + 11 * vector.length;
      encodeWord(word, vector.length, vector.length - vector.payloadBytes);
      expect(toHex(word)).toBe(vector.word);
      expect(decodeWord(fromHex(vector.word), vector.length, vector.length - vector.payloadBytes)).toBe(0);
    },
  );

  it("corrects errors and erasures up to its bound, and counts them", () => {
    const property = fc.property(words, ({ word, parity, places, damage, share }) => {
      const erased = Math.floor(share * parity);
      const wrong = (parity - erased) >> 1;
      const damaged = word.slice();
      for (const place of places.slice(0, erased)) damaged[place]! ^= damage[place]!;
      for (const place of places.slice(erased, erased + wrong)) damaged[place]! ^= damage[place]! || 1;
      const count = damaged.filter((byte, i) => byte !== word[i]).length;
      expect(decodeWord(damaged, word.length, parity, places.slice(0, erased))).toBe(count);
      expect(damaged).toEqual(word);
    });
    fc.assert(property, { numRuns: 400 });
  });

  it("leaves a word alone when there is too much damage, or gives another valid word", () => {
    const property = fc.property(words, ({ word, parity, places, damage }) => {
      const damaged = word.slice();
      for (const place of places.slice(0, (parity >> 1) + 1)) damaged[place]! ^= damage[place]! || 1;
      const before = damaged.slice();
      const corrected = decodeWord(damaged, word.length, parity);
      if (corrected < 0) expect(damaged).toEqual(before);
      else expect(decodeWord(damaged, word.length, parity)).toBe(0);
    });
    fc.assert(property, { numRuns: 400 });
  });

  it("refuses more erasures than parity", () => {
    const word = new Uint8Array(20);
    expect(decodeWord(word, 20, 4, [0, 1, 2, 3, 4])).toBe(-1);
  });
});
