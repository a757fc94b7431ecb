import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type CodestreamHeader, checkedHeader, isReversible } from "./codestream-header.ts";
import type { ImageAttributes } from "./image-attributes.ts";
import { decodeJpegLossless } from "./jpeg-lossless.ts";

interface Picture {
  rows: number;
  columns: number;
  components: number;
  precision: number;
  predictor: number;
  pointTransform: number;
  /** Rows between restarts; 0: none. */
  rowsPerRestart: number;
  /** One scan for each component. */
  separate: boolean;
  /** 5-bit codes for all 17 categories, or unary-like codes of up to 16 bits. */
  longCodes: boolean;
}

/** T.81 table H.1, written another way than in the decoder. */
const predictors: Record<number, (a: number, b: number, c: number) => number> = {
  1: (a) => a,
  2: (_, b) => b,
  3: (_, __, c) => c,
  4: (a, b, c) => a + b - c,
  5: (a, b, c) => a + Math.floor((b - c) / 2),
  6: (a, b, c) => b + Math.floor((a - c) / 2),
  7: (a, b) => Math.floor((a + b) / 2),
};

/** A plain encoder: bits as text. Codes: 17 categories of 5 bits, or category k as k ones and a zero, the last two of 16 bits. */
class Encoder {
  readonly picture: Picture;
  readonly samples: Uint16Array;

  constructor(picture: Picture, samples: Uint16Array) {
    this.picture = picture;
    this.samples = samples;
  }

  encode(): Bytes {
    const { rows, columns, components, precision, rowsPerRestart, separate } = this.picture;
    const out: number[] = [0xff, 0xd8];
    const segment = (marker: number, ...bytes: number[]): void => {
      out.push(0xff, marker, (bytes.length + 2) >> 8, (bytes.length + 2) & 255, ...bytes);
    };
    segment(0xfe, 1, 2, 3);
    segment(0xc4, 0, ...this.counts(), ...Array.from({ length: 17 }, (_, i) => i));
    if (rowsPerRestart > 0) segment(0xdd, (rowsPerRestart * columns) >> 8, (rowsPerRestart * columns) & 255);
    const ids = Array.from({ length: components }, (_, i) => i + 1);
    segment(
      0xc3,
      precision,
      rows >> 8,
      rows & 255,
      columns >> 8,
      columns & 255,
      components,
      ...ids.flatMap((id) => [id, 0x11, 0]),
    );
    for (const scan of separate ? ids.map((id) => [id]) : [ids]) {
      segment(
        0xda,
        scan.length,
        ...scan.flatMap((id) => [id, 0]),
        this.picture.predictor,
        0,
        this.picture.pointTransform,
      );
      out.push(...this.entropy(scan.map((id) => id - 1)));
    }
    return Uint8Array.from([...out, 0xff, 0xd9]);
  }

  counts(): number[] {
    const counts = new Array<number>(16).fill(0);
    if (this.picture.longCodes) {
      counts.fill(1);
      counts[15] = 2;
    } else counts[4] = 17;
    return counts;
  }

  code(category: number): string {
    if (!this.picture.longCodes) return category.toString(2).padStart(5, "0");
    return category < 15 ? `${"1".repeat(category)}0` : `${"1".repeat(15)}${category - 15}`;
  }

  entropy(components: readonly number[]): number[] {
    const { rows, rowsPerRestart } = this.picture;
    const step = rowsPerRestart === 0 ? rows : rowsPerRestart;
    const out: number[] = [];
    for (let row = 0, i = 0; row < rows; row += step, i++) {
      if (i > 0) out.push(0xff, 0xd0 + ((i - 1) % 8));
      let bits = this.bits(components, row, Math.min(row + step, rows));
      while (bits.length % 8 !== 0) bits += "1";
      for (let at = 0; at < bits.length; at += 8) {
        const byte = Number.parseInt(bits.slice(at, at + 8), 2);
        out.push(...(byte === 255 ? [255, 0] : [byte]));
      }
    }
    return out;
  }

  bits(components: readonly number[], first: number, end: number): string {
    const { columns, precision, predictor, pointTransform } = this.picture;
    const at = (row: number, x: number, c: number): number =>
      this.samples[(row * columns + x) * this.picture.components + c]! >> pointTransform;
    let bits = "";
    for (let row = first; row < end; row++) {
      for (let x = 0; x < columns; x++) {
        for (const c of components) {
          let prediction: number;
          if (row === first) prediction = x === 0 ? 2 ** (precision - pointTransform - 1) : at(row, x - 1, c);
          else if (x === 0) prediction = at(row - 1, 0, c);
          else
            prediction = predictors[predictor]!(at(row, x - 1, c), at(row - 1, x, c), at(row - 1, x - 1, c));
          let difference = (at(row, x, c) - prediction) & 0xffff;
          if (difference > 32768) difference -= 65536;
          const category =
            difference === 32768 ? 16 : Math.abs(difference).toString(2).length * (difference === 0 ? 0 : 1);
          bits += this.code(category);
          if (category > 0 && category < 16) {
            const value = difference > 0 ? difference : difference + 2 ** category - 1;
            bits += value.toString(2).padStart(category, "0");
          }
        }
      }
    }
    return bits;
  }
}

function headerOf(picture: Picture, codestream: Bytes): CodestreamHeader | undefined {
  const attributes: ImageAttributes = {
    rows: picture.rows,
    columns: picture.columns,
    samplesPerPixel: picture.components,
    bitsAllocated: 16,
    bitsStored: picture.precision,
    highBit: picture.precision - 1,
    pixelRepresentation: 0,
    photometric: "UNKNOWN",
    planarConfiguration: 0,
    numberOfFrames: 1,
    kind: "integer",
  };
  return checkedHeader({ codec: "jpeg-lossless", transferSyntaxUid: "", attributes, codestream });
}

const pictures: fc.Arbitrary<Picture> = fc.record({
  rows: fc.integer({ min: 1, max: 20 }),
  columns: fc.integer({ min: 1, max: 9 }),
  components: fc.integer({ min: 1, max: 4 }),
  precision: fc.integer({ min: 2, max: 16 }),
  predictor: fc.integer({ min: 1, max: 7 }),
  pointTransform: fc.constantFrom(0, 0, 0, 1),
  rowsPerRestart: fc.constantFrom(0, 0, 1, 2, 3),
  separate: fc.boolean(),
  longCodes: fc.boolean(),
});

function encoded(picture: Picture, values: Iterable<number>): { codestream: Bytes; samples: Uint16Array } {
  const samples = Uint16Array.from(
    values,
    (value) => (value % 2 ** picture.precision) & (0xffff << picture.pointTransform),
  );
  return { codestream: new Encoder(picture, samples).encode(), samples };
}

describe("JPEG lossless", () => {
  it("decodes every predictor, precision, restart interval, scan order and code length", () => {
    fc.assert(
      fc.property(pictures, fc.infiniteStream(fc.nat(65_535)), (picture, stream) => {
        const { codestream, samples } = encoded(
          picture,
          stream.take(picture.rows * picture.columns * picture.components),
        );
        const { rows, columns, components, precision } = picture;
        expect(decodeJpegLossless(codestream)).toEqual({ rows, columns, components, precision, samples });
        const header = {
          rows,
          columns,
          components,
          precision,
          signed: false,
          reversible: picture.pointTransform === 0,
        };
        expect(headerOf(picture, codestream)).toEqual(header);
        expect(isReversible("jpeg-lossless", codestream)).toBe(header.reversible);
      }),
      { numRuns: 500 },
    );
  });

  it("gives samples or our error for any change of the bytes", () => {
    fc.assert(
      fc.property(
        pictures,
        fc.infiniteStream(fc.nat(65_535)),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (picture, stream, changes, cut) => {
          const { codestream } = encoded(
            picture,
            stream.take(picture.rows * picture.columns * picture.components),
          );
          for (const [at, value] of changes) codestream[at % codestream.length] = value;
          const part = cut % 3 === 0 ? codestream.subarray(0, cut % codestream.length) : codestream;
          try {
            // As the pool does: sizes that the attributes do not bear out never reach the decoder.
            headerOf(picture, part);
            decodeJpegLossless(part);
          } catch (error) {
            expect(error).toBeInstanceOf(ScansealError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("is refused when cut short anywhere", () => {
    const picture: Picture = {
      rows: 5,
      columns: 7,
      components: 1,
      precision: 12,
      predictor: 4,
      pointTransform: 0,
      rowsPerRestart: 2,
      separate: false,
      longCodes: true,
    };
    const { codestream } = encoded(
      picture,
      Array.from({ length: 35 }, (_, i) => i * 117),
    );
    for (let length = 0; length < codestream.length; length++) {
      expect(() => decodeJpegLossless(codestream.subarray(0, length))).toThrow(ScansealError);
    }
    // Entropy-coded bytes taken out, the end of image left in place.
    const start = codestream.length - 10;
    const gap = Uint8Array.from([...codestream.subarray(0, start), 0xff, 0xd9]);
    expect(() => decodeJpegLossless(gap)).toThrow(/too early/);
  });
});
