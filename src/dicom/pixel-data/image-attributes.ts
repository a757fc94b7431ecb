/** The Image Pixel attributes of a data set, strictly checked (PS3.3 C.7.6.3, C.7.6.24 and C.7.6.25; PS3.5 section 8). */
import { latin1, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { framesMax } from "../limits.ts";
import type { DataElement, DicomObject } from "../model.ts";
import { formatTag, type Tag, tags } from "../tags.ts";

export interface ImageAttributes {
  /** 1 to 65535. */
  readonly rows: number;
  readonly columns: number;
  /** 1 to 4. */
  readonly samplesPerPixel: number;
  /** 1, or a multiple of 8 up to 64. */
  readonly bitsAllocated: number;
  /** 1 to bitsAllocated. */
  readonly bitsStored: number;
  readonly highBit: number;
  /** 1: two's complement. 0 for float and double. */
  readonly pixelRepresentation: 0 | 1;
  /** As written, without padding: "MONOCHROME2". */
  readonly photometric: string;
  /** 1: colour-by-plane. 0 where there is one sample per pixel. */
  readonly planarConfiguration: 0 | 1;
  /** 1 to `framesMax`. */
  readonly numberOfFrames: number;
  readonly kind: "integer" | "float" | "double";
}

const kinds: ReadonlyMap<Tag, ImageAttributes["kind"]> = new Map([
  [tags.pixelData, "integer"],
  [tags.floatPixelData, "float"],
  [tags.doubleFloatPixelData, "double"],
]);

/** PS3.3 C.7.6.3.1.2: what the photometric interpretation says of the samples per pixel. */
const samplesByPhotometric: ReadonlyMap<string, number> = new Map([
  ["MONOCHROME1", 1],
  ["MONOCHROME2", 1],
  ["PALETTE COLOR", 1],
  ["RGB", 3],
  ["HSV", 3],
  ["YBR_FULL", 3],
  ["YBR_FULL_422", 3],
  ["YBR_PARTIAL_422", 3],
  ["YBR_PARTIAL_420", 3],
  ["YBR_ICT", 3],
  ["YBR_RCT", 3],
  ["XYB", 3],
  ["ARGB", 4],
  ["CMYK", 4],
]);

/** The top-level element that holds the pixels, or undefined. Two of them are an error: readers would show different ones. */
export function pixelElementOf(object: Pick<DicomObject, "elements">): DataElement | undefined {
  const found = object.elements.filter((element) => kinds.has(element.tag));
  if (found.length > 1) throw invalid("more than one pixel data element", found[1]!);
  return found[0];
}

/**
 * @returns undefined when the object has no pixel data at top level
 * @throws ScansealError `pixel-attributes` when an attribute is absent, malformed or contradicts another
 */
export function imageAttributesOf(object: Pick<DicomObject, "elements">): ImageAttributes | undefined {
  const pixels = pixelElementOf(object);
  if (pixels === undefined) return undefined;
  const kind = kinds.get(pixels.tag)!;
  const number = (tag: Tag): number => shortOf(object, tag);
  const samplesPerPixel = number(tags.samplesPerPixel);
  const bitsAllocated = number(tags.bitsAllocated);
  const integer = kind === "integer";
  const attributes: ImageAttributes = {
    rows: number(tags.rows),
    columns: number(tags.columns),
    samplesPerPixel,
    bitsAllocated,
    bitsStored: integer ? number(tags.bitsStored) : bitsAllocated,
    highBit: integer ? number(tags.highBit) : bitsAllocated - 1,
    pixelRepresentation: integer ? flag(number(tags.pixelRepresentation), tags.pixelRepresentation) : 0,
    photometric: codeStringOf(object, tags.photometricInterpretation),
    planarConfiguration:
      samplesPerPixel > 1 ? flag(number(tags.planarConfiguration), tags.planarConfiguration) : 0,
    numberOfFrames: frameCount(find(object, tags.numberOfFrames)),
    kind,
  };
  checkAttributes(attributes);
  return attributes;
}

function checkAttributes(a: ImageAttributes): void {
  const fail = (tag: Tag, problem: string): never => {
    throw new ScansealError("pixel-attributes", `${formatTag(tag)} ${problem}`, { tag });
  };
  if (a.rows === 0) fail(tags.rows, "is zero");
  if (a.columns === 0) fail(tags.columns, "is zero");
  if (a.samplesPerPixel === 0 || a.samplesPerPixel > 4) fail(tags.samplesPerPixel, "is not 1 to 4");
  // PS3.5 section 8.1.1: Bits Allocated is 1 or a multiple of 8; wider than 64 no VR can carry.
  const whole = a.bitsAllocated % 8 === 0 && a.bitsAllocated >= 8 && a.bitsAllocated <= 64;
  if (!whole && a.bitsAllocated !== 1) fail(tags.bitsAllocated, "is neither 1 nor a multiple of 8 up to 64");
  if (a.bitsAllocated === 1 && a.samplesPerPixel !== 1) fail(tags.bitsAllocated, "is 1 with several samples");
  if (a.kind === "float" && a.bitsAllocated !== 32) fail(tags.bitsAllocated, "of Float Pixel Data is not 32");
  if (a.kind === "double" && a.bitsAllocated !== 64)
    fail(tags.bitsAllocated, "of Double Float Pixel Data is not 64");
  if (a.bitsStored === 0 || a.bitsStored > a.bitsAllocated)
    fail(tags.bitsStored, "is not 1 to Bits Allocated");
  if (a.highBit < a.bitsStored - 1 || a.highBit >= a.bitsAllocated)
    fail(tags.highBit, "is outside the allocated bits");
  const samples = samplesByPhotometric.get(a.photometric);
  if (samples !== undefined && samples !== a.samplesPerPixel) {
    fail(tags.photometricInterpretation, "contradicts Samples per Pixel");
  }
}

/** Samples are shared between pixels in native form (PS3.3 C.7.6.3.1.2): two luminance samples, one of each chrominance. */
export function isSubsampled422(attributes: ImageAttributes): boolean {
  return attributes.photometric === "YBR_FULL_422" || attributes.photometric === "YBR_PARTIAL_422";
}

/**
 * Bits of one native frame.
 * @throws ScansealError `pixel-attributes` for a form that no native frame can have
 */
export function nativeFrameBits(attributes: ImageAttributes): number {
  const pixels = attributes.rows * attributes.columns;
  if (attributes.photometric === "YBR_PARTIAL_420") {
    throw new ScansealError("pixel-attributes", "YBR_PARTIAL_420 has no native form", {
      tag: tags.photometricInterpretation,
    });
  }
  if (!isSubsampled422(attributes)) return pixels * attributes.samplesPerPixel * attributes.bitsAllocated;
  if (attributes.columns % 2 !== 0 || attributes.planarConfiguration !== 0) {
    throw new ScansealError("pixel-attributes", "4:2:2 needs an even number of columns, colour-by-pixel", {
      tag: tags.photometricInterpretation,
    });
  }
  return pixels * 2 * attributes.bitsAllocated;
}

/**
 * Exact bytes of native pixel data, without the pad to even length. Frames of one bit follow each other without alignment (PS3.5 section 8.1.1).
 * @throws ScansealError `pixel-attributes`
 */
export function nativeLength(attributes: ImageAttributes): number {
  const bits = nativeFrameBits(attributes);
  const bytes =
    bits % 8 === 0
      ? (bits / 8) * attributes.numberOfFrames
      : Math.ceil((bits * attributes.numberOfFrames) / 8);
  if (!Number.isSafeInteger(bytes)) {
    throw new ScansealError("pixel-attributes", "more pixels than can be addressed", {
      tag: tags.numberOfFrames,
    });
  }
  return bytes;
}

/** Bytes of one frame in canonical form: whole bytes a sample, or eight one-bit samples a byte; 4:2:2 as native, where `native`. */
export function canonicalFrameBytes(attributes: ImageAttributes, native: boolean): number {
  if (native) return Math.ceil(nativeFrameBits(attributes) / 8);
  return Math.ceil(
    (attributes.rows * attributes.columns * attributes.samplesPerPixel * attributes.bitsAllocated) / 8,
  );
}

function invalid(problem: string, element: DataElement): ScansealError {
  return new ScansealError("pixel-attributes", problem, { tag: element.tag, offset: element.offset });
}

/** Not a binary search: while an object arrives, its elements may not be in order yet. */
function find(object: Pick<DicomObject, "elements">, tag: Tag): DataElement | undefined {
  return object.elements.find((element) => element.tag === tag);
}

function required(object: Pick<DicomObject, "elements">, tag: Tag): DataElement {
  const element = find(object, tag);
  if (element === undefined)
    throw new ScansealError("pixel-attributes", `${formatTag(tag)} is absent`, { tag });
  return element;
}

function shortOf(object: Pick<DicomObject, "elements">, tag: Tag): number {
  const element = required(object, tag);
  if (element.value?.length !== 2) throw invalid(`${formatTag(tag)} is not one 16-bit number`, element);
  return viewOf(element.value).getUint16(0, !element.encoding.bigEndian);
}

function flag(value: number, tag: Tag): 0 | 1 {
  if (value !== 0 && value !== 1)
    throw new ScansealError("pixel-attributes", `${formatTag(tag)} is not 0 or 1`, { tag });
  return value;
}

/** 16 characters (PS3.5 section 6.2) and generous padding. */
const codeStringBytesMax = 64;

function codeStringOf(object: Pick<DicomObject, "elements">, tag: Tag): string {
  const element = required(object, tag);
  // Bounded first: the pattern takes the square of the spaces, and implicit VR lets a CS be of megabytes.
  const value = (element.value?.length ?? 0) > codeStringBytesMax ? undefined : element.value;
  const text = value === undefined ? "" : latin1(value).replace(/^ +| +$/g, "");
  if (!/^[A-Z0-9_ ]{1,16}$/.test(text)) throw invalid(`${formatTag(tag)} is not one code string`, element);
  return text;
}

function frameCount(element: DataElement | undefined): number {
  if (element === undefined) return 1;
  const text = element.value === undefined ? "" : latin1(element.value);
  const count = /^ *\+?[0-9]{1,12} *$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > framesMax) throw invalid(`Number of Frames is not 1 to ${framesMax}`, element);
  return count;
}
