/** Decoding within a codec worker: the header is checked, the codec is called, its samples are brought to canonical form. */
import { constants, inflateRawSync } from "node:zlib";
import { checkedHeader } from "../../../dicom/pixel-data/codestream-header.ts";
import type { DecodeRequest } from "../../../dicom/pixel-data/decoder.ts";
import { canonicalFrameBytes } from "../../../dicom/pixel-data/image-attributes.ts";
import { unwrappedJ2k } from "../../../dicom/pixel-data/j2k-header.ts";
import { decodeJpegLossless } from "../../../dicom/pixel-data/jpeg-lossless.ts";
import { decodeRle } from "../../../dicom/pixel-data/rle.ts";
import { canonicalSamples, interleaved } from "../../../dicom/pixel-data/sample-layout.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { decodeWithWasm } from "./wasm-decoders.ts";

/** @throws ScansealError as `FrameDecoder.decode` */
export async function decodedFrame(request: DecodeRequest): Promise<Bytes> {
  const { attributes, codec, codestream } = request;
  const header = checkedHeader(request);
  switch (codec) {
    case "rle":
      return decodeRle(codestream, attributes);
    case "deflated-frame":
      return inflatedFrame(request);
    case "jpeg-lossless": {
      const { samples, precision } = decodeJpegLossless(codestream);
      const data = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
      return canonicalSamples(
        { data, bytesPerSample: 2, precision, signed: false, planar: false },
        attributes,
      );
    }
    case "jpeg-ls":
    case "jpeg-2000":
    case "htj2k": {
      const samples = await decodeWithWasm(
        codec,
        codec === "jpeg-ls" ? codestream : unwrappedJ2k(codestream),
      );
      if (samples.precision !== header?.precision || samples.signed !== header.signed) {
        throw new ScansealError("codec-failed", "the codec read another sample format than the markers say");
      }
      return canonicalSamples(samples, attributes);
    }
    default:
      throw new ScansealError("unsupported", `no decoder for ${codec}`);
  }
}

/** Deflated Image Frame Compression (PS3.5 annex A.4.12): a native frame in RFC 1951 form. */
function inflatedFrame({ attributes, codestream }: DecodeRequest): Bytes {
  const length = canonicalFrameBytes(attributes, true);
  let bytes: Bytes;
  try {
    // One byte of room beyond the frame's pad shows a stream that is too long.
    bytes = inflateRawSync(codestream, { maxOutputLength: length + 2, finishFlush: constants.Z_FINISH });
  } catch (error) {
    throw new ScansealError("codec-failed", "the deflated frame cannot be inflated", { cause: error });
  }
  if (bytes.length !== length && bytes.length !== length + (length % 2)) {
    throw new ScansealError("codec-failed", "the inflated frame has another size than the attributes say");
  }
  const frame = new Uint8Array(bytes.subarray(0, length));
  const planar = attributes.planarConfiguration === 1 && attributes.samplesPerPixel > 1;
  return planar ? interleaved(frame, attributes.samplesPerPixel, attributes.bitsAllocated / 8) : frame;
}
