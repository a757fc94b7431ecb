/** Collects evidence in threads: one object each at a time, ended when it takes too long, replaced when it dies. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import type { Evidence } from "../../zero-trust/evidence/evidence.ts";
import type { ExaminedObject, Examiner } from "../../zero-trust/gateway/ports.ts";
import type { Examination, ExaminationReply } from "./examination.ts";
import type { TrustWatch } from "./trust-watch.ts";

export interface ExaminerOptions {
  readonly trust: Pick<TrustWatch, "current">;
  readonly clock: Clock;
  readonly events: EventSink;
  /** For one object, from when a thread takes it. */
  readonly evidenceMs: number;
  /** Threads. Default: one less than the machine has processors, which the network needs, at most 8. */
  readonly width?: number;
  /** Another program for the threads: for tests of what happens when one hangs or dies. */
  readonly workerProgram?: URL;
}

const widthMax = 8;
/** A table of a million leaves takes 200 MB; samples and files lie outside the heap. */
const heapMb = 512;
/** A thread that dies before its first object will die again. */
const failedStartsMax = 3;

/** Emitted code has the extension .js, source .ts; the compiler does not rewrite it in a URL. */
const workerUrl = new URL(
  `./examiner-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

interface Job {
  readonly object: ExaminedObject;
  readonly resolve: (evidence: Evidence) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  state: "starting" | "idle" | "busy" | "ended";
  trustVersion: number;
  /** Of the job under way. */
  onReply: (reply: ExaminationReply) => void;
  onEnd: (why: string) => void;
}

export class WorkerExaminer implements Examiner {
  readonly width: number;
  readonly #options: ExaminerOptions;
  readonly #threads = new Set<Thread>();
  readonly #queue: Job[] = [];
  #failedStarts = 0;
  #closed = false;

  constructor(options: ExaminerOptions) {
    this.#options = options;
    this.width = options.width ?? Math.max(1, Math.min(availableParallelism() - 1, widthMax));
  }

  /**
   * Starts every thread, so that the first object does not wait for one.
   * @throws ScansealError `internal` when one cannot be started; what the trust files are wrong with
   */
  async start(): Promise<void> {
    this.#options.trust.current();
    const ready = Array.from({ length: this.width }, () => this.#startThread());
    await Promise.all(ready);
  }

  examine(object: ExaminedObject): Promise<Evidence> {
    if (this.#closed) return Promise.reject(new ScansealError("usage", "the examiner is closed"));
    return new Promise((resolve, reject) => {
      this.#queue.push({ object, resolve, reject });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const closed = new ScansealError("usage", "the examiner is closed");
    for (const job of this.#queue.splice(0)) job.reject(closed);
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  #dispatch(): void {
    for (const thread of this.#threads) {
      // Where the trust cannot be read the job is refused and the thread still idle: the next one must not wait for a reply that never comes.
      while (thread.state === "idle" && this.#queue.length > 0) this.#give(thread, this.#queue.shift()!);
    }
    if (this.#queue.length === 0) return;
    const starting = [...this.#threads].filter(({ state }) => state === "starting").length;
    const wanted = Math.min(this.#queue.length - starting, this.width - this.#threads.size);
    for (let i = 0; i < wanted; i++) this.#startThread().catch(() => undefined);
  }

  #startThread(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const worker = new Worker(this.#options.workerProgram ?? workerUrl, {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
      name: "scanseal-examiner",
    });
    const thread: Thread = {
      worker,
      state: "starting",
      trustVersion: 0,
      onReply: () => {
        this.#failedStarts = 0;
        thread.state = "idle";
        thread.onReply = () => undefined;
        thread.onEnd = () => undefined;
        resolve();
        this.#dispatch();
      },
      onEnd: (why) => {
        this.#failedStarts++;
        reject(new ScansealError("internal", `an examining thread did not start: ${why}`));
      },
    };
    this.#threads.add(thread);
    worker.on("message", (reply: ExaminationReply) => thread.onReply(reply));
    worker.on("error", (error: unknown) => this.#ended(thread, reasonOf(error)));
    worker.on("exit", () => this.#ended(thread, "it ended"));
    return promise;
  }

  /** Once for each thread, whatever tells first. */
  #ended(thread: Thread, why: string): void {
    if (thread.state === "ended") return;
    thread.state = "ended";
    this.#threads.delete(thread);
    void thread.worker.terminate();
    thread.onEnd(why);
    if (this.#closed) return;
    this.#options.events({ kind: "worker-ended", why });
    if (this.#failedStarts < failedStartsMax) {
      // At once, so that the next object finds it warm.
      this.#startThread().catch(() => undefined);
      return;
    }
    if (this.#threads.size > 0) return;
    const failure = new ScansealError("internal", `examining threads cannot be started: ${why}`);
    for (const job of this.#queue.splice(0)) job.reject(failure);
  }

  #give(thread: Thread, job: Job): void {
    const { trust, clock, evidenceMs } = this.#options;
    let examination: Examination;
    try {
      const { version, content } = trust.current();
      const isKnown = thread.trustVersion === version;
      examination = { object: job.object, now: clock.now(), trust: isKnown ? undefined : content };
      thread.trustVersion = version;
    } catch (error) {
      // Trust that cannot be read proves nothing: the object is held, not judged by what was trusted before.
      job.reject(error);
      return;
    }
    thread.state = "busy";
    const timer = setTimeout(() => {
      settle(() =>
        job.reject(new ScansealError("timeout", `the examination took longer than ${evidenceMs} ms`)),
      );
      this.#ended(thread, "an examination took too long");
    }, evidenceMs);
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      thread.onReply = () => undefined;
      thread.onEnd = () => undefined;
      finish();
    };
    thread.onEnd = (why) => {
      settle(() => job.reject(new ScansealError("internal", `the examining thread ended: ${why}`)));
    };
    thread.onReply = (reply) => {
      thread.state = "idle";
      settle(() => {
        if (reply.kind === "evidence") job.resolve(reply.evidence);
        else if (reply.kind === "failed") job.reject(new ScansealError(reply.code, reply.message));
        else job.reject(new ScansealError("internal", "the examining thread started twice"));
      });
      this.#dispatch();
    };
    thread.worker.postMessage(examination);
  }
}

/** The name and code only: a message may quote what was examined. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "it failed";
  const { code } = error as NodeJS.ErrnoException;
  return code ?? error.name;
}
