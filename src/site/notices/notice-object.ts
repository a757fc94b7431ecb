/** A notice as a DICOM object: Secondary Capture Image (PS3.3 A.8.1), sealed by the site's key for notices. */
import { encodePart10, numberElement } from "../../dicom/encode.ts";
import { elementsOfJson } from "../../dicom/json/from-json.ts";
import type { JsonDataSet, JsonElement } from "../../dicom/json/json-model.ts";
import { readDicom } from "../../dicom/read.ts";
import { writeToBytes } from "../../dicom/splice.ts";
import { tags } from "../../dicom/tags.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, toHex, utf8 } from "../../foundation/bytes.ts";
import type { Crypto, Random } from "../../foundation/crypto.ts";
import { type SealingDevice, type SealingPorts, sealObject } from "../../sealing/seal.ts";
import { secondaryCaptureClass } from "../../zero-trust/gateway/reading/notice.ts";
import type { Picture } from "./notice-picture.ts";
import { subjectOf } from "./notice-subject.ts";

export interface NoticeNames {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
}

export interface NoticeContent extends NoticeNames {
  readonly lines: readonly string[];
  readonly picture: Picture;
  /** What is known of patient and study; more of it than these is not used. */
  readonly subject: JsonDataSet;
  readonly at: Date;
  readonly softwareVersion: string;
}

/** All notices of a study are in one series, so that a viewer shows one more and not ten. */
export function noticeSeriesUid(studyInstanceUid: string, crypto: Crypto): string {
  return uidOf(crypto.hash("SHA-256", utf8(`scanseal notices of ${studyInstanceUid}`)));
}

export function newNoticeUid(random: Random): string {
  return uidOf(random.bytes(16));
}

/** PS3.5 B.2, by the first 128 bits. */
function uidOf(bytes: Bytes): string {
  return `2.25.${BigInt(`0x${toHex(bytes.subarray(0, 16))}`)}`;
}

/** @param transferSyntaxUid implicit or explicit little endian @returns the Part 10 file; the same content gives the same bytes */
export function noticeFile(content: NoticeContent, transferSyntaxUid: string): Bytes {
  const { width, height, samples } = content.picture;
  const elements = elementsOfJson({ ...subjectOf(content.subject), ...textAttributes(content) });
  const us = (tag: number, ...numbers: readonly number[]) => numberElement(tag, "US", ...numbers);
  return encodePart10(
    [
      ...elements,
      us(0x00280002, 1),
      us(0x00280010, height),
      us(0x00280011, width),
      us(0x00280100, 8),
      us(0x00280101, 8),
      us(0x00280102, 7),
      us(0x00280103, 0),
      { tag: tags.pixelData, vr: "OB", value: samples },
    ],
    transferSyntaxUid,
  );
}

/** @throws ScansealError what the signer or the counter throws */
export async function sealedNotice(
  file: Bytes,
  device: SealingDevice & { readonly type: "notice" },
  ports: SealingPorts,
  nextCounter: () => number,
): Promise<Bytes> {
  const original = await readDicom(new MemorySource(file));
  const { object, edits } = await sealObject(original, device, ports, { nextCounter });
  return writeToBytes(object, edits);
}

function textAttributes({
  at,
  lines,
  softwareVersion,
  ...names
}: NoticeContent): Readonly<Record<string, JsonElement>> {
  const text = (vr: string, ...Value: readonly string[]): JsonElement => ({ vr, Value });
  const date = text("DA", localDate(at));
  const time = text("TM", localTime(at));
  return {
    "00080008": text("CS", "DERIVED", "SECONDARY"),
    "00080012": date,
    "00080013": time,
    "00080016": text("UI", secondaryCaptureClass),
    "00080018": text("UI", names.sopInstanceUid),
    "00080021": date,
    "00080023": date,
    "00080031": time,
    "00080033": time,
    "00080060": text("CS", "OT"),
    "00080064": text("CS", "SYN"),
    "00080070": text("LO", "Scanseal"),
    "0008103E": text("LO", "Scanseal: read this first"),
    "00081090": text("LO", "Gate"),
    "00181016": text("LO", "Scanseal"),
    "00181018": text("LO", "Gate"),
    "00181019": text("LO", softwareVersion),
    "0020000D": text("UI", names.studyInstanceUid),
    "0020000E": text("UI", names.seriesInstanceUid),
    // Viewers that go by numbers show it first.
    "00200011": text("IS", "0"),
    // The newest last.
    "00200013": text("IS", String(minutesSince2000(at))),
    "00200020": { vr: "CS" },
    // Type 2C, and checkers that cannot know want it.
    "00200060": { vr: "CS" },
    "00204000": text("LT", lines.join("\r\n")),
    "00280004": text("CS", "MONOCHROME2"),
    // It names no patient (PS3.3 C.7.6.1).
    "00280301": text("CS", "NO"),
    "00280302": text("CS", "NO"),
    // All shades as they are (PS3.3 C.11.2.1.2).
    "00281050": text("DS", "128"),
    "00281051": text("DS", "256"),
    "00282110": text("CS", "00"),
  };
}

/** DICOM's dates and times are local where no time zone is stated, and a stated one would hold for the study's too (PS3.3 C.12.1.1.1). */
function localDate(at: Date): string {
  return `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
}

function localTime(at: Date): string {
  return `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}

function minutesSince2000(at: Date): number {
  return Math.max(0, Math.floor((at.getTime() - Date.UTC(2000, 0)) / 60_000));
}
