import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ImageAttributes } from "./image-attributes.ts";
import { bitRange, type CodecSamples, canonicalSamples, interleaved } from "./sample-layout.ts";

const base: ImageAttributes = {
  rows: 1,
  columns: 2,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  highBit: 11,
  pixelRepresentation: 0,
  photometric: "MONOCHROME2",
  planarConfiguration: 0,
  numberOfFrames: 1,
  kind: "integer",
};

function samples(data: readonly number[], more: Partial<CodecSamples> = {}): CodecSamples {
  return {
    data: Uint8Array.from(data),
    bytesPerSample: 2,
    precision: 12,
    signed: false,
    planar: false,
    ...more,
  };
}

describe("canonical samples", () => {
  it.each<[string, CodecSamples, Partial<ImageAttributes>, number[]]>([
    ["12 unsigned bits, high bits cleared", samples([0x34, 0x82, 0xff, 0xff]), {}, [0x34, 0x02, 0xff, 0x0f]],
    [
      "12 bits of a signed codestream",
      samples([0x01, 0x08, 0xff, 0x07], { signed: true }),
      {},
      [0x01, 0xf8, 0xff, 0x07],
    ],
    [
      "12 bits, signed by the attributes",
      samples([0x01, 0x08, 0xff, 0x07]),
      { pixelRepresentation: 1 },
      [0x01, 0xf8, 0xff, 0x07],
    ],
    [
      "11 bits are positive in 12 signed ones",
      samples([0xff, 0x07, 1, 0], { precision: 11 }),
      { pixelRepresentation: 1 },
      [0xff, 0x07, 1, 0],
    ],
    [
      "16 bits of which 12 are stored stay",
      samples([1, 0xa8, 2, 0xb0], { precision: 16 }),
      { pixelRepresentation: 1 },
      [1, 0xa8, 2, 0xb0],
    ],
    [
      "8 bits in 16",
      samples([7, 255], { bytesPerSample: 1, precision: 8 }),
      { bitsStored: 8, highBit: 7 },
      [7, 0, 255, 0],
    ],
    [
      "8 signed bits in 32",
      samples([7, 255], { bytesPerSample: 1, precision: 8, signed: true }),
      { bitsAllocated: 32, bitsStored: 8, highBit: 7, pixelRepresentation: 1 },
      [7, 0, 0, 0, 255, 255, 255, 255],
    ],
    [
      "one bit, packed",
      samples([1, 0, 1, 1, 0, 0, 0, 0, 1], { bytesPerSample: 1, precision: 1 }),
      { columns: 9, bitsAllocated: 1, bitsStored: 1, highBit: 0 },
      [0b1101, 1],
    ],
    [
      "colour planes, interleaved",
      samples([1, 2, 3, 4, 5, 6], { bytesPerSample: 1, precision: 8, planar: true }),
      { samplesPerPixel: 3, bitsAllocated: 8, bitsStored: 8, highBit: 7 },
      [1, 3, 5, 2, 4, 6],
    ],
  ])("%s", (_, given, attributes, expected) => {
    expect([...canonicalSamples(given, { ...base, ...attributes })]).toEqual(expected);
  });

  it("refuses another size, and samples that do not start at bit 0", () => {
    expect(() => canonicalSamples(samples([1, 2]), base)).toThrow(/another size/);
    expect(() => canonicalSamples(samples([1, 2, 3, 4]), { ...base, highBit: 15 })).toThrow(/bit 0/);
  });
});

describe("layout", () => {
  it("interleaving is undone by picking the planes again", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(3, 4),
        fc.constantFrom(1, 2, 4),
        (pixels, count, width) => {
          const bytes = Uint8Array.from({ length: pixels * count * width }, (_, i) => i);
          const out = interleaved(bytes, count, width);
          for (let s = 0; s < count; s++) {
            for (let p = 0; p < pixels * width; p++) {
              const pixel = Math.floor(p / width);
              expect(out[(pixel * count + s) * width + (p % width)]).toBe(bytes[s * pixels * width + p]);
            }
          }
        },
      ),
    );
  });

  it("a range of bits is the same bits", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 12 }),
        fc.nat(40),
        fc.nat(60),
        (bytes, first, count) => {
          fc.pre(first + count <= bytes.length * 8);
          const bit = (of: Uint8Array, i: number): number => (of[i >> 3]! >> (i & 7)) & 1;
          const out = bitRange(bytes, first, count);
          expect(out.length).toBe(Math.ceil(count / 8));
          for (let i = 0; i < out.length * 8; i++)
            expect(bit(out, i)).toBe(i < count ? bit(bytes, first + i) : 0);
        },
      ),
    );
  });
});
