/** Encoding by CharLS, OpenJPEG and OpenJPH, compiled to WebAssembly by the Cornerstone project. Runs inside a codec worker only. */
import { planeBits } from "../../../dicom/pixel-data/j2k-assembly.ts";
import type { StoredValues } from "../../../dicom/pixel-data/stored-values.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { type WasmBuild, WasmClasses, type WasmCodec } from "./wasm-classes.ts";

interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly isSigned: boolean;
  readonly isUsingColorTransform: boolean;
}

interface Encoder {
  getDecodedBuffer(info: FrameInfo): Uint8Array;
  encode(): void;
  getEncodedBuffer(): Uint8Array | Uint8ClampedArray;
  delete(): void;
}

interface JpegLsEncoder extends Encoder {
  setNearLossless(near: number): void;
  setInterleaveMode(mode: number): void;
}

/** Of OpenJPEG and OpenJPH; the second argument of `setQuality` is the number of layers of the one and the lossy step of the other. */
interface J2kEncoder extends Encoder {
  setQuality(lossless: boolean, second: number): void;
  setDecompositions(levels: number): void;
  setProgressionOrder(order: number): void;
  setTilePartDivisionsAtResolutions?(divided: boolean): void;
}

type EncoderClass = new () => Encoder;

const builds: Readonly<Record<WasmCodec, WasmBuild>> = {
  "jpeg-ls": { package: "@cornerstonejs/codec-charls/wasmjs", className: "JpegLSEncoder" },
  "jpeg-2000": { package: "@cornerstonejs/codec-openjpeg/wasmjs", className: "J2KEncoder" },
  htj2k: { package: "@cornerstonejs/codec-openjph", className: "HTJ2KEncoder" },
};

const encoders = new WasmClasses<EncoderClass>(builds);

/** T.87 C.2.3, ILV: component by component where there is one, line by line otherwise, which most writers choose. */
const interleaveNone = 0;
const interleaveLine = 1;
/** T.800 table A.16. */
const progressionRpcl = 2;
const progressionCprl = 4;

export interface JpegLsFrame extends StoredValues {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
}

/**
 * NEAR = 0, no colour transform.
 * @throws ScansealError `codec-failed`, also where the codestream would be larger than the samples
 */
export async function encodeJpegLs(frame: JpegLsFrame): Promise<Bytes> {
  const { rows, columns, components, precision, values } = frame;
  const data = precision <= 8 ? Uint8Array.from(values) : bytesOf(values);
  return encodeWith<JpegLsEncoder>(
    "jpeg-ls",
    data,
    frameInfo(rows, columns, precision, components),
    (encoder) => {
      encoder.setNearLossless(0);
      encoder.setInterleaveMode(components === 1 ? interleaveNone : interleaveLine);
    },
  );
}

export interface PlaneOptions {
  readonly rows: number;
  readonly columns: number;
  /** Of the wavelet decomposition. */
  readonly levels: number;
}

/**
 * One signed component, reversible. JPEG 2000 by component; HTJ2K by resolution, a tile-part for each, as `assembledJ2k` asks.
 * @throws ScansealError `codec-failed`
 */
export async function encodePlane(
  codec: "jpeg-2000" | "htj2k",
  plane: Int16Array,
  options: PlaneOptions,
): Promise<Bytes> {
  const info = { ...frameInfo(options.rows, options.columns, planeBits, 1), isSigned: true };
  return encodeWith<J2kEncoder>(codec, bytesOf(plane), info, (encoder) => {
    encoder.setQuality(true, codec === "htj2k" ? 0 : 1);
    encoder.setDecompositions(options.levels);
    encoder.setProgressionOrder(codec === "htj2k" ? progressionRpcl : progressionCprl);
    encoder.setTilePartDivisionsAtResolutions?.(true);
  });
}

function frameInfo(rows: number, columns: number, bitsPerSample: number, componentCount: number): FrameInfo {
  return {
    width: columns,
    height: rows,
    bitsPerSample,
    componentCount,
    isSigned: false,
    isUsingColorTransform: false,
  };
}

/** WebAssembly is little endian, and so is every machine that Node runs on here. */
function bytesOf(numbers: Int16Array | Uint16Array): Bytes {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

async function encodeWith<Kind extends Encoder>(
  codec: WasmCodec,
  data: Bytes,
  info: FrameInfo,
  prepare: (encoder: Kind) => void,
): Promise<Bytes> {
  const Encoder = await encoders.take(codec);
  try {
    const encoder = new Encoder();
    const buffer = encoder.getDecodedBuffer(info);
    if (buffer.length !== data.length)
      throw new ScansealError("codec-failed", "the codec asks for other samples");
    buffer.set(data);
    prepare(encoder as Kind);
    encoder.encode();
    const encoded = encoder.getEncodedBuffer();
    const codestream = Uint8Array.from(encoded);
    // A view of the memory as it is now: the first one is empty where the memory has grown.
    encoders.release(codec, encoder.getDecodedBuffer(info).buffer.byteLength);
    encoder.delete();
    return codestream;
  } catch (error) {
    encoders.drop(codec);
    if (error instanceof ScansealError) throw error;
    // What Emscripten throws is a pointer or an abort with no bearing on the caller.
    throw new ScansealError("codec-failed", `${codec}: the codec refused the samples`, { cause: error });
  }
}
