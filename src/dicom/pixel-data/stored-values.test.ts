import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ImageAttributes } from "./image-attributes.ts";
import { canonicalSamples } from "./sample-layout.ts";
import { storedValues } from "./stored-values.ts";

function attributesOf(of: Partial<ImageAttributes>): ImageAttributes {
  const bitsAllocated = of.bitsAllocated ?? 16;
  const bitsStored = of.bitsStored ?? bitsAllocated;
  return {
    rows: 1,
    columns: 4,
    samplesPerPixel: 1,
    highBit: bitsStored - 1,
    pixelRepresentation: 0,
    photometric: "MONOCHROME2",
    planarConfiguration: 0,
    numberOfFrames: 1,
    kind: "integer",
    ...of,
    bitsAllocated,
    bitsStored,
  };
}

const little = (...numbers: number[]): Uint8Array => new Uint8Array(Int16Array.from(numbers).buffer);

describe("canonical samples as numbers for a codec", () => {
  it("come back through canonicalSamples, whatever stands above Bits Stored", () => {
    const any = fc.record({
      bitsAllocated: fc.constantFrom(8, 16),
      stored: fc.integer({ min: 1, max: 16 }),
      shift: fc.nat(15),
      pixelRepresentation: fc.constantFrom(0 as const, 1 as const),
      samples: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      narrow: fc.boolean(),
      says: fc.constantFrom("sign" as const, "no-sign" as const),
    });
    fc.assert(
      fc.property(any, (of) => {
        const { bitsAllocated, pixelRepresentation, says } = of;
        const bitsStored = Math.min(of.stored, bitsAllocated);
        const highBit = Math.min(bitsStored - 1 + of.shift, bitsAllocated - 1);
        const attributes = attributesOf({
          bitsAllocated,
          bitsStored,
          highBit,
          pixelRepresentation,
          columns: 64 / bitsAllocated,
        });
        // Half of the time everything above Bits Stored is zero, as most writers leave it.
        const mask = of.narrow ? (1 << bitsStored) - 1 : 0xffff;
        const samples = of.samples.map(
          (byte, i) => byte & (bitsAllocated === 16 && i % 2 === 1 ? mask >> 8 : mask),
        );
        const { values, precision } = storedValues(samples, attributes, says);
        expect(precision).toBeLessThanOrEqual(bitsAllocated);
        expect(Math.max(...values)).toBeLessThan(2 ** precision);
        const data = precision <= 8 ? Uint8Array.from(values) : new Uint8Array(values.buffer);
        const coded = {
          data,
          bytesPerSample: precision <= 8 ? 1 : 2,
          precision,
          signed: false,
          planar: false,
        } as const;
        // What codecs without a sign (JPEG-LS, JPEG lossless) give, and those with one.
        expect(canonicalSamples(coded, attributes)).toEqual(samples);
        if (says === "sign")
          expect(canonicalSamples({ ...coded, signed: pixelRepresentation === 1 }, attributes)).toEqual(
            samples,
          );
      }),
      { numRuns: 1000 },
    );
  });

  it("have the precision of Bits Stored where that is enough", () => {
    const signed = attributesOf({ bitsStored: 12, pixelRepresentation: 1 });
    expect(storedValues(little(-1, 2047, -2048, 0), signed, "sign")).toEqual({
      values: Uint16Array.of(4095, 2047, 2048, 0),
      precision: 12,
    });
    expect(storedValues(little(-1, 2047, 0, 0), signed, "no-sign").precision).toBe(16);
    expect(storedValues(little(-1, 2048, 0, 0), signed, "sign").precision).toBe(16);
    expect(storedValues(little(4095, 0, 0, 0), attributesOf({ bitsStored: 12 }), "no-sign").precision).toBe(
      12,
    );
    expect(storedValues(little(4096, 0, 0, 0), attributesOf({ bitsStored: 12 }), "no-sign").precision).toBe(
      16,
    );
    expect(storedValues(little(1, 0, 1, 0), attributesOf({ bitsStored: 1 }), "sign").precision).toBe(1);
    expect(storedValues(little(1, 0, 1, 0), attributesOf({ bitsStored: 1 }), "no-sign").precision).toBe(2);
    expect(
      storedValues(little(0, 0, 0, 0), attributesOf({ bitsStored: 12, highBit: 15 }), "no-sign").precision,
    ).toBe(16);
  });

  it("of one bit are unpacked", () => {
    const values = storedValues(Uint8Array.of(0b1101), attributesOf({ bitsAllocated: 1 }), "no-sign");
    expect(values).toEqual({ values: Uint16Array.of(1, 0, 1, 1), precision: 1 });
  });
});
