import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { decodeJpegExtended } from "./jpeg-extended.ts";

/** The shortest codes: DC categories 0 and 4, of AC only "end of block". */
const dcTable = [0, ...Array.from({ length: 16 }, (_, i) => (i === 1 ? 2 : 0)), 0, 4];
const acTable = [0x10, ...Array.from({ length: 16 }, (_, i) => (i === 0 ? 1 : 0)), 0];

function segment(marker: number, content: readonly number[]): Bytes {
  const length = content.length + 2;
  return Uint8Array.of(0xff, marker, length >> 8, length & 255, ...content);
}

interface Made {
  readonly rows?: number;
  readonly columns?: number;
  readonly step?: number;
  readonly coded: readonly number[];
  readonly restart?: number;
  readonly precision?: number;
}

function jpegOf({ rows = 8, columns = 16, step = 8, coded, restart = 0, precision = 12 }: Made): Bytes {
  const side = (n: number): number[] => [n >> 8, n & 255];
  return concatBytes([
    Uint8Array.of(0xff, 0xd8),
    segment(0xdb, [0, ...Array.from({ length: 64 }, () => step)]),
    segment(0xc1, [precision, ...side(rows), ...side(columns), 1, 1, 0x11, 0]),
    segment(0xc4, [...dcTable, ...acTable]),
    ...(restart > 0 ? [segment(0xdd, side(restart))] : []),
    segment(0xda, [1, 1, 0, 0, 63, 0]),
    Uint8Array.from(coded),
    Uint8Array.of(0xff, 0xd9),
  ]);
}

/** DC +15 and end of block, DC +0 and end of block: 01 1111 0, 00 0. */
const twoBlocks = [0b0111_1100, 0b0011_1111];

describe("JPEG of 12 bits", () => {
  it("a block of DC alone is constant; the next one starts from it", () => {
    const { rows, columns, samples } = decodeJpegExtended(jpegOf({ coded: twoBlocks }), 4095);
    // 15 * 8 / 8 above the middle.
    expect([rows, columns, ...new Set(samples)]).toEqual([8, 16, 2063]);
  });

  it("restarts begin anew, and blocks beyond the border are cut", () => {
    const coded = [0b0111_1101, 0xff, 0xd0, 0b0001_1111];
    const { samples } = decodeJpegExtended(jpegOf({ coded, restart: 1, rows: 3, columns: 9 }), 4095);
    expect(samples.length).toBe(27);
    for (let i = 0; i < 27; i++) expect(samples[i]).toBe(i % 9 === 8 ? 2048 : 2063);
  });

  it("what is over the largest value is cut off", () => {
    expect(new Set(decodeJpegExtended(jpegOf({ coded: twoBlocks }), 1023).samples)).toEqual(new Set([1023]));
  });

  it.each([
    ["data that ends too early", jpegOf({ coded: [0b0111_1100], rows: 64 }), "codec-failed"],
    ["a code that is none", jpegOf({ coded: [0xc0, 0, 0, 0] }), "codec-failed"],
    ["a restart that is missing", jpegOf({ coded: twoBlocks, restart: 1 }), "codec-failed"],
    ["another precision", jpegOf({ coded: twoBlocks, precision: 10 }), "unsupported"],
  ])("%s is refused", (_, codestream, code) => {
    expect(() => decodeJpegExtended(codestream, 4095)).toThrow(expect.objectContaining({ code }));
  });

  it("changed anywhere, it is decoded or refused", () => {
    const good = jpegOf({ coded: twoBlocks, restart: 2 });
    const place = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(place, { maxLength: 4 }), fc.nat(good.length), (changes, cut) => {
        const bytes = good.slice(0, cut % 3 === 0 ? cut : good.length);
        for (const [at, value] of changes) bytes[at] = value;
        // A caller bounds the size: here the first bytes of rows and columns do.
        if ((bytes[76] ?? 0) > 8 || (bytes[78] ?? 0) > 8) return;
        try {
          decodeJpegExtended(bytes, 4095);
        } catch (error) {
          expect(error).toBeInstanceOf(ScansealError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
