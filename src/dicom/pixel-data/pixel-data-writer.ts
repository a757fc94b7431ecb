/** Pixel Data with new frames in the form of the old: native, or encapsulated with the offset table the object had. */
import { type Bytes, concatBytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type PlanStep, planLength } from "../byte-plan.ts";
import { fragmentHeaderBytes, type NewElement, offsetMax } from "../encode.ts";
import { tags } from "../tags.ts";
import type { EncapsulatedFrames, NativeFrames, PixelFrames } from "./frames.ts";
import { canonicalFrameBytes, isSubsampled422 } from "./image-attributes.ts";
import { byPlane } from "./sample-layout.ts";

/**
 * The elements to `put` (src/dicom/splice.ts) so that the object holds these frames: Pixel Data, and the Extended Offset Table with its
 * lengths where the object had one.
 *
 * Encapsulated: `frames` are codestreams, each becomes one fragment, padded to even length; the Basic Offset Table is filled or empty as
 * it was. Ranges of `object.dataSource` stand for frames that stay.
 * Native: `frames` are canonical frames (`canonicalFrame`); planar configuration and byte order become the object's. One-bit samples
 * are not written.
 *
 * @throws ScansealError `usage` for another number of frames or native frames of another size, `unsupported` for videos, one-bit
 * native samples and ranges that would have to be rearranged
 */
export function pixelDataElements(original: PixelFrames, frames: readonly PlanStep[]): NewElement[] {
  const { attributes, layout } = original;
  if (frames.length !== attributes.numberOfFrames)
    throw new ScansealError("usage", "another number of frames than the attributes say");
  switch (layout.kind) {
    case "native":
      return [nativePixelData(original, layout, frames)];
    case "encapsulated":
      return encapsulatedPixelData(layout, frames);
    case "video":
      throw new ScansealError("unsupported", "frames of a video are not written");
  }
}

function encapsulatedPixelData(layout: EncapsulatedFrames, frames: readonly PlanStep[]): NewElement[] {
  const offsets: number[] = [];
  let end = 0;
  for (const { length } of frames) {
    if (length === 0) throw new ScansealError("usage", "an empty frame");
    offsets.push(end);
    end += fragmentHeaderBytes + length + (length % 2);
  }
  const extended = layout.mapping === "extended-offset-table";
  // PS3.5 annex A.4: the table may be empty, and is where 32 bits do not suffice.
  const basic = layout.mapping === "basic-offset-table" && offsets.at(-1)! <= offsetMax;
  const pixelData: NewElement = {
    tag: tags.pixelData,
    vr: "OB",
    frames,
    offsetTable: basic ? "offsets" : "empty",
  };
  if (!extended) return [pixelData];
  // PS3.3 C.7.6.3.1.8: lengths are without the pad.
  const lengths = frames.map(({ length }) => length);
  return [
    { tag: tags.extendedOffsetTable, vr: "OV", value: numbers64(offsets) },
    { tag: tags.extendedOffsetTableLengths, vr: "OV", value: numbers64(lengths) },
    pixelData,
  ];
}

function numbers64(numbers: readonly number[]): Bytes {
  const out = new Uint8Array(8 * numbers.length);
  const view = viewOf(out);
  numbers.forEach((n, i) => {
    view.setBigUint64(8 * i, BigInt(n), true);
  });
  return out;
}

function nativePixelData(
  { element, attributes }: PixelFrames,
  layout: NativeFrames,
  frames: readonly PlanStep[],
): NewElement {
  const { samplesPerPixel, bitsAllocated } = attributes;
  if (bitsAllocated === 1)
    throw new ScansealError("unsupported", "native samples of one bit are not written");
  const length = canonicalFrameBytes(attributes, true);
  if (frames.some((frame) => frame.length !== length))
    throw new ScansealError("usage", "a frame of another size than the attributes say");
  const planar = attributes.planarConfiguration === 1 && samplesPerPixel > 1 && !isSubsampled422(attributes);
  const rearranged = planar || layout.swap > 1;
  const pieces = frames.map((frame) => {
    if (!rearranged) return frame;
    if (!(frame instanceof Uint8Array))
      throw new ScansealError("unsupported", "a range of samples that would have to be rearranged");
    return planar ? byPlane(frame, samplesPerPixel, bitsAllocated / 8) : frame;
  });
  const { tag, vr } = element;
  // Big endian words may reach over the end of a frame: the whole value is swapped at once.
  if (layout.swap > 1) return { tag, vr, value: concatBytes(pieces as Bytes[]) };
  // PS3.5 section 8.1.1: padded to even length.
  if (planLength(pieces) % 2 === 1) pieces.push(new Uint8Array(1));
  return { tag, vr, pieces };
}
