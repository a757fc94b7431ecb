/** Decoding by CharLS, OpenJPEG and OpenJPH, compiled to WebAssembly by the Cornerstone project. Runs inside a codec worker only. */
import type { CodecSamples } from "../../../dicom/pixel-data/sample-layout.ts";
import { type Bytes, viewOf } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { type WasmBuild, WasmClasses, type WasmCodec } from "./wasm-classes.ts";

interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  /** Not given by CharLS: JPEG-LS samples are unsigned. */
  readonly isSigned?: boolean;
  /** Given by OpenJPH. */
  readonly isUsingColorTransform?: boolean;
}

interface Decoder {
  getEncodedBuffer(length: number): Bytes;
  decode(): unknown;
  getDecodedBuffer(): Uint8Array | Int8Array;
  getFrameInfo(): FrameInfo;
  /** CharLS: 0 is colour-by-plane. */
  getInterleaveMode?(): number;
  delete(): void;
}

type DecoderClass = new () => Decoder;

const builds: Readonly<Record<WasmCodec, WasmBuild>> = {
  "jpeg-ls": { package: "@cornerstonejs/codec-charls/decodewasmjs", className: "JpegLSDecoder" },
  "jpeg-2000": { package: "@cornerstonejs/codec-openjpeg/decodewasmjs", className: "J2KDecoder" },
  htj2k: { package: "@cornerstonejs/codec-openjph", className: "HTJ2KDecoder" },
};

const decoders = new WasmClasses<DecoderClass>(builds);

/**
 * After any failure the instance is dropped: a WebAssembly program that was stopped in the middle is not used again.
 * @throws ScansealError `codec-failed`
 */
export async function decodeWithWasm(codec: WasmCodec, codestream: Bytes): Promise<CodecSamples> {
  const Decoder = await decoders.take(codec);
  try {
    const decoder = new Decoder();
    const moved = codec !== "jpeg-ls" && isNarrowSigned(codestream);
    const input = decoder.getEncodedBuffer(codestream.length);
    input.set(codestream);
    if (moved) markUnsigned(input);
    decoder.decode();
    const info = decoder.getFrameInfo();
    const bytesPerSample = info.bitsPerSample <= 8 ? 1 : 2;
    const decoded = decoder.getDecodedBuffer();
    const expected = info.width * info.height * info.componentCount * bytesPerSample;
    if (info.bitsPerSample > 16 || decoded.length !== expected) {
      throw new ScansealError("codec-failed", "the codec gave another number of bytes than its frame needs");
    }
    // The builds give signed and unsigned views alike.
    const data = new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength).slice();
    const planar = decoder.getInterleaveMode?.() === 0;
    const samples = codec === "htj2k" ? linesInOrder(data, info, bytesPerSample) : data;
    decoders.release(codec, decoded.buffer.byteLength);
    decoder.delete();
    if (moved) moveDown(samples, info.bitsPerSample);
    const signed = moved || info.isSigned === true;
    return { data: samples, bytesPerSample, precision: info.bitsPerSample, signed, planar };
  } catch (error) {
    decoders.drop(codec);
    if (error instanceof ScansealError) throw error;
    // What Emscripten throws is a pointer or an abort with no bearing on the caller.
    throw new ScansealError("codec-failed", `${codec}: the codec refused the codestream`, { cause: error });
  }
}

/**
 * Without a component transform OpenJPH gives all lines of one component after the other; the build's interface takes them for
 * the components of one line after the other. The k-th line it got is where component k % n of line k / n belongs.
 */
function linesInOrder(data: Bytes, info: FrameInfo, bytesPerSample: number): Bytes {
  const { width, height, componentCount } = info;
  if (componentCount === 1 || info.isUsingColorTransform !== false) return data;
  const out = new Uint8Array(data.length);
  const stride = componentCount * bytesPerSample;
  const lineBytes = width * stride;
  for (let k = 0; k < height * componentCount; k++) {
    let from = Math.floor(k / componentCount) * lineBytes + (k % componentCount) * bytesPerSample;
    let to = (k % height) * lineBytes + Math.floor(k / height) * bytesPerSample;
    for (let x = 0; x < width; x++, from += stride, to += stride) {
      for (let b = 0; b < bytesPerSample; b++) out[to + b] = data[from + b]!;
    }
  }
  return out;
}

/** ITU-T T.800 A.5.1: Csiz, and the first component's Ssiz. */
const componentCountAt = 40;
const componentDepthAt = 42;
const signedBit = 0x80;

/** The builds clamp signed samples of up to 8 bits as if they were unsigned. `readJ2kHeader` has seen that all components are alike. */
function isNarrowSigned(codestream: Bytes): boolean {
  const depth = codestream[componentDepthAt] ?? 0;
  return depth >= signedBit && depth < signedBit + 8;
}

/** The decoder then adds half of the range to each sample (T.800 G.1.2), which `moveDown` takes off. */
function markUnsigned(codestream: Bytes): void {
  const count = viewOf(codestream).getUint16(componentCountAt);
  for (let c = 0; c < count; c++) codestream[componentDepthAt + 3 * c]! &= ~signedBit;
}

function moveDown(samples: Bytes, precision: number): void {
  const half = 1 << (precision - 1);
  for (let i = 0; i < samples.length; i++) samples[i]! -= half;
}
