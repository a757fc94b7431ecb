/** Encoding within a codec worker. Nothing leaves it that does not decode to exactly what was to be encoded. */
import { deflateRawSync } from "node:zlib";
import { isReversible } from "../../../dicom/pixel-data/codestream-header.ts";
import { checkedCodec, type EncodeRequest } from "../../../dicom/pixel-data/encoder.ts";
import type { ImageAttributes } from "../../../dicom/pixel-data/image-attributes.ts";
import { assembledJ2k, type J2kFrame, j2kPlanes } from "../../../dicom/pixel-data/j2k-assembly.ts";
import { bestPredictor, encodeJpegLossless } from "../../../dicom/pixel-data/jpeg-lossless-encoder.ts";
import { encodeRle } from "../../../dicom/pixel-data/rle-encoder.ts";
import { byPlane } from "../../../dicom/pixel-data/sample-layout.ts";
import { storedValues } from "../../../dicom/pixel-data/stored-values.ts";
import { type PixelCodec, transferSyntaxOf } from "../../../dicom/transfer-syntax.ts";
import { type Bytes, equalBytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { decodedFrame } from "./frame-decoding.ts";
import { encodeJpegLs, encodePlane } from "./wasm-encoders.ts";

/** JPEG Lossless, Process 14. The other syntax of the process is for selection value 1. */
const anyPredictorUid = "1.2.840.10008.1.2.4.57";
/** High-Throughput JPEG 2000 with RPCL Options, Lossless Only. */
const htj2kRpclUid = "1.2.840.10008.1.2.4.202";
const j2kLevelsMax = 5;
/** The lowest resolution of HTJ2K with RPCL options is for thumbnails. */
const thumbnailMax = 64;
/** T.800 table A.21: the largest precinct; several in a resolution are in another order than ours with several components. */
const precinctMax = 1 << 15;

/** @throws ScansealError as `FrameEncoder.encode` */
export async function encodedFrame(request: EncodeRequest): Promise<Bytes> {
  const codec = checkedCodec(request);
  const { attributes, samples, transferSyntaxUid } = request;
  const codestream = await encodedWith(codec, request);
  const again = await decodedFrame({ codec, transferSyntaxUid, attributes, codestream });
  if (!isReversible(codec, codestream) || !equalBytes(again, samples))
    throw new ScansealError("codec-failed", "the encoder's codestream does not decode to the samples");
  return codestream;
}

async function encodedWith(codec: PixelCodec, request: EncodeRequest): Promise<Bytes> {
  const { attributes, samples } = request;
  const { rows, columns, samplesPerPixel } = attributes;
  const size = { rows, columns, components: samplesPerPixel };
  switch (codec) {
    case "rle":
      return encodeRle(samples, attributes);
    case "deflated-frame":
      return deflatedFrame(samples, attributes);
    case "jpeg-lossless": {
      const { values, precision } = storedValues(samples, attributes, "no-sign");
      const image = { ...size, precision, samples: values };
      const predictor = request.transferSyntaxUid === anyPredictorUid ? bestPredictor(image) : 1;
      return encodeJpegLossless(image, { rgb: attributes.photometric === "RGB", predictor });
    }
    case "jpeg-ls":
      return encodeJpegLs({ ...size, ...storedValues(samples, attributes, "no-sign") });
    case "jpeg-2000":
    case "htj2k":
      return encodedJ2k(codec, request);
    default:
      throw new ScansealError("unsupported", `no encoder for ${codec}`);
  }
}

async function encodedJ2k(codec: "jpeg-2000" | "htj2k", request: EncodeRequest): Promise<Bytes> {
  const { attributes, samples, transferSyntaxUid } = request;
  const { rows, columns, photometric, pixelRepresentation } = attributes;
  if (photometric === "YBR_ICT")
    throw new ScansealError("unsupported", "the irreversible component transform");
  // OpenJPEG's interface reads one component or three.
  if (codec === "jpeg-2000" && attributes.samplesPerPixel % 2 === 0)
    throw new ScansealError("unsupported", "JPEG 2000 of two or four components");
  if (attributes.samplesPerPixel > 1 && Math.max(rows, columns) > precinctMax)
    throw new ScansealError("unsupported", "JPEG 2000 in colour of more than 32,768 rows or columns");
  const stored = storedValues(samples, attributes, "sign");
  const frame: J2kFrame = {
    rows,
    columns,
    components: attributes.samplesPerPixel,
    precision: stored.precision,
    signed: pixelRepresentation === 1,
    componentTransform: photometric === "YBR_RCT",
  };
  const options = { rows, columns, levels: levels(rows, columns, transferSyntaxUid) };
  const codestreams: Bytes[] = [];
  for (const plane of j2kPlanes(stored, frame)) codestreams.push(await encodePlane(codec, plane, options));
  return assembledJ2k(codestreams, frame, transferSyntaxUid === htj2kRpclUid);
}

/** OpenJPEG asks for a sample in every resolution. OpenJPH lacks, without any level, the bit for the lowest number of 16 bits. */
function levels(rows: number, columns: number, uid: string): number {
  if (uid === htj2kRpclUid) return Math.max(1, Math.ceil(Math.log2(Math.max(rows, columns) / thumbnailMax)));
  const most = Math.floor(Math.log2(Math.min(rows, columns)));
  return Math.min(j2kLevelsMax, transferSyntaxOf(uid)?.codec === "htj2k" ? Math.max(1, most) : most);
}

/** PS3.5 annex A.4.12: a native frame, deflated. */
function deflatedFrame(samples: Bytes, attributes: ImageAttributes): Bytes {
  const planar = attributes.planarConfiguration === 1 && attributes.samplesPerPixel > 1;
  const native = planar
    ? byPlane(samples, attributes.samplesPerPixel, attributes.bitsAllocated / 8)
    : samples;
  return new Uint8Array(deflateRawSync(native));
}
