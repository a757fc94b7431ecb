/** CharLS, OpenJPEG and OpenJPH, compiled to WebAssembly by the Cornerstone project. Runs inside a codec worker only. */
import { createRequire } from "node:module";
import type { CodecSamples } from "../../../dicom/pixel-data/sample-layout.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";

export type WasmCodec = "jpeg-ls" | "jpeg-2000" | "htj2k";

interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  /** Not given by CharLS: JPEG-LS samples are unsigned. */
  readonly isSigned?: boolean;
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
type ModuleFactory = (options: object) => Promise<Readonly<Record<string, DecoderClass>>>;

const load = createRequire(import.meta.url);
const builds: Readonly<Record<WasmCodec, { readonly package: string; readonly decoder: string }>> = {
  "jpeg-ls": { package: "@cornerstonejs/codec-charls/decodewasmjs", decoder: "JpegLSDecoder" },
  "jpeg-2000": { package: "@cornerstonejs/codec-openjpeg/decodewasmjs", decoder: "J2KDecoder" },
  htj2k: { package: "@cornerstonejs/codec-openjph", decoder: "HTJ2KDecoder" },
};

/** An instance's memory never shrinks: after a decode that needed more than this it is dropped. */
const keptMemoryBytesMax = 64 << 20;

const instances = new Map<WasmCodec, DecoderClass>();

async function decoderClass(codec: WasmCodec): Promise<DecoderClass> {
  const kept = instances.get(codec);
  if (kept !== undefined) return kept;
  const factory: ModuleFactory = load(builds[codec].package);
  const silent = (): void => {};
  const module = await factory({ print: silent, printErr: silent });
  const made = module[builds[codec].decoder];
  if (made === undefined) throw new ScansealError("internal", `no decoder in ${builds[codec].package}`);
  instances.set(codec, made);
  return made;
}

/**
 * After any failure the instance is dropped: a WebAssembly program that was stopped in the middle is not used again.
 * @throws ScansealError `codec-failed`
 */
export async function decodeWithWasm(codec: WasmCodec, codestream: Bytes): Promise<CodecSamples> {
  const Decoder = await decoderClass(codec);
  try {
    const decoder = new Decoder();
    decoder.getEncodedBuffer(codestream.length).set(codestream);
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
    if (decoded.buffer.byteLength > keptMemoryBytesMax) instances.delete(codec);
    decoder.delete();
    return { data, bytesPerSample, precision: info.bitsPerSample, signed: info.isSigned === true, planar };
  } catch (error) {
    instances.delete(codec);
    if (error instanceof ScansealError) throw error;
    // What Emscripten throws is a pointer or an abort with no bearing on the caller.
    throw new ScansealError("codec-failed", `${codec}: the codec refused the codestream`, { cause: error });
  }
}
