/** Marks frames in worker threads, which are ended when they take too long and replaced when they fail. Signatures are made in the thread that asks. */
import { availableParallelism } from "node:os";
import { ScansealError } from "../../foundation/errors.ts";
import { ThreadPool } from "../../platform/node/thread-pool.ts";
import type { FrameMarker, MarkingJob, MarkingOutcome, MarkSigner } from "../../sealing/frame-marking.ts";
import type { MarkingAnswer, MarkingQuestion } from "./marking-messages.ts";

export interface MarkingPoolOptions {
  /** Threads at most; they are started when needed. Default: the machine's parallelism, at most 8. */
  readonly workersMax?: number;
  /** For each half of a frame, from when a thread takes it; the signature may take longer. */
  readonly timeoutMs?: number;
  /** Another program for the threads: for tests of what happens when one hangs or dies. */
  readonly workerProgram?: URL;
}

/** The largest frame takes about ten seconds. */
const halfTimeoutMs = 60_000;
/** JavaScript heap of a worker: frames lie outside it. */
const workerHeapMb = 256;
const workersDefaultMax = 8;
/** Each waiting frame holds its bytes; callers have `parallel` and one more in flight. */
const queueMax = 1024;

/** Emitted code has the extension .js, source .ts; the compiler does not rewrite it in a URL. */
const workerUrl = new URL(
  `./marking-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

/** Idle threads do not keep the process alive; `close` ends them. */
export class MarkingPool implements FrameMarker {
  readonly parallel: number;
  readonly #threads: ThreadPool<MarkingQuestion, MarkingAnswer>;

  constructor(options: MarkingPoolOptions = {}) {
    this.parallel = options.workersMax ?? Math.min(availableParallelism(), workersDefaultMax);
    this.#threads = new ThreadPool({
      program: options.workerProgram ?? workerUrl,
      name: "scanseal-marking",
      worker: "marking",
      threadsMax: this.parallel,
      heapMb: workerHeapMb,
      timeoutMs: options.timeoutMs ?? halfTimeoutMs,
      queueMax,
      codes: { slow: "timeout", died: "internal", busy: "usage" },
    });
  }

  /** @throws ScansealError `timeout` or `internal` where a thread fails, `usage`; and what `sign` throws */
  mark(job: MarkingJob, sign: MarkSigner): Promise<MarkingOutcome> {
    return this.#threads.use(async (ask) => {
      const sent = copied(job);
      const prepared = await ask({ task: "prepare", job: sent }, [sent.samples.buffer]);
      if ("reason" in prepared) return prepared;
      if (!("toBeSigned" in prepared)) throw problemIn(prepared);
      let signature: Uint8Array;
      try {
        signature = await sign(prepared.toBeSigned);
      } catch (error) {
        // The thread forgets the frame. If it died meanwhile, this is still what is told.
        await ask({ task: "drop" }).catch(() => undefined);
        throw error;
      }
      const finished = await ask({ task: "finish", signature: new Uint8Array(signature) });
      if ("marked" in finished) return finished.marked;
      throw problemIn(finished);
    });
  }

  /** Ends all threads; frames still waiting fail with `usage`. */
  async close(): Promise<void> {
    await this.#threads.close();
  }
}

function problemIn(answer: MarkingAnswer): ScansealError {
  if ("code" in answer) return new ScansealError(answer.code, answer.message);
  return new ScansealError("internal", "marking gave another answer");
}

/** Arrays of their own, of which the samples' goes to the thread: the caller's may belong to a file's cache, and a view would take its whole buffer along. */
function copied(job: MarkingJob): MarkingJob & { readonly samples: Uint8Array<ArrayBuffer> } {
  const { keyId, locatorKey, recoveryKey } = job.keys;
  return {
    ...job,
    samples: new Uint8Array(job.samples),
    contentId: new Uint8Array(job.contentId),
    keys: {
      keyId: new Uint8Array(keyId),
      ...(locatorKey && { locatorKey: new Uint8Array(locatorKey) }),
      ...(recoveryKey && { recoveryKey: new Uint8Array(recoveryKey) }),
    },
  };
}
