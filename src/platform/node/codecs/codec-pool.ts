/** Decodes and encodes frames in worker threads that are ended when they take too long, and replaced when they fail. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
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

interface Job {
  /** With the caller's bytes; the thread gets a copy. */
  readonly message: CodecJob;
  readonly resolve: (result: Bytes) => void;
  readonly reject: (error: ScansealError) => void;
}

/** Emitted code has the extension .js, source .ts; the compiler does not rewrite it in a URL. */
const workerUrl = new URL(
  `./codec-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

/** The `FrameDecoder` and `FrameEncoder` of Node. Idle threads do not keep the process alive; `close` ends them. */
export class CodecPool implements FrameDecoder, FrameEncoder {
  readonly #workersMax: number;
  readonly #timeoutMs: number;
  readonly #queueMax: number;
  readonly #workerProgram: URL;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #queue: Job[] = [];
  #closed = false;

  constructor(options: CodecPoolOptions = {}) {
    this.#workersMax = options.workersMax ?? Math.min(availableParallelism(), workersDefaultMax);
    this.#timeoutMs = options.timeoutMs ?? frameTimeoutMs;
    this.#queueMax = options.queueMax ?? queueDefaultMax;
    this.#workerProgram = options.workerProgram ?? workerUrl;
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
    this.#closed = true;
    for (const job of this.#queue.splice(0))
      job.reject(new ScansealError("usage", "the codec pool is closed"));
    const workers = [...this.#all];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  async #work(message: CodecJob): Promise<Bytes> {
    if (this.#closed) throw new ScansealError("usage", "the codec pool is closed");
    if (this.#queue.length >= this.#queueMax)
      throw new ScansealError("limit-decode", "too many frames wait for a codec");
    return new Promise((resolve, reject) => {
      this.#queue.push({ message, resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idle.pop() ?? this.#start();
      if (worker === undefined) return;
      this.#run(worker, this.#queue.shift()!);
    }
  }

  #start(): Worker | undefined {
    if (this.#all.size >= this.#workersMax) return undefined;
    const worker = new Worker(this.#workerProgram, {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: workerHeapMb },
      name: "scanseal-codec",
    });
    this.#all.add(worker);
    // A thread that ends, in whatever state, is not used again; a second listener says what became of its job.
    const gone = (): void => {
      const at = this.#idle.indexOf(worker);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#all.delete(worker);
    };
    worker.on("exit", gone).on("error", gone);
    worker.unref();
    return worker;
  }

  #run(worker: Worker, job: Job): void {
    worker.ref();
    const settle = (keep: boolean, finish: () => void): void => {
      clearTimeout(timer);
      // Only our own listeners: `terminate` waits for "exit" with one of its own.
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      if (keep && !this.#closed) this.#rest(worker);
      else this.#end(worker);
      finish();
      this.#dispatch();
    };
    const fail = (error: ScansealError): void => settle(false, () => job.reject(error));
    const timer = setTimeout(() => {
      fail(new ScansealError("limit-decode", `the codec took longer than ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
    const onMessage = (reply: CodecReply): void => {
      if ("result" in reply) settle(true, () => job.resolve(reply.result));
      else settle(true, () => job.reject(new ScansealError(reply.code, reply.message)));
    };
    const onError = (cause: unknown): void => {
      fail(new ScansealError("codec-failed", "the codec's thread failed", { cause }));
    };
    const onExit = (): void => fail(new ScansealError("codec-failed", "the codec's thread ended"));
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    const { message, transfer } = copied(job.message);
    worker.postMessage(message, transfer);
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle.push(worker);
  }

  #end(worker: Worker): void {
    this.#all.delete(worker);
    void worker.terminate();
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
