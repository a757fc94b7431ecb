import { describe, expect, it } from "vitest";
import { type Bytes, fromLatin1, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { DataElement } from "../model.ts";
import { type Tag, tags } from "../tags.ts";
import type { Vr } from "../vr.ts";
import { imageAttributesOf, nativeLength } from "./image-attributes.ts";

type Values = Readonly<Record<Tag, number | string | Bytes | undefined>>;

/** A CT-like slice; PixelData is there without a value, as in an index. */
const slice: Values = {
  [tags.samplesPerPixel]: 1,
  [tags.photometricInterpretation]: "MONOCHROME2 ",
  [tags.numberOfFrames]: "2 ",
  [tags.rows]: 2,
  [tags.columns]: 3,
  [tags.bitsAllocated]: 16,
  [tags.bitsStored]: 12,
  [tags.highBit]: 11,
  [tags.pixelRepresentation]: 1,
  [tags.pixelData]: new Uint8Array(0),
};

const colour = (photometric: string, planar: number | undefined): Values => ({
  ...slice,
  [tags.samplesPerPixel]: 3,
  [tags.photometricInterpretation]: photometric,
  [tags.planarConfiguration]: planar,
  [tags.bitsAllocated]: 8,
  [tags.bitsStored]: 8,
  [tags.highBit]: 7,
});

function elementsOf(values: Values, bigEndian = false): DataElement[] {
  const elements: DataElement[] = [];
  for (const [key, given] of Object.entries(values)) {
    if (given === undefined) continue;
    const vr: Vr = typeof given === "number" ? "US" : "CS";
    let value = typeof given === "string" ? fromLatin1(given) : new Uint8Array(2);
    if (typeof given === "number") viewOf(value).setUint16(0, given, !bigEndian);
    if (given instanceof Uint8Array) value = given;
    const encoding = { explicit: true, bigEndian };
    const place = {
      offset: 0,
      valueOffset: 8,
      length: value.length,
      undefinedLength: false,
      end: 8 + value.length,
    };
    elements.push({ tag: Number(key), vr, vrOnWire: vr, encoding, value, ...place });
  }
  return elements.sort((a, b) => a.tag - b.tag);
}

const attributesOf = (values: Values, bigEndian = false): ReturnType<typeof imageAttributesOf> =>
  imageAttributesOf({ elements: elementsOf(values, bigEndian) });

describe("image attributes", () => {
  it("are read in either byte order", () => {
    for (const bigEndian of [false, true]) {
      expect(attributesOf(slice, bigEndian)).toEqual({
        rows: 2,
        columns: 3,
        samplesPerPixel: 1,
        bitsAllocated: 16,
        bitsStored: 12,
        highBit: 11,
        pixelRepresentation: 1,
        photometric: "MONOCHROME2",
        planarConfiguration: 0,
        numberOfFrames: 2,
        kind: "integer",
      });
    }
  });

  it("of floats need no stored bits", () => {
    const float = {
      ...slice,
      [tags.pixelData]: undefined,
      [tags.bitsStored]: undefined,
      [tags.highBit]: undefined,
    };
    const pixels = new Uint8Array(0);
    expect(attributesOf({ ...float, [tags.bitsAllocated]: 32, [tags.floatPixelData]: pixels })).toMatchObject(
      { kind: "float", bitsStored: 32 },
    );
    expect(
      attributesOf({ ...float, [tags.bitsAllocated]: 64, [tags.doubleFloatPixelData]: pixels })?.kind,
    ).toBe("double");
    expect(() => attributesOf({ ...float, [tags.floatPixelData]: pixels })).toThrow(/not 32/);
  });

  it("are undefined without pixel data", () => {
    expect(attributesOf({ ...slice, [tags.pixelData]: undefined })).toBeUndefined();
  });

  it.each<[string, Values]>([
    ["no rows", { ...slice, [tags.rows]: 0 }],
    ["rows absent", { ...slice, [tags.rows]: undefined }],
    ["two values of rows", { ...slice, [tags.rows]: Uint8Array.of(1, 0, 1, 0) }],
    ["12 bits allocated", { ...slice, [tags.bitsAllocated]: 12 }],
    ["no bits allocated", { ...slice, [tags.bitsAllocated]: 0 }],
    [
      "one bit in colour",
      { ...colour("RGB", 0), [tags.bitsAllocated]: 1, [tags.bitsStored]: 1, [tags.highBit]: 0 },
    ],
    ["more stored than allocated", { ...slice, [tags.bitsStored]: 17, [tags.highBit]: 16 }],
    ["a high bit below the stored ones", { ...slice, [tags.highBit]: 10 }],
    ["a high bit above the allocated ones", { ...slice, [tags.highBit]: 16 }],
    ["a sign that is neither", { ...slice, [tags.pixelRepresentation]: 2 }],
    ["colour in one sample", { ...slice, [tags.photometricInterpretation]: "RGB" }],
    ["monochrome in three samples", colour("MONOCHROME2", 0)],
    ["two photometric interpretations", { ...slice, [tags.photometricInterpretation]: "RGB\\RGB" }],
    ["colour without planar configuration", colour("RGB", undefined)],
    ["five samples", { ...colour("ANY", 0), [tags.samplesPerPixel]: 5 }],
    ["no frames", { ...slice, [tags.numberOfFrames]: "0" }],
    ["negative frames", { ...slice, [tags.numberOfFrames]: "-1" }],
    ["two numbers of frames", { ...slice, [tags.numberOfFrames]: "1\\2" }],
    ["letters in frames", { ...slice, [tags.numberOfFrames]: "1A" }],
    ["too many frames", { ...slice, [tags.numberOfFrames]: "2147483647" }],
    ["two kinds of pixels", { ...slice, [tags.floatPixelData]: new Uint8Array(0) }],
  ])("are refused: %s", (_, values) => {
    let code: string | undefined;
    try {
      attributesOf(values);
    } catch (error) {
      code = error instanceof ScansealError ? error.code : String(error);
    }
    expect(code).toBe("pixel-attributes");
  });

  it("give the exact native length", () => {
    expect(nativeLength(attributesOf(slice)!)).toBe(2 * 3 * 2 * 2);
    expect(
      nativeLength(attributesOf({ ...colour("RGB", 1), [tags.rows]: 3, [tags.numberOfFrames]: "1" })!),
    ).toBe(27);
    // 30 bits: one-bit frames follow each other without alignment.
    const bit = { [tags.bitsAllocated]: 1, [tags.bitsStored]: 1, [tags.highBit]: 0 };
    expect(
      nativeLength(attributesOf({ ...slice, ...bit, [tags.columns]: 5, [tags.numberOfFrames]: "3" })!),
    ).toBe(4);
    expect(nativeLength(attributesOf({ ...colour("YBR_FULL_422", 0), [tags.columns]: 4 })!)).toBe(
      2 * 2 * 4 * 2,
    );
  });

  it("have no native length in forms that native frames cannot have", () => {
    expect(() => nativeLength(attributesOf(colour("YBR_FULL_422", 0))!)).toThrow(/even number of columns/);
    expect(() => nativeLength(attributesOf({ ...colour("YBR_FULL_422", 1), [tags.columns]: 4 })!)).toThrow(
      /colour-by-pixel/,
    );
    expect(() => nativeLength(attributesOf(colour("YBR_PARTIAL_420", 0))!)).toThrow(/no native form/);
    const huge = {
      [tags.rows]: 65_535,
      [tags.columns]: 65_535,
      [tags.bitsAllocated]: 64,
      [tags.numberOfFrames]: "1000000",
    };
    expect(() => nativeLength(attributesOf({ ...slice, ...huge })!)).toThrow(/can be addressed/);
  });
});
