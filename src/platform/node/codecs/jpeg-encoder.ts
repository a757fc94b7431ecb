/** JPEG files by MozJPEG, compiled to WebAssembly by the jSquash project. Runs inside a thread that can be ended. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";

/** The library's own declarations need those of a browser. */
interface Library {
  /** A new instance, which replaces the one before. */
  init(options: { readonly wasmBinary: Bytes }): Promise<void>;
  default(
    picture: { readonly data: Bytes; readonly width: number; readonly height: number },
    options: Readonly<Record<string, number | boolean>>,
  ): Promise<ArrayBuffer>;
}

export interface EightBitPicture {
  readonly width: number;
  readonly height: number;
  /** Grey, or red, green and blue. */
  readonly channels: 1 | 3;
  /** Pixel by pixel. */
  readonly samples: Bytes;
}

/** JPEG_MAX_DIMENSION of libjpeg. */
const sideMax = 65_500;
/** An instance's memory never shrinks: after a picture of more pixels there is a new one. */
const keptPixelsMax = 4 << 20;
/** MozJpegColorSpace of the library. */
const colourSpaces = { 1: 1, 3: 3 } as const;

const load = createRequire(import.meta.url);
let library: Promise<Library> | undefined;

async function start(): Promise<Library> {
  const loaded = (await import("@jsquash/jpeg/encode.js")) as unknown as Library;
  // By itself it would fetch it.
  await loaded.init({ wasmBinary: await readFile(load.resolve("@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm")) });
  return loaded;
}

/**
 * Baseline, with a JFIF header and nothing else that describes it; colours are not subsampled.
 * @param quality 1 to 100
 * @throws ScansealError `limit-decode` for a side over 65,500 pixels, `codec-failed`
 */
export async function encodeJpeg(picture: EightBitPicture, quality: number): Promise<Bytes> {
  const { width, height, channels } = picture;
  if (width > sideMax || height > sideMax)
    throw new ScansealError("limit-decode", "a JPEG file has no side over 65,500 pixels");
  library ??= start();
  try {
    const { default: encode } = await library;
    const file = await encode(
      { data: fourChannels(picture), width, height },
      {
        quality,
        baseline: true,
        progressive: false,
        color_space: colourSpaces[channels],
        quant_table: 0,
        auto_subsample: false,
        chroma_subsample: 1,
      },
    );
    if (width * height > keptPixelsMax) library = undefined;
    return new Uint8Array(file);
  } catch (cause) {
    library = undefined;
    throw new ScansealError("codec-failed", "the JPEG file could not be written", { cause });
  }
}

/** The form the library takes: red, green, blue and a fourth that is not looked at. */
function fourChannels({ width, height, channels, samples }: EightBitPicture): Bytes {
  const out = new Uint8Array(4 * width * height);
  for (let from = 0, to = 0; from < samples.length; from += channels, to += 4) {
    out[to] = samples[from]!;
    out[to + 1] = channels === 1 ? samples[from]! : samples[from + 1]!;
    out[to + 2] = channels === 1 ? samples[from]! : samples[from + 2]!;
  }
  return out;
}
