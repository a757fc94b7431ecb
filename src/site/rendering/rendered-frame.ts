/** One frame of a verified object as PNG or JPEG (PS3.18 10.4.1.1.3 rendered resources, 10.4.1.1.4 thumbnails, 9 WADO-URI). */
import { availableParallelism } from "node:os";
import { canonicalFrame } from "../../dicom/pixel-data/canonical-frames.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { type PixelFrames, readCodestream } from "../../dicom/pixel-data/frames.ts";
import { canonicalFrameBytes } from "../../dicom/pixel-data/image-attributes.ts";
import type { RenderedParameters } from "../../dicom-network/dicomweb/rendered-parameters.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { ThreadPool } from "../../platform/node/thread-pool.ts";
import { displayOf } from "./display.ts";
import { byteRange, isByPlane } from "./frame-bytes.ts";
import { type PictureSize, regionWithin, sizeWithin } from "./picture.ts";
import type { PictureType, RenderingJob, RenderingReply } from "./rendering-messages.ts";

export interface FrameRendererOptions {
  /** Threads at most; they are started when needed. Default: 2, or 1 where the machine has one processor. */
  readonly workersMax?: number;
  /** For one frame, from when its samples are there. */
  readonly timeoutMs?: number;
  /** Another program for the threads: for tests of what happens when one hangs or dies. */
  readonly workerProgram?: URL;
}

/** Of the frame and of the result, each. The largest mammograms have 30 million. A thread takes up to 25 bytes a pixel, most of it for JPEG. */
const pixelsMax = 40 << 20;
/** What enlarging may make: a screen. */
const enlargedPixelsMax = 4 << 20;
/** Of the frame: three bytes for each pixel of the largest. */
const sampleBytesMax = 120 << 20;
/** The largest mammogram takes two seconds; a progressive JPEG of many scans could take hours. */
const frameTimeoutMs = 30_000;
/** Samples and pictures lie outside of the JavaScript heap. */
const workerHeapMb = 128;
/** Pictures are a by-way: reading and sealing have the other processors. */
const workersDefaultMax = 2;
/** What waits has not been read yet, and takes no memory. */
const queueMax = 1024;
/** Looks like the original on a screen, at a tenth of its size. */
const defaultQuality = 90;
const thumbnailSize = 128;

/** Emitted code has the extension .js, source .ts; the compiler does not rewrite it in a URL. */
const workerUrl = new URL(
  `./rendering-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

/**
 * Renders in threads of its own, so that nobody waits for a picture who did not ask for one. Nothing of the object but its pixels is in
 * what comes out: no text, no profile, no time.
 *
 * Shown is: the modality LUT or rescale; the window that is asked for, else the frame's or object's first one, else its VOI LUT, else all
 * values of the frame (pixel padding left out; with up to 8 bits all values there may be); MONOCHROME1 turned over; palettes and colours.
 * Overlays, presentation states, ICC profiles and the shape of pixels are left aside.
 *
 * Idle threads do not keep the process alive; `close` ends them.
 */
export class FrameRenderer {
  readonly #decoder: FrameDecoder;
  readonly #threads: ThreadPool<RenderingJob, RenderingReply>;

  /** @param decoder of RLE frames too; remains the caller's, who closes it */
  constructor(decoder: FrameDecoder, options: FrameRendererOptions = {}) {
    this.#decoder = decoder;
    this.#threads = new ThreadPool({
      program: options.workerProgram ?? workerUrl,
      name: "scanseal-rendering",
      worker: "rendering",
      threadsMax: options.workersMax ?? Math.min(availableParallelism(), workersDefaultMax),
      heapMb: workerHeapMb,
      timeoutMs: options.timeoutMs ?? frameTimeoutMs,
      queueMax,
      codes: { slow: "limit-decode", died: "codec-failed", busy: "limit-decode" },
    });
  }

  /**
   * The region (what of it is in the frame) as large as fits into the viewport, enlarged too (to four million pixels at most), its proportions kept; without one
   * in its own size. `window` is for grey frames and left aside for colour, `quality` for JPEG (90 unless given).
   * @param index from 0
   * @throws ScansealError
   * `unsupported`: annotations that are asked for, videos, lossy JPEG of 12 bits, JPEG XL, and other pixels that are not rendered: 406;
   * `usage`: no such frame, or a region outside of it: 400 or 404;
   * `limit-decode`: frame or result over the limits, too slow, or too many wait;
   * `value-invalid`: a rescale or lookup table that is none; `codec-failed`, `pixel-length`, `io`
   */
  async frame(
    frames: PixelFrames,
    index: number,
    parameters: RenderedParameters,
    type: PictureType,
  ): Promise<Bytes> {
    return this.#rendered(frames, index, parameters, type);
  }

  /**
   * As `frame`, into 128 x 128 unless a viewport is given, and never enlarged.
   * @throws ScansealError as `frame`
   */
  async thumbnail(
    frames: PixelFrames,
    index: number,
    parameters: RenderedParameters,
    type: PictureType,
  ): Promise<Bytes> {
    const { columns, rows } = frames.attributes;
    const asked = parameters.viewport ?? { width: thumbnailSize, height: thumbnailSize };
    const { width, height } = parameters.region ?? { width: columns, height: rows };
    const isSmall = width <= asked.width && height <= asked.height;
    const viewport = isSmall ? { width: Math.ceil(width), height: Math.ceil(height) } : asked;
    return this.#rendered(frames, index, { ...parameters, viewport }, type);
  }

  /** Ends all threads; frames still waiting fail with `usage`. */
  async close(): Promise<void> {
    await this.#threads.close();
  }

  async #rendered(
    frames: PixelFrames,
    index: number,
    { annotations, region: asked, viewport, window, quality = defaultQuality }: RenderedParameters,
    type: PictureType,
  ): Promise<Bytes> {
    const { attributes } = frames;
    if (annotations.length > 0)
      throw new ScansealError("unsupported", "annotations are not burned into pictures");
    if (!Number.isInteger(index) || index < 0 || index >= attributes.numberOfFrames)
      throw new ScansealError("usage", "no such frame");
    checkSizes(frames, index);
    const region = regionWithin({ width: attributes.columns, height: attributes.rows }, asked);
    const size = sizeWithin(region, viewport && notEnlargedOver(region, viewport));
    checkPixels(size);
    // Samples and tables are read when there is a thread for them: a queue of frames would fill the memory.
    return this.#threads.use(async (ask) => {
      const display = await displayOf(frames, index, window);
      const pixels = await pixelsOf(frames, index, this.#decoder);
      const job: RenderingJob = { attributes, display, ...pixels, region, size, type, quality };
      const reply = await ask(job, [pixels.bytes.buffer as ArrayBuffer]);
      if ("result" in reply) return reply.result;
      throw new ScansealError(reply.code, reply.message);
    });
  }
}

/** Before anything is read. @throws ScansealError `limit-decode`, `unsupported` */
function checkSizes({ attributes, layout }: PixelFrames, index: number): void {
  if (layout.kind === "video") throw new ScansealError("unsupported", "frames of a video are not rendered");
  checkPixels({ width: attributes.columns, height: attributes.rows });
  const codedBytes = layout.kind === "encapsulated" ? layout.frames[index]!.length : 0;
  if (Math.max(codedBytes, canonicalFrameBytes(attributes, false)) > sampleBytesMax) throw tooLarge();
}

/** Who wants more has the pixels: a viewer enlarges them itself. */
function notEnlargedOver(region: PictureSize, { width, height }: PictureSize): PictureSize {
  const pixels = Math.max(enlargedPixelsMax, region.width * region.height);
  const { width: w, height: h } = sizeWithin({ x: 0, y: 0, ...region }, { width, height });
  const scale = Math.sqrt(Math.min(1, pixels / (w * h)));
  return { width: Math.max(1, Math.floor(w * scale)), height: Math.max(1, Math.floor(h * scale)) };
}

function checkPixels({ width, height }: PictureSize): void {
  if (width * height > pixelsMax) throw tooLarge();
}

function tooLarge(): ScansealError {
  return new ScansealError("limit-decode", "the picture is over the rendering limit");
}

/** In a buffer of their own, which can be given away. What takes long is left to threads. */
async function pixelsOf(
  frames: PixelFrames,
  index: number,
  decoder: FrameDecoder,
): Promise<Pick<RenderingJob, "coding" | "bytes" | "swap">> {
  const { object, layout, attributes } = frames;
  const { codec, uid } = object.transferSyntax;
  const range = layout.kind === "native" ? byteRange(layout, index) : undefined;
  if (layout.kind === "native" && range) {
    const bytes = new Uint8Array(await object.dataSource.read(range.offset, range.length));
    return { coding: isByPlane(attributes) ? "planes" : "samples", bytes, swap: layout.swap };
  }
  if (layout.kind === "encapsulated" && (codec === "jpeg" || codec === "rle")) {
    const codestream = await readCodestream(object, layout.frames[index]!);
    if (codec === "jpeg") return { coding: "jpeg", bytes: new Uint8Array(codestream), swap: 1 };
    const { samples } = await decoder.decode({ codec, transferSyntaxUid: uid, attributes, codestream });
    return { coding: "samples", bytes: new Uint8Array(samples), swap: 1 };
  }
  const step = await canonicalFrame(frames, index, decoder);
  if (step instanceof Uint8Array) return { coding: "samples", bytes: new Uint8Array(step), swap: 1 };
  const bytes = await object.dataSource.read(step.offset, step.length);
  return { coding: "samples", bytes: new Uint8Array(bytes), swap: step.swap };
}
