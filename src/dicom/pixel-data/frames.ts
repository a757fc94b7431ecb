/** Which bytes of the data set are which frame. */
import type { Bytes } from "../../foundation/bytes.ts";
import { concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { frameBytesMax } from "../limits.ts";
import type { DataElement, DicomObject } from "../model.ts";
import { vrTraits } from "../vr.ts";
import { type EncapsulatedFrame, type FrameMapping, mapFragments } from "./encapsulated-frames.ts";
import {
  type ImageAttributes,
  imageAttributesOf,
  nativeFrameBits,
  nativeLength,
  pixelElementOf,
} from "./image-attributes.ts";

/** Pixels that are not encapsulated: frames follow each other. */
export interface NativeFrames {
  readonly kind: "native";
  /** In `object.dataSource`. */
  readonly offset: number;
  /** Exact bytes of all frames. */
  readonly length: number;
  readonly frameBits: number;
  /**
   * Every frame starts at a byte. When false (one-bit frames whose number of pixels is no multiple of 8) the byte ranges of frames
   * overlap: for hashing bytes the whole pixel data is the unit, for decoding `canonicalFrame` moves each frame's bits.
   */
  readonly aligned: boolean;
  /** Width in bytes of the units in big endian order: the VR's (OW: 16-bit words whatever the samples are, PS3.5 section 6.2). 1 in little endian. */
  readonly swap: 1 | 2 | 4 | 8;
  /** Bytes of the value after the last frame: a pad to even length (PS3.5 section 8.1.1), or what the caller's tolerances let pass. */
  readonly trailingBytes: number;
}

export interface EncapsulatedFrames {
  readonly kind: "encapsulated";
  readonly frames: readonly EncapsulatedFrame[];
  readonly mapping: FrameMapping;
}

/** A video: one stream over all fragments, in which frames have no bytes of their own. */
export interface VideoStream {
  readonly kind: "video";
  readonly stream: EncapsulatedFrame;
}

export interface PixelFrames {
  readonly object: DicomObject;
  readonly element: DataElement;
  readonly attributes: ImageAttributes;
  readonly layout: NativeFrames | EncapsulatedFrames | VideoStream;
}

/**
 * @returns undefined when the object has no pixel data at top level
 * @throws ScansealError `pixel-attributes`, `pixel-length`, `encapsulation-invalid`, `unsupported`
 */
export async function framesOf(object: DicomObject): Promise<PixelFrames | undefined> {
  const element = pixelElementOf(object);
  const attributes = imageAttributesOf(object);
  if (element === undefined || attributes === undefined) return undefined;
  const { encapsulated, codec } = object.transferSyntax;
  const place = { tag: element.tag, offset: element.offset };
  if (encapsulated !== (element.fragments !== undefined)) {
    throw new ScansealError(
      "encapsulation-invalid",
      "pixel data that its transfer syntax does not allow",
      place,
    );
  }
  if (element.fragments === undefined)
    return { object, element, attributes, layout: nativeFrames(element, attributes) };
  if (codec === "video") {
    const fragments = element.fragments.slice(1);
    const length = fragments.reduce((sum, fragment) => sum + fragment.length, 0);
    return { object, element, attributes, layout: { kind: "video", stream: { fragments, length } } };
  }
  const { frames, mapping } = await mapFragments(object, element, attributes.numberOfFrames);
  return { object, element, attributes, layout: { kind: "encapsulated", frames, mapping } };
}

function nativeFrames(element: DataElement, attributes: ImageAttributes): NativeFrames {
  const length = nativeLength(attributes);
  if (length > element.length) {
    throw new ScansealError("pixel-length", "pixel data is shorter than its attributes say", {
      tag: element.tag,
      offset: element.offset,
    });
  }
  const frameBits = nativeFrameBits(attributes);
  return {
    kind: "native",
    offset: element.valueOffset,
    length,
    frameBits,
    aligned: frameBits % 8 === 0 || attributes.numberOfFrames === 1,
    swap: swapWidth(element),
    trailingBytes: element.length - length,
  };
}

function swapWidth(element: DataElement): 1 | 2 | 4 | 8 {
  if (!element.encoding.bigEndian) return 1;
  if (element.vr === "UN") {
    throw new ScansealError("unsupported", "big endian pixel data of unknown VR", { tag: element.tag });
  }
  return vrTraits[element.vr].width;
}

/**
 * The bytes of one encapsulated frame, its fragments joined.
 * @throws ScansealError `limit-decode` over `frameBytesMax`
 */
export async function readCodestream(object: DicomObject, frame: EncapsulatedFrame): Promise<Bytes> {
  if (frame.length > frameBytesMax) {
    throw new ScansealError("limit-decode", "the compressed frame is over the decoding limit");
  }
  const parts: Bytes[] = [];
  let left = frame.length;
  for (const fragment of frame.fragments) {
    const length = Math.min(left, fragment.length);
    parts.push(await object.dataSource.read(fragment.valueOffset, length));
    left -= length;
  }
  return parts.length === 1 ? parts[0]! : concatBytes(parts);
}
