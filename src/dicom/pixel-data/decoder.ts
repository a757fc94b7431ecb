/** The port through which encapsulated frames are decoded. Decoding is for looking, for the watermark and for recognising a lossless transcode. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { PixelCodec } from "../transfer-syntax.ts";
import type { ImageAttributes } from "./image-attributes.ts";

export interface DecodeRequest {
  readonly codec: PixelCodec;
  readonly transferSyntaxUid: string;
  readonly attributes: ImageAttributes;
  /** One frame's fragments, joined. Only read. */
  readonly codestream: Bytes;
}

export interface DecodedFrame {
  /**
   * Little endian, bitsAllocated / 8 bytes a sample, colour-by-pixel; one-bit samples packed as in PS3.5 section 8.1.1.
   * Exactly `canonicalFrameBytes(attributes, false)` bytes. No colour conversion beyond what the codestream itself prescribes
   * (a reversible component transform is undone). Unused high bits: see `canonicalSamples`.
   */
  readonly samples: Bytes;
}

/**
 * A corrupted codestream may decode to *some* pixels without an error (OpenJPEG and OpenJPH do so nearly always):
 * what a decoder returns proves nothing about the integrity of what it was given.
 */
export interface FrameDecoder {
  /**
   * @throws ScansealError `codec-failed` when the codestream cannot be decoded to what the attributes say,
   * `limit-decode` over a size or time limit, `unsupported` for a codec that is not there
   */
  decode(request: DecodeRequest): Promise<DecodedFrame>;
}
