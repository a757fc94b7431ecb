/** One frame's bytes for a reader (WADO-RS frames, PS3.18 10.4), of an object that was verified: nothing of the other frames is read. */

import { swapped } from "../../dicom/byte-plan.ts";
import { canonicalFrame } from "../../dicom/pixel-data/canonical-frames.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import type { EncapsulatedFrame } from "../../dicom/pixel-data/encapsulated-frames.ts";
import type { NativeFrames, PixelFrames } from "../../dicom/pixel-data/frames.ts";
import { type ImageAttributes, isSubsampled422 } from "../../dicom/pixel-data/image-attributes.ts";
import { byPlane } from "../../dicom/pixel-data/sample-layout.ts";
import { type ByteSource, readChunks } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

const explicitLittleEndian = "1.2.840.10008.1.2.1";

export interface FrameBytes {
  /** What `chunks` are encoded in. */
  readonly transferSyntaxUid: string;
  /** Exact number of bytes. */
  readonly length: number;
  /** Pieces of at most a megabyte where they come from the file; each is valid until the next one is asked for. @throws ScansealError `io` */
  chunks(): AsyncIterable<Bytes>;
}

/**
 * As the object has it: the codestream of an encapsulated frame with the object's transfer syntax; of native pixels the frame in
 * explicit little endian.
 * @param index from 0
 * @throws ScansealError `usage` where there is no such frame, `unsupported` for videos: their frames have no bytes of their own
 */
export async function storedFrame(frames: PixelFrames, index: number): Promise<FrameBytes> {
  checkIndex(frames, index);
  const { object, layout } = frames;
  if (layout.kind === "native") return nativeFrame(frames, index, undefined);
  if (layout.kind === "video") throw new ScansealError("unsupported", "frames of a video have no bytes");
  const frame = layout.frames[index]!;
  return {
    transferSyntaxUid: object.transferSyntax.uid,
    length: frame.length,
    chunks: () => codestreamChunks(object.dataSource, frame),
  };
}

/**
 * Decoded, in explicit little endian, its samples by colour or by plane as Planar Configuration says. A reversible colour transform
 * of the codestream is undone (YBR_RCT comes as RGB).
 * @param index from 0
 * @throws ScansealError `usage` where there is no such frame, `unsupported` where no codec decodes it, `codec-failed`, `limit-decode`, `io`
 */
export async function nativeFrame(
  frames: PixelFrames,
  index: number,
  decoder: FrameDecoder | undefined,
): Promise<FrameBytes> {
  checkIndex(frames, index);
  const { object, attributes, layout } = frames;
  const source = object.dataSource;
  if (layout.kind === "native") {
    const range = byteRange(layout, index);
    if (range !== undefined) return rangeBytes(source, range.offset, range.length, layout.swap);
  }
  const step = await canonicalFrame(frames, index, decoder);
  const isPlanar = isByPlane(attributes);
  if (!(step instanceof Uint8Array) && !isPlanar)
    return rangeBytes(source, step.offset, step.length, step.swap);
  const bytes = step instanceof Uint8Array ? step : await source.read(step.offset, step.length);
  return wholeBytes(
    isPlanar ? byPlane(bytes, attributes.samplesPerPixel, attributes.bitsAllocated / 8) : bytes,
  );
}

function checkIndex({ attributes }: PixelFrames, index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= attributes.numberOfFrames)
    throw new ScansealError("usage", "no such frame");
}

/** Native samples of this object lie plane by plane. */
export function isByPlane(attributes: ImageAttributes): boolean {
  return (
    attributes.planarConfiguration === 1 && attributes.samplesPerPixel > 1 && !isSubsampled422(attributes)
  );
}

/** Undefined where a frame starts or ends inside a byte or a swapped word. */
export function byteRange(
  { offset, frameBits, swap }: NativeFrames,
  index: number,
): { offset: number; length: number } | undefined {
  const unit = 8 * swap;
  const firstBit = index * frameBits;
  if (firstBit % unit !== 0 || frameBits % unit !== 0) return undefined;
  return { offset: offset + firstBit / 8, length: frameBits / 8 };
}

function rangeBytes(source: ByteSource, offset: number, length: number, swap: 1 | 2 | 4 | 8): FrameBytes {
  return {
    transferSyntaxUid: explicitLittleEndian,
    length,
    async *chunks(): AsyncGenerator<Bytes> {
      // A chunk is a whole number of words: a megabyte, or the end.
      for await (const chunk of readChunks(source, offset, length))
        yield swap === 1 ? chunk : swapped(chunk, swap);
    },
  };
}

function wholeBytes(bytes: Bytes): FrameBytes {
  return {
    transferSyntaxUid: explicitLittleEndian,
    length: bytes.length,
    async *chunks(): AsyncGenerator<Bytes> {
      yield bytes;
    },
  };
}

async function* codestreamChunks(source: ByteSource, frame: EncapsulatedFrame): AsyncGenerator<Bytes> {
  let left = frame.length;
  for (const { valueOffset, length } of frame.fragments) {
    const taken = Math.min(left, length);
    yield* readChunks(source, valueOffset, taken);
    left -= taken;
  }
}
