/** A native multi-frame object of any size: a real header, and pixels that take no room on the disk until somebody writes them. */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import {
  encodeHeader,
  encodePart10,
  type NewElement,
  numberElement,
  textElement,
} from "../src/dicom/encode.ts";
import { tags } from "../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../src/dicom/transfer-syntax.ts";
import { concatBytes } from "../src/foundation/bytes.ts";

const multiFrameGrayscaleWord = "1.2.840.10008.5.1.4.1.1.7.3";
/** 512 x 512 x 16 bits. */
export const frameBytes = 524_288;

function elements(frames: number, bitsStored: number): NewElement[] {
  return [
    textElement(tags.sopClassUid, "UI", multiFrameGrayscaleWord),
    textElement(tags.sopInstanceUid, "UI", `2.25.${frames}`),
    textElement(tags.modality, "CS", "OT"),
    textElement(tags.patientName, "PN", "Large^Object"),
    textElement(tags.patientId, "LO", "LARGE"),
    textElement(tags.studyInstanceUid, "UI", "2.25.1"),
    textElement(tags.seriesInstanceUid, "UI", "2.25.2"),
    numberElement(tags.samplesPerPixel, "US", 1),
    textElement(tags.photometricInterpretation, "CS", "MONOCHROME2"),
    textElement(tags.numberOfFrames, "IS", String(frames)),
    numberElement(tags.rows, "US", 512),
    numberElement(tags.columns, "US", 512),
    numberElement(tags.bitsAllocated, "US", 16),
    numberElement(tags.bitsStored, "US", bitsStored),
    numberElement(tags.highBit, "US", bitsStored - 1),
    numberElement(tags.pixelRepresentation, "US", 0),
  ];
}

/**
 * Writes the object.
 * @param images of one frame each, over and over; none: pixels are zeros
 * @param bitsStored of the images
 * @returns its size in bytes
 */
export function writeLargeObject(
  path: string,
  frames: number,
  images: readonly Uint8Array[] = [],
  bitsStored = 16,
): number {
  const length = frames * frameBytes;
  const head = concatBytes([
    encodePart10(elements(frames, bitsStored), explicitLittleEndianUid),
    encodeHeader(tags.pixelData, "OW", length, { explicit: true, bigEndian: false }),
  ]);
  const file = openSync(path, "w");
  writeSync(file, head);
  if (images.length === 0) ftruncateSync(file, head.length + length);
  else for (let i = 0; i < frames; i++) writeSync(file, images[i % images.length]!);
  closeSync(file);
  return head.length + length;
}
