/** The port through which frames are encoded again in the transfer syntax they came in, after the watermark has changed their samples. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { frameBytesMax } from "../limits.ts";
import { type PixelCodec, transferSyntaxOf } from "../transfer-syntax.ts";
import { canonicalFrameBytes, type ImageAttributes, isSubsampled422 } from "./image-attributes.ts";

export interface EncodeRequest {
  readonly transferSyntaxUid: string;
  readonly attributes: ImageAttributes;
  /** One frame as a `FrameDecoder` gives it: `canonicalFrameBytes(attributes, false)` bytes. Only read. */
  readonly samples: Bytes;
}

export interface EncodedFrame {
  /** One frame's codestream. RLE has even length by its own rules; the others are padded by the writer of fragments. */
  readonly codestream: Bytes;
}

/**
 * Encodes without loss only, whatever the transfer syntax allows besides: that the original was lossless, and a frame of JPEG 2000
 * (1.2.840.10008.1.2.4.91) or JPEG-LS near-lossless may be encoded so, is for the caller to know (`isReversible`).
 */
export interface FrameEncoder {
  /**
   * The codestream has been decoded again and gave `samples` bit for bit.
   * @throws ScansealError `unsupported` for a transfer syntax or samples there is no encoder for, `usage` for samples of another size
   * than the attributes say, `codec-failed` when the codec fails or its codestream decodes to something else, `limit-decode` over a
   * size or time limit
   */
  encode(request: EncodeRequest): Promise<EncodedFrame>;
}

/** Hierarchical or arithmetic (4.58), part 2 (4.92, 4.93): read where their codestreams are plain, never written. */
const neverWritten: ReadonlySet<string> = new Set(
  ["4.58", "4.92", "4.93"].map((tail) => `1.2.840.10008.1.2.${tail}`),
);
const written: ReadonlySet<PixelCodec> = new Set([
  "rle",
  "jpeg-lossless",
  "jpeg-ls",
  "jpeg-2000",
  "htj2k",
  "deflated-frame",
]);
const codecBitsMax = 16;

/**
 * Everything that can be checked before a thread is bothered.
 * @throws ScansealError `unsupported`, `usage`, `limit-decode`
 */
export function checkedCodec(request: EncodeRequest): PixelCodec {
  const { attributes, samples, transferSyntaxUid } = request;
  const codec = transferSyntaxOf(transferSyntaxUid)?.codec;
  if (codec === undefined || !written.has(codec) || neverWritten.has(transferSyntaxUid))
    throw new ScansealError("unsupported", "no encoder for the transfer syntax");
  const length = canonicalFrameBytes(attributes, codec === "deflated-frame");
  if (length > frameBytesMax) throw new ScansealError("limit-decode", "the frame is over the decoding limit");
  if (samples.length !== length)
    throw new ScansealError("usage", "samples of another size than the attributes say");
  if (codec === "deflated-frame") return codec;
  if (isSubsampled422(attributes)) throw new ScansealError("unsupported", "an encoder for 4:2:2 samples");
  if (codec === "rle") return codec;
  if (attributes.kind !== "integer" || attributes.bitsAllocated > codecBitsMax)
    throw new ScansealError("unsupported", "an encoder for samples of more than 16 bits");
  return codec;
}
