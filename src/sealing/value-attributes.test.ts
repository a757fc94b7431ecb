import { describe, expect, it } from "vitest";
import { encodePart10, type NewElement, numberElement, textElement } from "../dicom/encode.ts";
import type { ImageAttributes } from "../dicom/pixel-data/image-attributes.ts";
import { readDicom } from "../dicom/read.ts";
import { type Tag, tags } from "../dicom/tags.ts";
import { MemorySource } from "../foundation/byte-source.ts";
import { viewOf } from "../foundation/bytes.ts";
import { ValueAttributes } from "./value-attributes.ts";

const signed = "1.2.840.10008.1.2.1";

interface Case {
  readonly elements: readonly NewElement[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly isSigned?: boolean;
  readonly syntax?: string;
  /** There is a frame beside it whose samples are not known. */
  readonly isBlind?: boolean;
}

/** What becomes of the attributes: by tag, the number; and what was there before. */
async function outcome({
  elements,
  before,
  after,
  isSigned = true,
  isBlind = false,
  syntax = signed,
}: Case): Promise<
  | { readonly numbers: Record<string, number>; readonly replaced: Record<string, number | undefined> }
  | "padding"
> {
  const file = encodePart10(
    [
      textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7"),
      textElement(tags.sopInstanceUid, "UI", "2.25.1"),
      ...elements,
    ],
    syntax,
  );
  const object = await readDicom(new MemorySource(file));
  const attributes: ImageAttributes = {
    ...{
      rows: 1,
      columns: before.length,
      samplesPerPixel: 1,
      bitsAllocated: 16,
      bitsStored: 12,
      highBit: 11,
    },
    ...{ pixelRepresentation: isSigned ? 1 : 0, photometric: "MONOCHROME2", planarConfiguration: 0 },
    ...{ numberOfFrames: 1, kind: "integer" },
  };
  const values = new ValueAttributes(object, attributes);
  const bytesOf = (numbers: readonly number[]): Uint8Array =>
    new Uint8Array(Int16Array.from(numbers.map((n) => (isSigned ? n : n & 0xfff))).buffer);
  values.watch(bytesOf(before), bytesOf(after));
  if (isBlind) values.overlook();
  const made = values.edits();
  if (made === undefined) return "padding";
  const number = (bytes: Uint8Array | undefined): number | undefined =>
    bytes && (isSigned ? viewOf(bytes).getInt16(0, true) : viewOf(bytes).getUint16(0, true));
  const name = (tag: Tag): string => Object.entries(tags).find(([, value]) => value === tag)![0];
  return {
    numbers: Object.fromEntries(
      made.edits.map((edit) =>
        edit.kind === "put" ? [name(edit.element.tag), number(edit.element.value)!] : [],
      ),
    ),
    replaced: Object.fromEntries(made.replaced.map(({ tag, value }) => [name(tag), number(value)])),
  };
}

const ss = (tag: Tag, value: number): NewElement => numberElement(tag, "SS", value);
const us = (tag: Tag, value: number): NewElement => numberElement(tag, "US", value);

describe("attributes about sample values", () => {
  it("stay where nothing that they say has changed", async () => {
    const elements = [ss(tags.smallestImagePixelValue, -5), ss(tags.largestImagePixelValue, 9)];
    expect(await outcome({ elements, before: [-5, 0, 9], after: [-5, 1, 9] })).toEqual({
      numbers: {},
      replaced: {},
    });
  });

  it("exact extremes stay exact, bounds stay bounds, wrong ones are left alone", async () => {
    const extremes = [ss(tags.smallestImagePixelValue, -5), ss(tags.largestImagePixelValue, 9)];
    const moved = { before: [-5, 9], after: [-4, 10] };
    expect(await outcome({ elements: extremes, ...moved })).toEqual({
      numbers: { smallestImagePixelValue: -4, largestImagePixelValue: 10 },
      replaced: { smallestImagePixelValue: -5, largestImagePixelValue: 9 },
    });
    const loose = [ss(tags.smallestImagePixelValue, -9), ss(tags.largestImagePixelValue, 10)];
    expect(await outcome({ elements: loose, ...moved })).toMatchObject({ numbers: {} });
    const wrong = [ss(tags.smallestImagePixelValue, 0), ss(tags.largestImagePixelValue, 3)];
    expect(await outcome({ elements: wrong, ...moved })).toMatchObject({ numbers: {} });
  });

  it("extremes of the series only widen: other images of it have others", async () => {
    const elements = [ss(tags.smallestPixelValueInSeries, -5), ss(tags.largestPixelValueInSeries, 9)];
    expect(await outcome({ elements, before: [-5, 9], after: [-6, 8] })).toEqual({
      numbers: { smallestPixelValueInSeries: -6 },
      replaced: { smallestPixelValueInSeries: -5 },
    });
  });

  it("padding that was changed stays padding", async () => {
    const elements = [ss(tags.pixelPaddingValue, -2000)];
    expect(await outcome({ elements, before: [-2000, -2000, 7], after: [-2000, -1999, 7] })).toEqual({
      numbers: { pixelPaddingRangeLimit: -1999 },
      replaced: { pixelPaddingRangeLimit: undefined },
    });
    // In both directions: the value moves to one end.
    expect(await outcome({ elements, before: [-2000, -2000, 7], after: [-2001, -1999, 7] })).toEqual({
      numbers: { pixelPaddingValue: -2001, pixelPaddingRangeLimit: -1999 },
      replaced: { pixelPaddingValue: -2000, pixelPaddingRangeLimit: undefined },
    });
    const range = [ss(tags.pixelPaddingValue, -2000), ss(tags.pixelPaddingRangeLimit, -1990)];
    expect(await outcome({ elements: range, before: [-1990, 7], after: [-1988, 7] })).toEqual({
      numbers: { pixelPaddingRangeLimit: -1988 },
      replaced: { pixelPaddingRangeLimit: -1990 },
    });
    expect(await outcome({ elements: range, before: [-1995, 7], after: [-1994, 7] })).toMatchObject({
      numbers: {},
    });
  });

  it("nothing is marked where image would become padding, or padding hide image", async () => {
    const elements = [us(tags.pixelPaddingValue, 0)];
    const isSigned = false;
    expect(await outcome({ elements, before: [0, 0, 1], after: [0, 1, 1], isSigned })).toBe("padding");
    expect(await outcome({ elements, before: [0, 0, 2], after: [0, 1, 1], isSigned })).toBe("padding");
    expect(await outcome({ elements, before: [0, 1], after: [0, 0], isSigned })).toBe("padding");
    expect(await outcome({ elements, before: [0, 0, 2], after: [0, 1, 2], isSigned })).toMatchObject({
      numbers: { pixelPaddingRangeLimit: 1 },
    });
  });

  it("nothing is marked where padding cannot be read as one number, or a frame is not known", async () => {
    const before = { before: [5, 9], after: [5, 9], isSigned: false };
    const value = Uint8Array.of(5, 0);
    for (const vr of ["UN", "OW"] as const)
      expect(await outcome({ elements: [{ tag: tags.pixelPaddingValue, vr, value }], ...before })).toBe(
        "padding",
      );
    const two = numberElement(tags.pixelPaddingValue, "US", 5, 6);
    expect(await outcome({ elements: [two], ...before })).toBe("padding");
    const blind = { elements: [us(tags.smallestImagePixelValue, 5)], ...before, isBlind: true };
    expect(await outcome(blind)).toBe("padding");
    expect(await outcome({ ...blind, elements: [] })).toMatchObject({ numbers: {} });
  });

  it("big endian, and values of no number", async () => {
    const syntax = "1.2.840.10008.1.2.2";
    expect(
      await outcome({
        elements: [ss(tags.smallestImagePixelValue, -300)],
        before: [-300],
        after: [-301],
        syntax,
      }),
    ).toEqual({ numbers: { smallestImagePixelValue: -301 }, replaced: { smallestImagePixelValue: -300 } });
    const empty: NewElement = { tag: tags.pixelPaddingValue, vr: "SS", value: new Uint8Array(0) };
    const two: NewElement = { tag: tags.smallestImagePixelValue, vr: "SS", value: new Uint8Array(4) };
    const noLimit: NewElement = { ...empty, tag: tags.pixelPaddingRangeLimit };
    const withLimit = [ss(tags.pixelPaddingValue, 0), noLimit];
    expect(await outcome({ elements: withLimit, before: [0, 9], after: [1, 9] })).toBe("padding");
    expect(await outcome({ elements: [two, empty], before: [0, 1], after: [1, 1] })).toMatchObject({
      numbers: {},
    });
  });
});
