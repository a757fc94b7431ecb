/** Decodes and encodes frames in worker threads that are ended when they take too long, and replaced when they fail. */
import { availableParallelism } from "node:os";
import { checkedHeader } from "../../../dicom/pixel-data/codestream-header.ts";
import type { DecodedFrame, DecodeRequest, FrameDecoder } from "../../../dicom/pixel-data/decoder.ts";
import {
  checkedCodec,
  type EncodedFrame,
  type EncodeRequest,
  type FrameEncoder,
} from "../../../dicom/pixel-data/encoder.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { ThreadPool } from "../thread-pool.ts";
import type { CodecJob, CodecReply } from "./codec-messages.ts";

export interface CodecPoolOptions {
  /** Threads at most; they are started when needed. Default: the machine's parallelism, at most 4. */
  readonly workersMax?: number;
  /** For one frame, from when a thread takes it. */
  readonly timeoutMs?: number;
  /** Frames that may wait: beyond, the caller is asked to slow down by waiting itself. */
  readonly queueMax?: number;
  /** Another program for the threads: for tests of what happens when one hangs or dies. */
  readonly workerProgram?: URL;
}

/** CharLS spends ten seconds on a cut-off stream; the largest mammogram decodes in under two, and is encoded and decoded in under ten. */
const frameTimeoutMs = 60_000;
/** JavaScript heap of a worker: samples and WebAssembly memory (at most 2 GiB an instance) lie outside it. */
const workerHeapMb = 128;
const workersDefaultMax = 4;
/** Each waiting frame holds its bytes: callers wait for one frame before they ask for the next, so few are ever here. */
const queueDefaultMax = 1024;

/** Emitted code has the extension .js, source .ts; the compiler does not rewrite it in a URL. */
const workerUrl = new URL(
  `./codec-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

/** The `FrameDecoder` and `FrameEncoder` of Node. Idle threads do not keep the process alive; `close` ends them. */
export class CodecPool implements FrameDecoder, FrameEncoder {
  readonly #threads: ThreadPool<CodecJob, CodecReply>;

  constructor(options: CodecPoolOptions = {}) {
    this.#threads = new ThreadPool({
      program: options.workerProgram ?? workerUrl,
      name: "scanseal-codec",
      worker: "the codec",
      threadsMax: options.workersMax ?? Math.min(availableParallelism(), workersDefaultMax),
      heapMb: workerHeapMb,
      timeoutMs: options.timeoutMs ?? frameTimeoutMs,
      queueMax: options.queueMax ?? queueDefaultMax,
      codes: { slow: "limit-decode", died: "codec-failed", busy: "limit-decode" },
    });
  }

  async decode(request: DecodeRequest): Promise<DecodedFrame> {
    // Refused before a thread is bothered, and before anything is allocated.
    checkedHeader(request);
    return { samples: await this.#work({ task: "decode", ...request }) };
  }

  /** Slower than decoding by that and more: every codestream is decoded again before it is given out. */
  async encode(request: EncodeRequest): Promise<EncodedFrame> {
    checkedCodec(request);
    return { codestream: await this.#work({ task: "encode", ...request }) };
  }

  /** Ends all threads; frames still waiting fail with `usage`. */
  async close(): Promise<void> {
    await this.#threads.close();
  }

  #work(job: CodecJob): Promise<Bytes> {
    return this.#threads.use(async (ask) => {
      const { message, transfer } = copied(job);
      const reply = await ask(message, transfer);
      if ("result" in reply) return reply.result;
      throw new ScansealError(reply.code, reply.message);
    });
  }
}

/** A copy, whose buffer goes to the thread: the caller's bytes may belong to a file's cache. */
function copied(job: CodecJob): { message: CodecJob; transfer: ArrayBuffer[] } {
  if (job.task === "encode") {
    const samples = new Uint8Array(job.samples);
    return { message: { ...job, samples }, transfer: [samples.buffer] };
  }
  const codestream = new Uint8Array(job.codestream);
  return { message: { ...job, codestream }, transfer: [codestream.buffer] };
}
