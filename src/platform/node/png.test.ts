import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { encode } from "fast-png";
import { describe, expect, it } from "vitest";
import { ScansealError } from "../../foundation/errors.ts";
import { isPng, type PngImage, readPng, writePng } from "./png.ts";

function imageOf(width: number, height: number, depth: 8 | 16, channels: 1 | 3, seed: number): PngImage {
  const length = width * height * channels;
  const samples = depth === 8 ? new Uint8Array(length) : new Uint16Array(length);
  for (let i = 0; i < length; i++) samples[i] = Math.imul(i + seed, 2_654_435_761) >>> 13;
  return { width, height, depth, channels, samples };
}

function codeOf(bytes: Uint8Array): string {
  try {
    readPng(bytes);
    return "read";
  } catch (error) {
    return error instanceof ScansealError ? error.code : String(error);
  }
}

/** Chunk by chunk, its CRC copied or not as given. */
function withChunk(png: Uint8Array, type: string, content: Uint8Array): Uint8Array {
  const chunk = Buffer.alloc(12 + content.length);
  chunk.writeUInt32BE(content.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(content, 8);
  return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
}

describe("PNG", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 70 }),
        fc.constantFrom<8 | 16>(8, 16),
        fc.constantFrom<1 | 3>(1, 3),
        fc.nat(),
        (width, height, depth, channels, seed) => {
          const image = imageOf(width, height, depth, channels, seed);
          const bytes = writePng(image);
          expect(isPng(bytes)).toBe(true);
          expect(readPng(bytes)).toEqual(image);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("leaves alpha out", () => {
    const rgba = new Uint8Array([1, 2, 3, 0, 4, 5, 6, 255]);
    const png = encode({ width: 2, height: 1, depth: 8, channels: 4, data: rgba });
    expect(readPng(png)).toMatchObject({ channels: 3, samples: new Uint8Array([1, 2, 3, 4, 5, 6]) });
  });

  it("does not inflate what nobody needs, nor more than there may be", () => {
    const png = writePng(imageOf(9, 9, 16, 1, 1));
    const bomb = deflateSync(new Uint8Array(64 << 20));
    expect(codeOf(withChunk(png, "iCCP", Buffer.concat([Buffer.from("a\0\0"), bomb])))).toBe("read");
    expect(codeOf(withChunk(png, "IDAT", bomb))).toBe("codec-failed");
  });

  it("says what it does not take", () => {
    const png = writePng(imageOf(9, 9, 8, 1, 1));
    const changed = (at: number, ...values: number[]): Uint8Array => {
      const copy = png.slice();
      copy.set(values, at);
      return copy;
    };
    expect(codeOf(new Uint8Array(5))).toBe("codec-failed");
    expect(codeOf(changed(16, 0, 1, 0, 0, 0, 1, 0, 0))).toBe("limit-decode");
    expect(codeOf(changed(24, 4))).toBe("unsupported");
    expect(codeOf(changed(25, 3))).toBe("unsupported");
    expect(codeOf(changed(16, 0, 0, 0, 8))).toBe("codec-failed");
  });

  it("whatever becomes of a file, there is an image or an error of ours", () => {
    const png = writePng(imageOf(21, 13, 16, 3, 5));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(png.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.nat(png.length),
        (changes, length) => {
          const copy = png.slice(0, length);
          for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
          expect(["read", "codec-failed", "unsupported", "limit-decode"]).toContain(codeOf(copy));
        },
      ),
      { numRuns: 500 },
    );
  });
});
