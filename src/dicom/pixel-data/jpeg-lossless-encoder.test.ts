import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeJpegLossless, type LosslessJpeg } from "./jpeg-lossless.ts";
import { bestPredictor, encodeJpegLossless } from "./jpeg-lossless-encoder.ts";

function imageOf(
  size: { rows: number; columns: number; components: number; precision: number },
  sample: (at: number) => number,
): LosslessJpeg {
  const samples = Uint16Array.from({ length: size.rows * size.columns * size.components }, (_, at) =>
    Math.min(Math.max(Math.trunc(sample(at)), 0), 2 ** size.precision - 1),
  );
  return { ...size, samples };
}

const size = fc.record({
  rows: fc.integer({ min: 1, max: 20 }),
  columns: fc.integer({ min: 1, max: 20 }),
  components: fc.integer({ min: 1, max: 4 }),
  precision: fc.integer({ min: 2, max: 16 }),
});

describe("writing JPEG lossless", () => {
  it("is undone by reading, whatever the precision, predictor, components and contents", () => {
    const contents = fc.constantFrom("noise", "constant", "extremes", "ramp");
    fc.assert(
      fc.property(size, contents, fc.integer({ min: 1, max: 7 }), fc.boolean(), fc.nat(), (...args) => {
        const [of, kind, predictor, named, seed] = args;
        const max = 2 ** of.precision - 1;
        const random = (at: number): number =>
          ((Math.imul(at + seed, 2654435761) >>> 8) / 2 ** 24) * (max + 1);
        const image = imageOf(of, (at) => {
          if (kind === "noise") return random(at);
          if (kind === "extremes") return random(at) > max / 2 ? max : 0;
          return kind === "ramp" ? (at * 37) % (max + 1) : seed % (max + 1);
        });
        const rgb = named && of.components === 3;
        expect(decodeJpegLossless(encodeJpegLossless(image, { rgb, predictor }))).toEqual(image);
      }),
      { numRuns: 500 },
    );
  });

  it("writes a difference of 32,768 as category 16 and stuffs a zero after each byte FF", () => {
    const image = imageOf({ rows: 1, columns: 400, components: 1, precision: 16 }, (at) =>
      at % 3 === 1 ? 65_535 : at % 3 === 2 ? 32_767 : 0,
    );
    const codestream = encodeJpegLossless(image, { rgb: false, predictor: 1 });
    expect(decodeJpegLossless(codestream).samples).toEqual(image.samples);
    const scan = codestream.indexOf(0xda) + 10;
    const marks = codestream.subarray(scan, -2).filter((byte, i, all) => byte === 0xff && all[i + 1] !== 0);
    expect(marks.length).toBe(0);
  });

  it("finds the predictor that suits the image", () => {
    const of = { rows: 32, columns: 64, components: 1, precision: 12 };
    const noise = (at: number): number => (Math.imul(at, 2654435761) >>> 20) & 1023;
    const fromRows = imageOf(of, (at) => noise(at % 64) * 3);
    const fromColumns = imageOf(of, (at) => noise(Math.floor(at / 64)) * 3);
    expect(bestPredictor(fromRows)).toBe(2);
    expect(bestPredictor(fromColumns)).toBe(1);
    const plane = imageOf(of, (at) => noise(at % 64) + noise(Math.floor(at / 64) + 99));
    expect(bestPredictor(plane)).toBe(4);
    const bytes = [1, 2, 3, 4, 5, 6, 7].map(
      (predictor) => encodeJpegLossless(plane, { rgb: false, predictor }).length,
    );
    expect(Math.min(...bytes)).toBe(bytes[3]);
  });
});
