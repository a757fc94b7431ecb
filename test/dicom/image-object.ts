/** Images made for tests: what a test does not say is an ordinary 8 x 4 image of 16 bits. */
import { encodePart10, type NewElement, numberElement, textElement } from "../../src/dicom/encode.ts";
import { framesOf, type PixelFrames } from "../../src/dicom/pixel-data/frames.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";

export interface ImageMade {
  readonly pixels: Bytes | Uint16Array | Int16Array | Uint32Array | Float32Array;
  readonly rows?: number;
  readonly columns?: number;
  readonly samplesPerPixel?: number;
  readonly photometric?: string;
  readonly planarConfiguration?: number;
  readonly bitsAllocated?: number;
  readonly bitsStored?: number;
  readonly highBit?: number;
  readonly pixelRepresentation?: number;
  readonly numberOfFrames?: number;
  /** Others, in any order. */
  readonly elements?: readonly NewElement[];
  readonly transferSyntaxUid?: string;
  /** Of `pixels`, for encapsulated transfer syntaxes. */
  readonly frames?: readonly Bytes[];
}

/** The frames of an image as it is read from a file. */
export async function imageFrames(image: ImageMade): Promise<PixelFrames> {
  const { pixels, samplesPerPixel = 1, bitsAllocated = 8 * pixels.BYTES_PER_ELEMENT, elements = [] } = image;
  const { bitsStored = bitsAllocated, highBit = bitsStored - 1, frames } = image;
  const number = (tag: number, value: number): NewElement => numberElement(tag, "US", value);
  const value = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const isFloat = pixels instanceof Float32Array;
  const all: NewElement[] = [
    textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    textElement(tags.sopInstanceUid, "UI", "2.25.1"),
    textElement(0x00100010, "PN", "Secret^Name"),
    number(tags.samplesPerPixel, samplesPerPixel),
    textElement(tags.photometricInterpretation, "CS", image.photometric ?? "MONOCHROME2"),
    ...(samplesPerPixel > 1 ? [number(tags.planarConfiguration, image.planarConfiguration ?? 0)] : []),
    ...(image.numberOfFrames === undefined
      ? []
      : [textElement(tags.numberOfFrames, "IS", String(image.numberOfFrames))]),
    number(tags.rows, image.rows ?? 4),
    number(tags.columns, image.columns ?? 8),
    number(tags.bitsAllocated, bitsAllocated),
    ...(isFloat ? [] : [number(tags.bitsStored, bitsStored), number(tags.highBit, highBit)]),
    ...(isFloat ? [] : [number(tags.pixelRepresentation, image.pixelRepresentation ?? 0)]),
    ...elements,
    isFloat
      ? { tag: tags.floatPixelData, vr: "OF", value }
      : {
          tag: tags.pixelData,
          vr: frames || bitsAllocated <= 8 ? "OB" : "OW",
          ...(frames ? { frames } : { value }),
        },
  ];
  const last = new Map(all.map((element) => [element.tag, element]));
  const sorted = [...last.values()].sort((a, b) => a.tag - b.tag);
  const file = encodePart10(sorted, image.transferSyntaxUid ?? explicitLittleEndianUid);
  return (await framesOf(await readDicom(new MemorySource(file))))!;
}

/** 8 x 4 samples of 16 bits. */
export const words = (at: (i: number) => number): Uint16Array =>
  Uint16Array.from({ length: 32 }, (_, i) => at(i));

export const windowElements = (
  center: number | string,
  width: number | string,
  shape?: string,
): NewElement[] => [
  textElement(0x00281050, "DS", String(center)),
  textElement(0x00281051, "DS", String(width)),
  ...(shape === undefined ? [] : [textElement(0x00281056, "CS", shape)]),
];
export const rescaleElements = (slope: string, intercept: string): NewElement[] => [
  textElement(0x00281052, "DS", intercept),
  textElement(0x00281053, "DS", slope),
];
export const lutElements = (
  descriptor: readonly number[],
  entries: readonly number[],
  bytes?: Uint8Array,
): NewElement[] => [
  numberElement(0x00283002, "US", ...descriptor),
  { tag: 0x00283006, vr: "OW", value: bytes ?? new Uint8Array(Uint16Array.from(entries).buffer) },
];
