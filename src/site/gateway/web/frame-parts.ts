/** Frames and bulk values of a verified object, in a form that the reader takes. */
import { swapped } from "../../../dicom/byte-plan.ts";
import type { DataElement, DicomObject } from "../../../dicom/model.ts";
import type { FrameDecoder } from "../../../dicom/pixel-data/decoder.ts";
import type { PixelFrames } from "../../../dicom/pixel-data/frames.ts";
import { explicitLittleEndianUid, type PixelCodec } from "../../../dicom/transfer-syntax.ts";
import { vrTraits } from "../../../dicom/vr.ts";
import { readChunks } from "../../../foundation/byte-source.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import type { FrameForm, GivenPart } from "../../../web-api/dicomweb/ports.ts";
import { type FrameBytes, nativeFrame, storedFrame } from "../../rendering/frame-bytes.ts";

/** PS3.18 table 8.7.3-5. */
const codestreamTypes: Partial<Record<PixelCodec, string>> = {
  jpeg: "image/jpeg",
  "jpeg-lossless": "image/jpeg",
  "jpeg-ls": "image/jls",
  "jpeg-2000": "image/jp2",
  htj2k: "image/jphc",
  "jpeg-xl": "image/jxl",
  rle: "image/dicom-rle",
};

const octets = "application/octet-stream";

export interface ChosenForm {
  readonly type: string;
  readonly isDecoded: boolean;
}

/** The first form that can be had. */
export function chooseForm(
  { transferSyntax }: DicomObject,
  forms: readonly FrameForm[],
): ChosenForm | undefined {
  const { uid, encapsulated, codec } = transferSyntax;
  for (const { type, transferSyntaxes } of forms) {
    const isAsKept = transferSyntaxes === "any" || transferSyntaxes.includes(uid);
    if (type !== octets) {
      if (isAsKept && encapsulated && codestreamTypes[codec] === type) return { type, isDecoded: false };
    } else if (isAsKept) return { type, isDecoded: false };
    else if (transferSyntaxes.includes(explicitLittleEndianUid)) return { type, isDecoded: true };
  }
  return undefined;
}

/** @param wanted from 1 @throws ScansealError of `storedFrame` and `nativeFrame` */
export async function frameParts(
  frames: PixelFrames,
  wanted: readonly number[],
  { type, isDecoded }: ChosenForm,
  decoder: FrameDecoder,
): Promise<AsyncIterable<GivenPart>> {
  const part = async (number: number): Promise<GivenPart> => {
    const index = number - 1;
    const frame = isDecoded ? await nativeFrame(frames, index, decoder) : await storedFrame(frames, index);
    return partOf(frame, type);
  };
  // The status is said before the first one: what cannot be had shows here.
  const first = await part(wanted[0]!);
  return (async function* () {
    yield first;
    for (const number of wanted.slice(1)) yield await part(number);
  })();
}

function partOf({ transferSyntaxUid, length, chunks }: FrameBytes, type: string): GivenPart {
  return { contentType: `${type}; transfer-syntax=${transferSyntaxUid}`, length, bytes: chunks() };
}

/** @param path as in "54000100/0/54001010" @returns undefined for a path to nothing, to a sequence, or to encapsulated pixel data, which has frames */
export function bulkPart(object: DicomObject, path: string): GivenPart | undefined {
  const element = elementAt(object, path.split("/"));
  if (!element || element.items || element.fragments) return undefined;
  const { encoding, vr, valueOffset, length, value } = element;
  const unit = encoding.bigEndian ? vrTraits[vr].width : 1;
  const { dataSource } = object;
  async function* bytes(): AsyncGenerator<Bytes> {
    const chunks = value ? [value] : readChunks(dataSource, valueOffset, length);
    for await (const chunk of chunks) yield unit > 1 && length % unit === 0 ? swapped(chunk, unit) : chunk;
  }
  return { contentType: octets, length, bytes: bytes() };
}

function elementAt(object: DicomObject, [first = "", ...rest]: readonly string[]): DataElement | undefined {
  const find = (elements: readonly DataElement[], tag: string): DataElement | undefined =>
    elements.find((one) => one.tag === Number.parseInt(tag, 16));
  let element = find(object.elements, first);
  for (let i = 0; i + 1 < rest.length; i += 2) {
    const item = element?.items?.[Number(rest[i])];
    element = item && find(item.elements, rest[i + 1]!);
  }
  return element;
}
