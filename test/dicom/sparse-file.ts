/** A multi-frame object of any size that takes no room on disk: its pixels are a hole in the file. */
import { truncateSync, writeFileSync } from "node:fs";
import { encodeMeta } from "../../src/dicom/encode.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { concatBytes, fromLatin1, u16le } from "../../src/foundation/bytes.ts";
import { explicitLittle, text } from "./malformed-samples.ts";
import { encodeSample, type SampleElement, sampleHeader } from "./sample-object.ts";

const multiFrameGrayscaleWord = "1.2.840.10008.5.1.4.1.1.7.3";

/** 512 x 512 pixels of 16 bits a frame. @returns the file's size */
export function writeSparseMultiFrame(path: string, frames: number): number {
  const us = (tag: number, value: number): SampleElement => ({ tag, vr: "US", value: u16le(value) });
  const count = String(frames);
  const elements = [
    text(0x00080016, "UI", `${multiFrameGrayscaleWord}\0`),
    text(0x00080018, "UI", "1.2.3.4\0"),
    us(0x00280002, 1),
    text(0x00280004, "CS", "MONOCHROME2 "),
    text(0x00280008, "IS", count.padEnd(count.length + (count.length % 2))),
    us(0x00280010, 512),
    us(0x00280011, 512),
    us(0x00280100, 16),
    us(0x00280101, 16),
    us(0x00280102, 15),
    us(0x00280103, 0),
  ];
  const pixelBytes = frames * 512 * 512 * 2;
  const head = concatBytes([
    encodeMeta(fromLatin1(multiFrameGrayscaleWord), fromLatin1("1.2.3.4"), explicitLittleEndianUid),
    encodeSample(elements, explicitLittle),
    sampleHeader(0x7fe00010, "OW", pixelBytes, explicitLittle),
  ]);
  writeFileSync(path, head);
  truncateSync(path, head.length + pixelBytes);
  return head.length + pixelBytes;
}
