import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes, u32be } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { PixelCodec } from "../transfer-syntax.ts";
import { type CodestreamHeader, checkedHeader, isReversible } from "./codestream-header.ts";
import type { ImageAttributes } from "./image-attributes.ts";

/** Of a codestream that fits 7 x 5 samples of 16 bits. */
function readHeader(codec: PixelCodec, codestream: Bytes, samplesPerPixel = 1): CodestreamHeader | undefined {
  const attributes: ImageAttributes = {
    rows: 5,
    columns: 7,
    samplesPerPixel,
    bitsAllocated: 16,
    bitsStored: 16,
    highBit: 15,
    pixelRepresentation: 0,
    photometric: samplesPerPixel === 3 ? "RGB" : "MONOCHROME2",
    planarConfiguration: 0,
    numberOfFrames: 1,
    kind: "integer",
  };
  return checkedHeader({ codec, transferSyntaxUid: "", attributes, codestream });
}

const u16 = (n: number): number[] => [n >> 8, n & 255];
const segment = (marker: number, ...bytes: number[]): Bytes =>
  Uint8Array.from([0xff, marker, ...u16(bytes.length + 2), ...bytes]);

interface J2k {
  size?: Bytes;
  main?: readonly Bytes[];
  tile?: readonly Bytes[];
  data?: readonly number[];
  tileLength?: number;
  end?: readonly number[];
}

const size = (columns: number, rows: number, depth: number, components = 1, subsampling = 1): Bytes => {
  const words = [columns, rows, 0, 0, columns, rows, 0, 0].flatMap((n) => [...u32be(n)]);
  const parts = Array.from({ length: components }, () => [depth, subsampling, 1]).flat();
  return segment(0x51, 0, 0, ...words, ...u16(components), ...parts);
};
/** Coding style default and of a component, by their transform: 1 is 5/3, 0 is 9/7. */
const cod = (transform: number): Bytes => segment(0x52, 0, 0, 0, 1, 0, 5, 4, 4, 0, transform);
const coc = (transform: number): Bytes => segment(0x53, 0, 0, 5, 4, 4, 0, transform);

/** A codestream of one tile-part whose data no decoder could use. */
function j2k(parts: J2k = {}): Bytes {
  const header = concatBytes(parts.tile ?? []);
  const data = Uint8Array.from(parts.data ?? [1, 2, 3]);
  const length = parts.tileLength ?? 12 + header.length + 2 + data.length;
  return concatBytes([
    Uint8Array.of(0xff, 0x4f),
    parts.size ?? size(7, 5, 11),
    ...(parts.main ?? [cod(1)]),
    segment(0x90, 0, 0, ...u32be(length), 0, 1),
    header,
    Uint8Array.of(0xff, 0x93),
    data,
    Uint8Array.from(parts.end ?? [0xff, 0xd9]),
  ]);
}

const jls = (near: number, table = 0, end: readonly number[] = [0xff, 0xd9]): Bytes =>
  concatBytes([
    Uint8Array.of(0xff, 0xd8),
    segment(0xf7, 12, ...u16(5), ...u16(7), 1, 1, 0x11, 0),
    segment(0xda, 1, 1, table, near, 0, 0),
    Uint8Array.of(1, 0xff, 0x7f, 2),
    Uint8Array.from(end),
  ]);

describe("JPEG 2000 headers", () => {
  const header = { rows: 5, columns: 7, components: 1, precision: 12, signed: false, reversible: true };

  it("give the format of the samples", () => {
    expect(readHeader("jpeg-2000", j2k())).toEqual(header);
    expect(readHeader("htj2k", j2k({ size: size(7, 5, 0x80 | 15, 3) }), 3)).toEqual({
      ...header,
      components: 3,
      precision: 16,
      signed: true,
    });
  });

  it.each<[string, J2k, boolean]>([
    ["9/7", { main: [cod(0)] }, false],
    ["5/3, but 9/7 in a component", { main: [cod(1), coc(0)] }, false],
    ["5/3, but 9/7 in a tile", { tile: [cod(0)] }, false],
    ["5/3, but 9/7 in a tile's component", { tile: [coc(0)] }, false],
    ["5/3 everywhere", { main: [cod(1), coc(1)], tile: [cod(1), coc(1)] }, true],
    ["a tile-part to the end", { tileLength: 0 }, true],
    ["no end of codestream", { end: [] }, true],
    ["a pad", { end: [0xff, 0xd9, 0] }, true],
  ])("say whether decoding is exact: %s", (_, parts, reversible) => {
    expect(readHeader("jpeg-2000", j2k(parts))!.reversible).toBe(reversible);
    expect(isReversible("jpeg-2000", j2k(parts))).toBe(reversible);
  });

  it.each<[string, J2k]>([
    ["a tile-part behind the end", { tileLength: 500 }],
    ["a tile-part shorter than its header", { tileLength: 13 }],
    ["no coding style", { main: [] }],
    ["part 2 extensions", { size: segment(0x51, 0x80, 0, ...size(7, 5, 11).subarray(6)) }],
    ["no rows", { size: size(7, 0, 11) }],
    ["subsampled components", { size: size(7, 5, 11, 3, 2) }],
    ["five components", { size: size(7, 5, 11, 5) }],
  ])("are refused: %s", (_, parts) => {
    expect(() => readHeader("jpeg-2000", j2k(parts))).toThrow(ScansealError);
    expect(isReversible("jpeg-2000", j2k(parts))).toBe(false);
  });

  it("are found inside a JP2 wrapper", () => {
    const box = (type: string, content: Bytes): Bytes =>
      concatBytes([u32be(content.length + 8), Uint8Array.from(type, (c) => c.charCodeAt(0)), content]);
    const before = [box("jP  ", Uint8Array.of(13, 10, 0x87, 10)), box("ftyp", new Uint8Array(12))];
    expect(readHeader("jpeg-2000", concatBytes([...before, box("jp2c", j2k())]))).toEqual(header);
    for (const bad of [
      before,
      [...before, Uint8Array.of(0, 0, 0, 0, 1, 2, 3, 4)],
      [...before, box("jp2c", j2k()).subarray(0, 60)],
    ]) {
      expect(() => readHeader("jpeg-2000", concatBytes(bad))).toThrow(ScansealError);
    }
  });
});

describe("JPEG-LS headers", () => {
  it("say whether decoding is exact", () => {
    const header = { rows: 5, columns: 7, components: 1, precision: 12, signed: false };
    expect(readHeader("jpeg-ls", jls(0))).toEqual({ ...header, reversible: true });
    expect(readHeader("jpeg-ls", jls(2))).toEqual({ ...header, reversible: false });
    expect(readHeader("jpeg-ls", jls(0, 1))).toEqual({ ...header, reversible: false });
    expect(readHeader("jpeg-ls", jls(0, 0, [0xff, 0xff, 0xff, 0xd9, 0]))).toEqual({
      ...header,
      reversible: true,
    });
  });

  it("are refused without an end of image", () => {
    for (const end of [[], [0xff], [0xff, 0x7f], [0xff, 0xd0, 1]]) {
      expect(() => readHeader("jpeg-ls", jls(0, 0, end))).toThrow(/no end of image/);
    }
  });
});

describe("headers of anything", () => {
  it("are read or refused with our error", () => {
    const good = { "jpeg-2000": j2k({ main: [cod(1), coc(1)] }), "jpeg-ls": jls(0), "jpeg-lossless": jls(0) };
    fc.assert(
      fc.property(
        fc.constantFrom("jpeg-2000" as const, "jpeg-ls" as const, "jpeg-lossless" as const),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }),
        fc.nat(200),
        (codec, changes, length) => {
          const bytes = good[codec].slice(0, length);
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          try {
            expect(readHeader(codec, bytes)).toBeDefined();
          } catch (error) {
            expect(error).toBeInstanceOf(ScansealError);
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
