import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes, u32le } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { ImageAttributes } from "./image-attributes.ts";
import { decodeRle } from "./rle.ts";

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

/** PS3.5 annex G.3.1, as literal and replicate runs chosen by `literal`. */
function packBits(bytes: Bytes, literal: boolean): Bytes {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let run = 1;
    while (run < 128 && at + run < bytes.length && (literal || bytes[at + run] === bytes[at])) run++;
    if (literal) out.push(run - 1, ...bytes.subarray(at, at + run));
    else out.push((257 - run) & 255, bytes[at]!);
    // A run of one byte cannot be replicated: 257 - 1 is 256, so it is literal.
    if (!literal && run === 1) out.splice(-2, 2, 0, bytes[at]!);
    at += run;
  }
  if (out.length % 2 === 1) out.push(0);
  return Uint8Array.from(out);
}

function encode(samples: Bytes, count: number, width: number, literal: boolean): Bytes {
  const segments: Bytes[] = [];
  const stride = count * width;
  for (let sample = 0; sample < count; sample++) {
    for (let k = width - 1; k >= 0; k--) {
      segments.push(
        packBits(
          samples.filter((_, i) => i % stride === sample * width + k),
          literal,
        ),
      );
    }
  }
  let offset = 64;
  const header = new Uint8Array(64);
  header.set(u32le(segments.length));
  segments.forEach((segment, i) => {
    header.set(u32le(offset), 4 + 4 * i);
    offset += segment.length;
  });
  return concatBytes([header, ...segments]);
}

describe("RLE", () => {
  it("decodes what was encoded, any samples and widths", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(1, 3),
        fc.constantFrom(1, 2, 4),
        fc.boolean(),
        fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
        (rows, columns, count, width, literal, values) => {
          const samples = Uint8Array.from([...values.take(rows * columns * count * width)]);
          const decoded = decodeRle(
            encode(samples, count, width, literal),
            attributesOf(rows, columns, count, width * 8),
          );
          expect(decoded).toEqual(samples);
        },
      ),
    );
  });

  const frame = attributesOf(4, 4, 1, 16);
  const good = encode(
    Uint8Array.from({ length: 32 }, (_, i) => i),
    1,
    2,
    true,
  );
  const changed = (...changes: [number, number][]): Bytes => {
    const copy = good.slice();
    for (const [at, value] of changes) copy[at] = value;
    return copy;
  };

  it.each<[string, Bytes, ImageAttributes]>([
    ["shorter than the header", good.subarray(0, 63), frame],
    ["another number of segments", changed([0, 1]), frame],
    ["a first segment elsewhere", changed([4, 66]), frame],
    ["a segment behind the end", changed([9, 0xff]), frame],
    ["segments in descending order", changed([8, 64]), frame],
    ["an offset too many", changed([12, 64]), frame],
    ["a literal run beyond the segment", changed([82, 127]), frame],
    ["a run beyond the frame", good, attributesOf(3, 4, 1, 16)],
    ["too few samples", good, attributesOf(5, 4, 1, 16)],
    ["65535 x 65535 pixels", good, attributesOf(65_535, 4_000, 1, 16)],
  ])("is refused: %s", (_, codestream, attributes) => {
    expect(() => decodeRle(codestream, attributes)).toThrow(ScansealError);
    expect(() => decodeRle(codestream, attributes)).toThrow(/^RLE: /);
  });

  it("is refused over the decoding limit before memory is taken", () => {
    expect(() => decodeRle(good, attributesOf(65_535, 65_535, 1, 16))).toThrow(/decoding limit/);
  });

  it("gives a frame or our error for any bytes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 0, max: 255 })), {
          maxLength: 6,
        }),
        fc.integer({ min: 0, max: good.length }),
        (changes, length) => {
          try {
            expect(decodeRle(changed(...changes).subarray(0, length), frame).length).toBe(32);
          } catch (error) {
            expect(error).toBeInstanceOf(ScansealError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
