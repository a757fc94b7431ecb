/** The thread that renders, one frame at a time. */
import { parentPort } from "node:worker_threads";
import { swapped } from "../../dicom/byte-plan.ts";
import { canonicalSamples, interleaved } from "../../dicom/pixel-data/sample-layout.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { decodeJpeg } from "../../platform/node/codecs/jpeg-decoder.ts";
import { encodeJpeg } from "../../platform/node/codecs/jpeg-encoder.ts";
import { writePng } from "../../platform/node/png.ts";
import { painted } from "./painting.ts";
import { type Picture, scaled } from "./picture.ts";
import type { RenderingJob, RenderingReply } from "./rendering-messages.ts";

async function rendered(job: RenderingJob): Promise<Bytes> {
  const { width, height, channels, samples } = scaled(await pictureOf(job), job.region, job.size);
  if (job.type === "image/jpeg") return encodeJpeg({ width, height, channels, samples }, job.quality);
  return writePng({ width, height, depth: 8, channels, samples });
}

async function pictureOf({ attributes, display, coding, bytes, swap }: RenderingJob): Promise<Picture> {
  if (coding === "jpeg") {
    const samples = canonicalSamples(await decodeJpeg(bytes, attributes), attributes);
    // The decoder has turned luminance and chrominance to colours.
    return painted(samples, attributes, display.kind === "ybr" ? { kind: "rgb" } : display);
  }
  const little = swap === 1 ? bytes : swapped(bytes, swap);
  const { samplesPerPixel, bitsAllocated } = attributes;
  const samples = coding === "planes" ? interleaved(little, samplesPerPixel, bitsAllocated / 8) : little;
  return painted(samples, attributes, display);
}

async function answer(job: RenderingJob): Promise<void> {
  let reply: RenderingReply;
  try {
    // A buffer of its own: it is given away.
    reply = { result: new Uint8Array(await rendered(job)) };
  } catch (error) {
    reply =
      error instanceof ScansealError
        ? { code: error.code, message: error.message }
        : { code: "codec-failed", message: "the frame could not be rendered" };
  }
  const transfer = "result" in reply ? [reply.result.buffer as ArrayBuffer] : [];
  parentPort!.postMessage(reply, transfer);
}

parentPort!.on("message", (job: RenderingJob) => void answer(job));
