/**
 * Lossy JPEG (ITU-T T.81, DCT processes), of 8 bits decoded by libjpeg-turbo, compiled to WebAssembly by the Cornerstone project: for
 * pictures that people look at, never for proof. Runs inside a thread that can be ended.
 */
import type { ImageAttributes } from "../../../dicom/pixel-data/image-attributes.ts";
import { decodeJpegExtended } from "../../../dicom/pixel-data/jpeg-extended.ts";
import { type JpegSegment, jpegMarkers, jpegSegments } from "../../../dicom/pixel-data/jpeg-segments.ts";
import type { CodecSamples } from "../../../dicom/pixel-data/sample-layout.ts";
import { type Bytes, concatBytes, latin1, viewOf } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { WasmClasses } from "./wasm-classes.ts";

interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly isSigned?: boolean;
}

interface Decoder {
  getEncodedBuffer(length: number): Bytes;
  decode(): void;
  /** Grey, or red, green and blue. */
  getDecodedBuffer(): Uint8ClampedArray;
  getFrameInfo(): FrameInfo;
  delete(): void;
}

const decoders = new WasmClasses<new () => Decoder, "jpeg">({
  jpeg: { package: "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs", className: "JPEGDecoder" },
});

/**
 * Three components come as red, green and blue: a JFIF or Adobe marker says what they are in the codestream, else Photometric
 * Interpretation.
 * @throws ScansealError `unsupported` for precisions other than 8 bits, and 12 sequential ones of grey, `codec-failed` for what is damaged or of another size than the
 * attributes say, `limit-decode` for more than a hundred scans
 */
export async function decodeJpeg(codestream: Bytes, attributes: ImageAttributes): Promise<CodecSamples> {
  const segments = jpegSegments(codestream, "jpeg");
  if (checkedPrecision(segments, attributes) === 12) return twelveBits(codestream, attributes);
  const input = withColours(codestream, segments, attributes);
  const Decoder = await decoders.take("jpeg");
  try {
    const decoder = new Decoder();
    decoder.getEncodedBuffer(input.length).set(input);
    decoder.decode();
    const { width, height, componentCount } = decoder.getFrameInfo();
    const decoded = decoder.getDecodedBuffer();
    if (decoded.length !== width * height * componentCount) throw new RangeError("incomplete");
    const data = new Uint8Array(decoded);
    decoders.release("jpeg", decoded.buffer.byteLength);
    decoder.delete();
    return { data, bytesPerSample: 1, precision: 8, signed: false, planar: false };
  } catch (error) {
    decoders.drop("jpeg");
    // What Emscripten throws is a pointer with no bearing on the caller.
    throw new ScansealError("codec-failed", "jpeg: the codec refused the codestream", { cause: error });
  }
}

/** A progression has a dozen; each may go through the whole picture, and thousands would take half a minute. */
const scansMax = 100;

/** T.81 table B.1: baseline, extended and progressive DCT with Huffman coding. */
const dctMarkers: readonly number[] = [0xc0, 0xc1, 0xc2];

function twelveBits(codestream: Bytes, { bitsStored }: ImageAttributes): CodecSamples {
  const { samples } = decodeJpegExtended(codestream, 2 ** Math.min(bitsStored, 12) - 1);
  const data = new Uint8Array(2 * samples.length);
  const view = viewOf(data);
  for (let i = 0; i < samples.length; i++) view.setUint16(2 * i, samples[i]!, true);
  return { data, bytesPerSample: 2, precision: 12, signed: false, planar: false };
}

/** Before any memory is taken. */
function checkedPrecision(segments: readonly JpegSegment[], attributes: ImageAttributes): 8 | 12 {
  const [frame, second] = segments.filter(({ marker }) => isFrameHeader(marker));
  if (!frame || second || frame.parameters.length < 6)
    throw new ScansealError("codec-failed", "JPEG: not one frame header");
  const { marker, parameters } = frame;
  const isEight = dctMarkers.includes(marker) && parameters[0] === 8;
  const isTwelve = marker === 0xc1 && parameters[0] === 12 && attributes.samplesPerPixel === 1;
  if (!isEight && !isTwelve)
    throw new ScansealError("unsupported", "JPEG of this process or precision is not decoded");
  if (segments.filter((one) => one.marker === jpegMarkers.startOfScan).length > scansMax)
    throw new ScansealError("limit-decode", "JPEG of too many scans");
  const view = viewOf(parameters);
  const { rows, columns, samplesPerPixel } = attributes;
  const isFitting =
    view.getUint16(1) === rows && view.getUint16(3) === columns && parameters[5] === samplesPerPixel;
  if (!isFitting)
    throw new ScansealError("codec-failed", "the codestream is of another size than the attributes say");
  if (samplesPerPixel !== 1 && samplesPerPixel !== 3)
    throw new ScansealError("unsupported", "JPEG of this number of components is not decoded");
  return isEight ? 8 : 12;
}

/** SOF0 to SOF15 without DHT, JPG and DAC. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

const app0 = 0xe0;
const app14 = 0xee;

/** Where the codestream says nothing, an Adobe marker says it: transform 0 for RGB, 1 for YCbCr (T.872 6.5.3). */
function withColours(
  codestream: Bytes,
  segments: readonly JpegSegment[],
  { samplesPerPixel, photometric }: ImageAttributes,
): Bytes {
  const isNamed = (marker: number, name: string): boolean =>
    segments.some((one) => one.marker === marker && latin1(one.parameters.subarray(0, 5)) === name);
  if (samplesPerPixel !== 3 || isNamed(app0, "JFIF\0") || isNamed(app14, "Adobe")) return codestream;
  const transform = photometric === "RGB" ? 0 : 1;
  const adobe = [0xff, app14, 0, 14, ...[65, 100, 111, 98, 101], 0, 100, 0, 0, 0, 0, transform];
  return concatBytes([codestream.subarray(0, 2), Uint8Array.from(adobe), codestream.subarray(2)]);
}
