import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Picture, type Region, regionWithin, scaled, sizeWithin } from "./picture.ts";

function pictureOf(width: number, height: number, channels: 1 | 3, at: (i: number) => number): Picture {
  const samples = Uint8Array.from({ length: width * height * channels }, (_, i) => at(i));
  return { width, height, channels, samples };
}

const side = fc.integer({ min: 1, max: 40 });
const part = fc.double({ min: 0, max: 1, noNaN: true });
const channels = fc.constantFrom<1 | 3>(1, 3);

function regionOf(width: number, height: number, [x, y, w, h]: readonly number[]): Region {
  const left = x! * (width - 0.01);
  const top = y! * (height - 0.01);
  const least = 0.01;
  return {
    x: left,
    y: top,
    width: Math.max(least, w! * (width - left)),
    height: Math.max(least, h! * (height - top)),
  };
}

describe("scaling", () => {
  it("leaves a constant picture constant, whatever the region and the size", () => {
    fc.assert(
      fc.property(
        fc.tuple(side, side, side, side),
        fc.tuple(part, part, part, part),
        channels,
        fc.integer({ min: 0, max: 255 }),
        ([width, height, w, h], parts, n, value) => {
          const picture = pictureOf(width, height, n, () => value);
          const result = scaled(picture, regionOf(width, height, parts), { width: w, height: h });
          expect(result).toMatchObject({ width: w, height: h, channels: n });
          expect(result.samples.length).toBe(w * h * n);
          expect(result.samples.every((sample) => sample === value)).toBe(true);
        },
      ),
    );
  });

  it("makes nothing brighter or darker than the picture is", () => {
    fc.assert(
      fc.property(
        fc.tuple(side, side, side, side),
        fc.tuple(part, part, part, part),
        fc.nat(),
        ([width, height, w, h], parts, seed) => {
          const picture = pictureOf(
            width,
            height,
            1,
            (i) => 40 + ((Math.imul(i + seed, 2_654_435_761) >>> 8) % 150),
          );
          const { samples } = scaled(picture, regionOf(width, height, parts), { width: w, height: h });
          const [low, high] = [Math.min(...picture.samples), Math.max(...picture.samples)];
          expect(Math.min(...samples)).toBeGreaterThanOrEqual(low);
          expect(Math.max(...samples)).toBeLessThanOrEqual(high);
        },
      ),
    );
  });

  it("averages whole blocks exactly, each colour by itself", () => {
    const picture = pictureOf(6, 4, 3, (i) => (i * 7) % 256);
    const { samples } = scaled(picture, { x: 0, y: 0, width: 6, height: 4 }, { width: 3, height: 2 });
    for (let y = 0; y < 2; y++) {
      for (let x = 0; x < 3; x++) {
        for (let c = 0; c < 3; c++) {
          const at = (dx: number, dy: number): number =>
            picture.samples[((2 * y + dy) * 6 + 2 * x + dx) * 3 + c]!;
          const mean = (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4;
          expect(Math.abs(samples[(y * 3 + x) * 3 + c]! - mean)).toBeLessThanOrEqual(0.5);
        }
      }
    }
  });

  it("enlarges a ramp to a ramp", () => {
    const ramp = pictureOf(8, 1, 1, (i) => 20 * i);
    const { samples } = scaled(ramp, { x: 0, y: 0, width: 8, height: 1 }, { width: 32, height: 4 });
    for (let x = 2; x < 30; x++)
      expect(Math.abs(samples[x]! - 20 * ((x + 0.5) / 4 - 0.5))).toBeLessThanOrEqual(0.51);
    expect(samples.subarray(96)).toEqual(samples.subarray(0, 32));
  });

  it("cuts whole pixels out as they are", () => {
    const picture = pictureOf(9, 7, 1, (i) => (i * 13) % 256);
    const { samples } = scaled(picture, { x: 2, y: 3, width: 4, height: 2 }, { width: 4, height: 2 });
    const row = (y: number): number[] => [...picture.samples.subarray(9 * y + 2, 9 * y + 6)];
    expect([...samples]).toEqual([...row(3), ...row(4)]);
  });
});

describe("sizes", () => {
  it("fit the viewport, touch it, and keep their proportions to half a pixel", () => {
    const long = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(long, long, long, long, (width, height, vw, vh) => {
        const size = sizeWithin({ x: 0, y: 0, width, height }, { width: vw, height: vh });
        expect(size.width).toBeLessThanOrEqual(vw);
        expect(size.height).toBeLessThanOrEqual(vh);
        expect(size.width === vw || size.height === vh).toBe(true);
        const scale = Math.min(vw / width, vh / height);
        expect(Math.abs(size.width - Math.max(1, width * scale))).toBeLessThanOrEqual(0.5);
        expect(Math.abs(size.height - Math.max(1, height * scale))).toBeLessThanOrEqual(0.5);
      }),
    );
  });

  it("of what is asked for, the part inside of the picture counts", () => {
    const picture = { width: 10, height: 8 };
    expect(regionWithin(picture, undefined)).toEqual({ x: 0, y: 0, width: 10, height: 8 });
    expect(regionWithin(picture, { x: 6, y: 2, width: 10, height: 3 })).toEqual({
      x: 6,
      y: 2,
      width: 4,
      height: 3,
    });
    for (const x of [10, 11, Number.NaN])
      expect(() => regionWithin(picture, { x, y: 0, width: 1, height: 1 })).toThrow(
        expect.objectContaining({ code: "usage" }),
      );
  });
});
