import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { ImageAttributes } from "./image-attributes.ts";
import { decodeRle } from "./rle.ts";
import { encodeRle } from "./rle-encoder.ts";

function attributesOf(rows: number, columns: number, samples: number, allocated: number): ImageAttributes {
  return {
    rows,
    columns,
    samplesPerPixel: samples,
    bitsAllocated: allocated,
    bitsStored: allocated,
    highBit: allocated - 1,
    pixelRepresentation: 0,
    photometric: samples === 3 ? "RGB" : "MONOCHROME2",
    planarConfiguration: 0,
    numberOfFrames: 1,
    kind: "integer",
  };
}

/** Runs of all lengths, and noise. */
const rows = fc.integer({ min: 1, max: 7 });
const columns = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 126, max: 260 }));
const image = fc.record({
  rows,
  columns,
  samples: fc.constantFrom(1, 3, 4),
  allocated: fc.constantFrom(1, 8, 16, 24),
  levels: fc.constantFrom(1, 2, 3, 256),
  run: fc.constantFrom(1, 2, 3, 130),
  seed: fc.integer(),
});

function samplesOf(length: number, levels: number, run: number, seed: number): Uint8Array {
  let state = seed >>> 0;
  let value = 0;
  return Uint8Array.from({ length }, (_, i) => {
    if (i % run === 0) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      value = (state >>> 16) % levels;
    }
    return value;
  });
}

describe("writing RLE", () => {
  it("is undone by reading, with segments of even length", () => {
    fc.assert(
      fc.property(image, ({ rows, columns, samples, allocated, levels, run, seed }) => {
        const attributes = attributesOf(rows, columns, allocated === 1 ? 1 : samples, allocated);
        const bits = rows * columns * attributes.samplesPerPixel * allocated;
        const frame = samplesOf(Math.ceil(bits / 8), levels, run, seed);
        const codestream = encodeRle(frame, attributes);
        expect(decodeRle(codestream, attributes)).toEqual(frame);
        const header = viewOf(codestream);
        const segments = header.getUint32(0, true);
        for (let i = 0; i < segments; i++) expect(header.getUint32(4 + 4 * i, true) % 2).toBe(0);
        expect(codestream.length % 2).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("ends every row, and takes runs where they are shorter", () => {
    // PS3.5 annex G.3.1: no run over the end of a row. 257 - 3 is a run of three.
    const frame = Uint8Array.of(7, 7, 7, 7, 7, 7, 1, 2, 2, 9, 9, 1);
    const coded = encodeRle(frame, attributesOf(4, 3, 1, 8)).subarray(64);
    expect([...coded]).toEqual([254, 7, 254, 7, 2, 1, 2, 2, 255, 9, 0, 1]);
  });

  it("never needs more than a count for every 128 bytes of noise", () => {
    const frame = samplesOf(1000 * 3, 256, 1, 5).map((byte, i) => (i % 2 === 0 ? byte & 127 : byte | 128));
    const codestream = encodeRle(frame, attributesOf(3, 1000, 1, 8));
    expect(codestream.length).toBe(64 + 3 * (1000 + 8));
  });

  it("refuses more bytes a pixel than there are segments", () => {
    const attributes = attributesOf(1, 1, 4, 32);
    expect(() => encodeRle(new Uint8Array(16), attributes)).toThrow(ScansealError);
  });
});
