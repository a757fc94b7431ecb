import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ImageAttributes } from "./image-attributes.ts";
import { planesOf, samplesOf } from "./sample-planes.ts";

function attributesOf(change: Partial<ImageAttributes>): ImageAttributes {
  const bitsStored = change.bitsStored ?? 12;
  return {
    rows: 4,
    columns: 5,
    samplesPerPixel: 1,
    bitsAllocated: 16,
    bitsStored,
    highBit: bitsStored - 1,
    pixelRepresentation: 0,
    photometric: "MONOCHROME2",
    planarConfiguration: 0,
    numberOfFrames: 1,
    kind: "integer",
    ...change,
  };
}

/** Stored as writers do: sign extended, or with zeros above. */
const frames = fc
  .record({
    bitsAllocated: fc.constantFrom(8, 16),
    stored: fc.integer({ min: 8, max: 16 }),
    signed: fc.boolean(),
    extended: fc.boolean(),
    photometric: fc.constantFrom("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_RCT", "YBR_FULL"),
    rows: fc.integer({ min: 1, max: 9 }),
    columns: fc.integer({ min: 1, max: 9 }),
    seed: fc.nat(),
  })
  .map(({ bitsAllocated, stored, signed, extended, photometric, rows, columns, seed }) => {
    const bitsStored = Math.min(stored, bitsAllocated);
    const samplesPerPixel = photometric.startsWith("MONO") ? 1 : 3;
    const pixelRepresentation = signed ? 1 : 0;
    const attributes = attributesOf({
      rows,
      columns,
      bitsAllocated,
      bitsStored,
      samplesPerPixel,
      pixelRepresentation,
      photometric,
    });
    const values = Array.from({ length: rows * columns * samplesPerPixel }, (_, i) => {
      const bits = (Math.imul(i + seed, 2_654_435_761) >>> 11) & (2 ** bitsStored - 1);
      return signed && bits >= 2 ** (bitsStored - 1) ? bits - 2 ** bitsStored : bits;
    });
    const samples = new Uint8Array((values.length * bitsAllocated) / 8);
    for (const [i, value] of values.entries()) {
      const kept = extended ? value : value & (2 ** bitsStored - 1);
      if (bitsAllocated === 8) samples[i] = kept;
      else samples.set([kept & 0xff, (kept >> 8) & 0xff], 2 * i);
    }
    return { attributes, values, samples };
  });

describe("planes of samples", () => {
  it("hold the stored values, and come back as the same bytes", () => {
    fc.assert(
      fc.property(frames, ({ attributes, values, samples }) => {
        const found = planesOf(attributes, samples);
        if ("reason" in found) throw new Error(found.reason);
        const { planes, bits, signed } = found;
        const smallest = signed ? -(2 ** (bits - 1)) : 0;
        const stored = values.map(
          (_, i) => planes[i % planes.length]![Math.floor(i / planes.length)]! + smallest,
        );
        expect(stored).toEqual(values);
        expect(samplesOf(found, attributes)).toEqual(samples);
      }),
      { numRuns: 500 },
    );
  });

  it("are refused when bits above Bits Stored are neither zeros nor the sign", () => {
    const unsigned = attributesOf({ rows: 1, columns: 2 });
    expect(planesOf(unsigned, Uint8Array.of(1, 0, 1, 0x10))).toEqual({ reason: "high-bits" });
    const signed = attributesOf({ rows: 1, columns: 2, pixelRepresentation: 1 });
    // Half a sign; a sign above a positive number; one sample extended and the other not.
    expect(planesOf(signed, Uint8Array.of(0, 0x78, 0, 0))).toEqual({ reason: "high-bits" });
    expect(planesOf(signed, Uint8Array.of(0, 0xf0, 0, 0))).toEqual({ reason: "high-bits" });
    expect(planesOf(signed, Uint8Array.of(0, 0xf8, 0, 0x08))).toEqual({ reason: "high-bits" });
  });

  it("are refused for what has no such form", () => {
    const reasonOf = (change: Partial<ImageAttributes>): unknown =>
      planesOf(attributesOf(change), new Uint8Array(0));
    expect(reasonOf({ kind: "float" })).toEqual({ reason: "float" });
    expect(reasonOf({ photometric: "PALETTE COLOR" })).toEqual({ reason: "palette" });
    expect(reasonOf({ photometric: "YBR_ICT" })).toEqual({ reason: "photometric" });
    expect(reasonOf({ bitsAllocated: 32 })).toEqual({ reason: "bit-depth" });
    expect(reasonOf({ bitsStored: 7 })).toEqual({ reason: "bit-depth" });
    expect(reasonOf({ highBit: 15 })).toEqual({ reason: "high-bits" });
  });
});
