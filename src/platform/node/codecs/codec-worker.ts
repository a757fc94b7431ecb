/** The thread that decodes and encodes: one frame at a time, so that it can be ended from outside whenever a codec does not come back. */
import { parentPort } from "node:worker_threads";
import { ScansealError } from "../../../foundation/errors.ts";
import type { CodecJob, CodecReply } from "./codec-messages.ts";
import { decodedFrame } from "./frame-decoding.ts";
import { encodedFrame } from "./frame-encoding.ts";

async function answer(job: CodecJob): Promise<void> {
  let reply: CodecReply;
  try {
    reply = { result: job.task === "encode" ? await encodedFrame(job) : await decodedFrame(job) };
  } catch (error) {
    reply =
      error instanceof ScansealError
        ? { code: error.code, message: error.message }
        : { code: "codec-failed", message: "the codec failed" };
  }
  const transfer = "result" in reply ? [reply.result.buffer as ArrayBuffer] : [];
  parentPort!.postMessage(reply, transfer);
}

parentPort!.on("message", (job: CodecJob) => void answer(job));
