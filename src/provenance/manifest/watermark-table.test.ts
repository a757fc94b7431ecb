import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ScansealError } from "../../foundation/errors.ts";
import {
  decodeWatermarkTable,
  encodeWatermarkTable,
  type WatermarkTable,
  watermarkTableBytesMax,
} from "./watermark-table.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const frame = fc.option(
  fc.record({
    originalHash: bytes(32),
    tileDigests: fc.nat(5).chain((tiles) => bytes(8 * tiles)),
    sidecar: fc.option(
      fc
        .integer({ min: 1, max: 40 })
        .chain((bits) => bytes(Math.ceil(bits / 8)).map((content) => ({ bits, bytes: content }))),
      { nil: undefined },
    ),
  }),
  { nil: undefined },
);

const table: fc.Arbitrary<WatermarkTable> = fc
  .record({
    salt: bytes(16),
    tags: fc.uniqueArray(fc.integer({ min: 0x00080000, max: 0x7fe00010 }), { maxLength: 16 }),
    values: fc.array(fc.option(fc.uint8Array({ maxLength: 8 }), { nil: undefined }), { minLength: 16 }),
    frames: fc.array(frame, { maxLength: 6 }),
  })
  .map(({ salt, tags, values, frames }) => ({
    salt,
    attributes: tags.sort((a, b) => a - b).map((tag, i) => ({ tag, value: values[i] })),
    frames: frames.map((one) => {
      if (!one) return undefined;
      const { originalHash, tileDigests, sidecar } = one;
      return { originalHash, tileDigests, ...(sidecar ? { sidecar } : {}) };
    }),
  }));

function plain(value: WatermarkTable): unknown {
  return JSON.parse(JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? [...part] : part)));
}

describe("watermark table", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(table, (one) => {
        expect(plain(decodeWatermarkTable(encodeWatermarkTable(one)))).toEqual(plain(one));
      }),
    );
  });

  it("is what its writer writes, or refused: cut, longer, or with a byte changed", () => {
    fc.assert(
      fc.property(table, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, at, flip) => {
        const written = encodeWatermarkTable(one);
        const changed = written.slice();
        changed[at % written.length]! ^= flip;
        const cut = written.subarray(0, at % written.length);
        const longer = new Uint8Array(written.length + 1);
        longer.set(written);
        for (const input of [changed, cut, longer]) {
          try {
            expect([...encodeWatermarkTable(decodeWatermarkTable(input))]).toEqual([...input]);
          } catch (error) {
            if (!(error instanceof ScansealError)) throw error;
            expect(error.code).toBe("seal-structure");
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("promises no more than it has: counts are checked before anything is made of them", () => {
    const written = encodeWatermarkTable({ salt: new Uint8Array(16), attributes: [], frames: [] });
    const lying = written.slice();
    lying.fill(0xff, 18, 22);
    expect(() => decodeWatermarkTable(lying)).toThrow("count out of range");
    const tiles = encodeWatermarkTable({
      salt: new Uint8Array(16),
      attributes: [],
      frames: [{ originalHash: new Uint8Array(32), tileDigests: new Uint8Array(8) }],
    });
    tiles.fill(0xff, 22 + 1 + 32, 22 + 1 + 36);
    expect(() => decodeWatermarkTable(tiles)).toThrow("lengths disagree");
  });

  it("is not written when it is too large to be read", () => {
    const frames = [
      { originalHash: new Uint8Array(32), tileDigests: new Uint8Array(watermarkTableBytesMax) },
    ];
    expect(() => encodeWatermarkTable({ salt: new Uint8Array(16), attributes: [], frames })).toThrow(
      expect.objectContaining({ code: "limit-length" }),
    );
  });
});
