/** What a codestream says of itself, read from its markers before any codec sees it. */
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { frameBytesMax } from "../limits.ts";
import type { PixelCodec } from "../transfer-syntax.ts";
import type { DecodeRequest } from "./decoder.ts";
import { canonicalFrameBytes } from "./image-attributes.ts";
import { readJ2kHeader, unwrappedJ2k } from "./j2k-header.ts";
import { type JpegSegment, jpegMarkers, jpegSegments } from "./jpeg-segments.ts";

export interface CodestreamHeader {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  /** Bits a sample. */
  readonly precision: number;
  readonly signed: boolean;
  /** See `isReversible`. */
  readonly reversible: boolean;
}

/**
 * For the codecs with a header of their own: JPEG lossless, JPEG-LS, JPEG 2000 and HTJ2K.
 * @returns undefined for the others
 * @throws ScansealError `codec-failed` when the markers are not well formed or the codestream is cut short
 */
function readCodestreamHeader(codec: PixelCodec, codestream: Bytes): CodestreamHeader | undefined {
  if (codec === "jpeg-lossless") return jpegLosslessHeader(jpegSegments(codestream, "jpeg"));
  if (codec === "jpeg-ls") return jpegLsHeader(jpegSegments(codestream, "jpeg-ls"));
  if (codec === "jpeg-2000" || codec === "htj2k") return readJ2kHeader(unwrappedJ2k(codestream));
  return undefined;
}

/**
 * Every correct decoder gives the same samples, and no step of the coding rounds: JPEG-LS with NEAR = 0, JPEG 2000 and HTJ2K
 * with the reversible 5/3 transform in every tile and component, JPEG lossless without point transform, RLE, deflate, native.
 * It does not say that the encoder was given the original samples, nor that no quality layer was left out.
 * A codestream that cannot be read is not reversible.
 */
export function isReversible(codec: PixelCodec, codestream: Bytes): boolean {
  if (codec === "native" || codec === "rle" || codec === "deflated-frame") return true;
  try {
    return readCodestreamHeader(codec, codestream)?.reversible ?? false;
  } catch (error) {
    if (error instanceof ScansealError) return false;
    throw error;
  }
}

/**
 * Everything that can be checked before a codec is called and memory is taken for the result.
 * @returns the header, or undefined for codecs without one
 * @throws ScansealError `limit-decode`, `codec-failed`, `unsupported`
 */
export function checkedHeader(request: DecodeRequest): CodestreamHeader | undefined {
  const { attributes, codec } = request;
  if (canonicalFrameBytes(attributes, false) > frameBytesMax || request.codestream.length > frameBytesMax) {
    throw new ScansealError("limit-decode", "the frame is over the decoding limit");
  }
  const header = readCodestreamHeader(codec, request.codestream);
  if (header === undefined) return undefined;
  if (attributes.kind !== "integer")
    throw new ScansealError("unsupported", "a codec for integers on float samples");
  const fits =
    header.rows === attributes.rows &&
    header.columns === attributes.columns &&
    header.components === attributes.samplesPerPixel &&
    header.precision <= attributes.bitsAllocated;
  if (!fits)
    throw new ScansealError("codec-failed", "the codestream is of another size than the attributes say");
  return header;
}

/** The fields that SOF3 (T.81 B.2.2) and SOF55 (T.87 C.2.2) share. */
function frameHeader(segments: readonly JpegSegment[], marker: number): Omit<CodestreamHeader, "reversible"> {
  const frames = segments.filter((segment) => isFrameHeader(segment.marker));
  const parameters = frames[0]?.parameters;
  if (frames.length !== 1 || frames[0]!.marker !== marker || parameters!.length < 6) {
    throw new ScansealError("codec-failed", "JPEG: not one frame header of the expected process");
  }
  const view = viewOf(parameters!);
  const components = parameters![5]!;
  if (parameters!.length !== 6 + 3 * components) {
    throw new ScansealError("codec-failed", "JPEG: a frame header of another length than it needs");
  }
  for (let i = 0; i < components; i++) {
    if (parameters![7 + 3 * i] !== 0x11)
      throw new ScansealError("unsupported", "JPEG: subsampled components");
  }
  return {
    precision: parameters![0]!,
    rows: view.getUint16(1),
    columns: view.getUint16(3),
    components,
    signed: false,
  };
}

/** T.81 table B.1: SOF0 to SOF15 without DHT, JPG and DAC; T.87: SOF55. */
function isFrameHeader(marker: number): boolean {
  if (marker === jpegMarkers.startOfFrameLs) return true;
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function scans(segments: readonly JpegSegment[]): readonly Bytes[] {
  const found = segments.filter((segment) => segment.marker === jpegMarkers.startOfScan);
  if (found.length === 0) throw new ScansealError("codec-failed", "JPEG: no scan");
  return found.map(({ parameters }) => {
    if (parameters.length !== 4 + 2 * parameters[0]!)
      throw new ScansealError("codec-failed", "JPEG: a malformed scan header");
    return parameters;
  });
}

/** Lossless unless a scan has a point transform (T.81 annex H.1.2.1). */
function jpegLosslessHeader(segments: readonly JpegSegment[]): CodestreamHeader {
  const header = frameHeader(segments, jpegMarkers.startOfFrameLossless);
  const reversible = scans(segments).every((scan) => (scan[scan.length - 1]! & 15) === 0);
  return { ...header, reversible };
}

/** Lossless when every scan has NEAR = 0, no point transform and no mapping table (T.87 C.2.3). */
function jpegLsHeader(segments: readonly JpegSegment[]): CodestreamHeader {
  const header = frameHeader(segments, jpegMarkers.startOfFrameLs);
  const reversible = scans(segments).every((scan) => {
    const mapped = scan.some((byte, i) => i > 0 && i < scan.length - 3 && i % 2 === 0 && byte !== 0);
    return scan[scan.length - 3] === 0 && (scan[scan.length - 1]! & 15) === 0 && !mapped;
  });
  return { ...header, reversible };
}
