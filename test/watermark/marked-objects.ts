/** Objects that can be marked, and what is done to them after they were sealed. */
import { findElement } from "../../src/dicom/elements.ts";
import { encodePart10, type NewElement, numberElement, textElement } from "../../src/dicom/encode.ts";
import { frameSamples } from "../../src/dicom/pixel-data/frame-samples.ts";
import { framesOf, type PixelFrames } from "../../src/dicom/pixel-data/frames.ts";
import { pixelDataElements } from "../../src/dicom/pixel-data/pixel-data-writer.ts";
import { samplesOf } from "../../src/dicom/pixel-data/sample-planes.ts";
import { type Edit, writeToBytes } from "../../src/dicom/splice.ts";
import { groupOf, tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { edited, parse } from "../evaluation/fixture.ts";
import { type FrameKind, makeFrame } from "./frames.ts";

export const jpegLsLosslessUid = "1.2.840.10008.1.2.4.80";
/** 12 by 12 tiles of 16 samples, 3 by 3 superblocks. */
export const side = 192;
export const tilesOfFrame = 144;

export interface ImageChoice {
  readonly colour?: "mono" | "rgb";
  /** Allocated bits follow. */
  readonly bits?: 8 | 12 | 16;
  readonly signed?: boolean;
  readonly frames?: readonly FrameKind[];
  /** Another one gives other pixels. */
  readonly seed?: number;
  readonly serialNumber?: string;
  readonly sopInstanceUid?: string;
}

/** Native, explicit little endian. */
export function image(choice: ImageChoice = {}): Bytes {
  const { colour = "mono", bits = 12, signed = false, frames = ["anatomy"], seed = 1 } = choice;
  const bitsAllocated = bits === 8 ? 8 : 16;
  const pixels = frames.map((kind, i) => {
    const frame = makeFrame({ width: side, height: side, bits, signed, colour, kind, seed: 100 * seed + i });
    return samplesOf({ ...frame, highBits: signed ? "sign" : "zero" }, { bitsAllocated });
  });
  const elements: readonly NewElement[] = [
    textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    textElement(tags.sopInstanceUid, "UI", choice.sopInstanceUid ?? "2.25.4711"),
    textElement(0x00080054, "AE", "SCANNER"),
    textElement(tags.modality, "CS", "OT"),
    textElement(tags.patientId, "LO", "4711"),
    textElement(0x00181000, "LO", choice.serialNumber ?? "nobody"),
    numberElement(tags.samplesPerPixel, "US", colour === "rgb" ? 3 : 1),
    textElement(tags.photometricInterpretation, "CS", colour === "rgb" ? "RGB" : "MONOCHROME2"),
    ...(colour === "rgb" ? [numberElement(tags.planarConfiguration, "US", 0)] : []),
    textElement(tags.numberOfFrames, "IS", `${frames.length}`),
    numberElement(tags.rows, "US", side),
    numberElement(tags.columns, "US", side),
    numberElement(tags.bitsAllocated, "US", bitsAllocated),
    numberElement(tags.bitsStored, "US", bits),
    numberElement(tags.highBit, "US", bits - 1),
    numberElement(tags.pixelRepresentation, "US", signed ? 1 : 0),
    {
      tag: tags.pixelData,
      vr: bitsAllocated === 8 ? "OB" : "OW",
      value: new Uint8Array(Buffer.concat(pixels)),
    },
  ];
  return encodePart10(elements, explicitLittleEndianUid);
}

/** The same image, its frames encoded. */
export async function encapsulated(native: Bytes, syntax: string, codecs: CodecPool): Promise<Bytes> {
  const object = await parse(native);
  const frames = (await framesOf(object))!;
  const codestreams: Bytes[] = [];
  for (const samples of await samplesIn(frames, codecs))
    codestreams.push(await codestreamOf(frames, samples, syntax, codecs));
  const elements = object.elements
    .filter(({ tag }) => tag !== tags.pixelData)
    .map(({ tag, vr, value }): NewElement => ({ tag, vr, value: value! }));
  return encodePart10([...elements, { tag: tags.pixelData, vr: "OB", frames: codestreams }], syntax);
}

async function codestreamOf(
  { attributes }: PixelFrames,
  samples: Bytes,
  transferSyntaxUid: string,
  codecs: CodecPool,
): Promise<Bytes> {
  return (await codecs.encode({ transferSyntaxUid, attributes, samples })).codestream;
}

async function samplesIn(frames: PixelFrames, codecs: CodecPool): Promise<Bytes[]> {
  const all: Bytes[] = [];
  for (let i = 0; i < frames.attributes.numberOfFrames; i++) {
    const samples = await frameSamples(frames, i, codecs);
    if ("reason" in samples) throw new Error(samples.reason);
    all.push(samples.slice());
  }
  return all;
}

/** Frames in canonical form. */
export async function framesIn(object: Bytes, codecs: CodecPool): Promise<Bytes[]> {
  return samplesIn((await framesOf(await parse(object)))!, codecs);
}

/** The object with other frames, in its own transfer syntax; nothing else changes. */
export async function withFrames(
  object: Bytes,
  change: (frames: Bytes[]) => readonly Bytes[] | undefined,
  codecs: CodecPool,
): Promise<Bytes> {
  const parsed = await parse(object);
  const frames = (await framesOf(parsed))!;
  const all = await samplesIn(frames, codecs);
  const changed = change(all) ?? all;
  const { uid, encapsulated: isEncapsulated } = parsed.transferSyntax;
  const written: Bytes[] = [];
  for (const samples of changed)
    written.push(isEncapsulated ? await codestreamOf(frames, samples, uid, codecs) : samples);
  const edits = pixelDataElements(frames, written).map((element): Edit => ({ kind: "put", element }));
  return writeToBytes(parsed, edits);
}

/** Manifest, containers and DICOM signature gone, as a de-identifier or an archive without private elements leaves it. */
export async function withoutSeal(sealed: Bytes): Promise<Bytes> {
  const { elements } = await parse(sealed);
  const isSeal = (tag: number): boolean =>
    groupOf(tag) === 0x0071 || tag === tags.macParametersSequence || tag === tags.digitalSignaturesSequence;
  return edited(
    sealed,
    elements.filter(({ tag }) => isSeal(tag)).map(({ tag }): Edit => ({ kind: "remove", path: [tag] })),
  );
}

/** One container of the seal (its low byte) gone, or with other content. */
export async function withContainer(sealed: Bytes, low: number, content?: Bytes): Promise<Bytes> {
  const { elements } = await parse(sealed);
  const { tag } = elements.find((one) => groupOf(one.tag) === 0x0071 && (one.tag & 0xff) === low)!;
  if (!content) return edited(sealed, [{ kind: "remove", path: [tag] }]);
  const prefixed = new Uint8Array(4 + content.length + (content.length % 2));
  new DataView(prefixed.buffer).setUint32(0, content.length, true);
  prefixed.set(content, 4);
  return edited(sealed, [{ kind: "put", element: { tag, vr: "OB", value: prefixed } }]);
}

/** What is in a container, without its length. */
export async function containerOf(sealed: Bytes, low: number): Promise<Bytes> {
  const { elements } = await parse(sealed);
  const { tag } = elements.find((one) => groupOf(one.tag) === 0x0071 && (one.tag & 0xff) === low)!;
  const value = findElement(elements, tag)!.value!;
  const length = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
  return value.subarray(4, 4 + length);
}
