/** The canonical bytes of a frame, the same before and after a lossless change of transfer syntax. */
import { ScansealError } from "../../foundation/errors.ts";
import { type PlanStep, swapped } from "../byte-plan.ts";
import { frameBytesMax } from "../limits.ts";
import type { DicomObject } from "../model.ts";
import type { FrameDecoder } from "./decoder.ts";
import type { EncapsulatedFrame } from "./encapsulated-frames.ts";
import { type NativeFrames, type PixelFrames, readCodestream } from "./frames.ts";
import { canonicalFrameBytes, type ImageAttributes, isSubsampled422 } from "./image-attributes.ts";
import { decodeRle } from "./rle.ts";
import { bitRange, interleaved } from "./sample-layout.ts";

/**
 * Little endian, bitsAllocated / 8 bytes a sample, colour-by-pixel, no padding; one-bit samples packed from bit 0 (PS3.5 section 8.1.1).
 * Native 4:2:2 stays as it is: two luminance samples, then one of each chrominance. Unused high bits of native frames stay as they are.
 * Native frames that are already so come as a range of `object.dataSource`, without a copy; big endian ones as a range to swap.
 *
 * @param index 0 to numberOfFrames - 1
 * @param decoder for JPEG lossless, JPEG-LS, JPEG 2000, HTJ2K and deflated frames; RLE and native frames need none
 * @throws ScansealError `unsupported` for lossy JPEG, JPEG XL, video, and where a decoder is needed and absent;
 * `codec-failed`, `limit-decode`; `usage` for an index out of range
 */
export async function canonicalFrame(
  frames: PixelFrames,
  index: number,
  decoder?: FrameDecoder,
): Promise<PlanStep> {
  const { object, attributes, layout } = frames;
  if (!Number.isInteger(index) || index < 0 || index >= attributes.numberOfFrames) {
    throw new ScansealError("usage", "no such frame");
  }
  if (layout.kind === "native") return nativeFrame(object, attributes, layout, index);
  if (layout.kind === "video") throw new ScansealError("unsupported", "frames of a video are not decoded");
  return encapsulatedFrame(object, attributes, layout.frames[index]!, decoder);
}

async function nativeFrame(
  object: DicomObject,
  attributes: ImageAttributes,
  layout: NativeFrames,
  index: number,
): Promise<PlanStep> {
  const { swap, frameBits } = layout;
  const firstBit = index * frameBits;
  const planar = isPlanar(attributes);
  const wholeUnits = firstBit % (8 * swap) === 0 && frameBits % (8 * swap) === 0;
  if (wholeUnits && !planar) return { offset: layout.offset + firstBit / 8, length: frameBits / 8, swap };
  if (frameBits / 8 > frameBytesMax)
    throw new ScansealError("limit-decode", "the frame is over the decoding limit");
  // The units that hold the frame: in big endian a frame may start inside a swapped word, a one-bit frame inside a byte.
  const firstByte = Math.floor(firstBit / (8 * swap)) * swap;
  const endByte = Math.ceil((firstBit + frameBits) / (8 * swap)) * swap;
  if (endByte > layout.length + layout.trailingBytes) {
    throw new ScansealError("pixel-length", "big endian pixel data that is not whole words");
  }
  const units = await object.dataSource.read(layout.offset + firstByte, endByte - firstByte);
  const little = swap === 1 ? units : swapped(units, swap);
  const frame = bitRange(little, firstBit - 8 * firstByte, frameBits);
  return planar ? interleaved(frame, attributes.samplesPerPixel, attributes.bitsAllocated / 8) : frame;
}

async function encapsulatedFrame(
  object: DicomObject,
  attributes: ImageAttributes,
  frame: EncapsulatedFrame,
  decoder: FrameDecoder | undefined,
): Promise<PlanStep> {
  const { codec, uid } = object.transferSyntax;
  switch (codec) {
    case "native":
      return encapsulatedNativeFrame(object, attributes, frame);
    case "rle":
      return decodeRle(await readCodestream(object, frame), attributes);
    case "jpeg-lossless":
    case "jpeg-ls":
    case "jpeg-2000":
    case "htj2k":
    case "deflated-frame":
      break;
    default:
      throw new ScansealError("unsupported", `frames in ${codec} are not decoded`);
  }
  if (decoder === undefined) throw new ScansealError("unsupported", `no decoder for ${codec}`);
  const length = canonicalFrameBytes(attributes, false);
  if (length > frameBytesMax) throw new ScansealError("limit-decode", "the frame is over the decoding limit");
  const codestream = await readCodestream(object, frame);
  const { samples } = await decoder.decode({ codec, transferSyntaxUid: uid, attributes, codestream });
  if (samples.length !== length) {
    throw new ScansealError("codec-failed", "the decoded frame has another size than the attributes say");
  }
  return samples;
}

/** Encapsulated Uncompressed Explicit VR Little Endian (PS3.5 annex A.4.11): native frames, one or more fragments each. */
async function encapsulatedNativeFrame(
  object: DicomObject,
  attributes: ImageAttributes,
  frame: EncapsulatedFrame,
): Promise<PlanStep> {
  const length = canonicalFrameBytes(attributes, true);
  if (frame.length !== length && frame.length !== length + (length % 2)) {
    throw new ScansealError(
      "pixel-length",
      "an encapsulated native frame of another length than its attributes say",
    );
  }
  const [first, ...others] = frame.fragments;
  if (others.length === 0 && !isPlanar(attributes)) return { offset: first!.valueOffset, length, swap: 1 };
  const bytes = (await readCodestream(object, frame)).subarray(0, length);
  return isPlanar(attributes)
    ? interleaved(bytes, attributes.samplesPerPixel, attributes.bitsAllocated / 8)
    : bytes;
}

function isPlanar(attributes: ImageAttributes): boolean {
  return (
    attributes.planarConfiguration === 1 && attributes.samplesPerPixel > 1 && !isSubsampled422(attributes)
  );
}
