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

function elements(frames: number): NewElement[] {
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
    numberElement(tags.bitsStored, "US", 16),
    numberElement(tags.highBit, "US", 15),
    numberElement(tags.pixelRepresentation, "US", 0),
  ];
}

/** Writes the object; its pixels are zeros. @returns its size in bytes */
export function writeLargeObject(path: string, frames: number): number {
  const length = frames * frameBytes;
  const head = concatBytes([
    encodePart10(elements(frames), explicitLittleEndianUid),
    encodeHeader(tags.pixelData, "OW", length, { explicit: true, bigEndian: false }),
  ]);
  const file = openSync(path, "w");
  writeSync(file, head);
  ftruncateSync(file, head.length + length);
  closeSync(file);
  return head.length + length;
}
