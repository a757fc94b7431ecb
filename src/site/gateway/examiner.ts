/** Collects evidence in threads: one object each at a time, ended when it takes too long, replaced when it dies. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import type { ExaminedEvidence, ExaminedObject, Examiner } from "../../zero-trust/gateway/ports.ts";
import type { TimeSettings } from "../provenance/time-file.ts";
import type { Examination, ExaminationReply, ExaminerData } from "./examination.ts";
import type { TrustWatch } from "./trust-watch.ts";

export interface ExaminerOptions {
  readonly trust: Pick<TrustWatch, "current">;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Of the site: a file that may not exist yet, or a `postgres://` URL. */
  readonly provenance?: string;
  /** As `VerifierOptions` has it. */
  readonly logPolicy?: string | undefined;
  readonly time?: TimeSettings | undefined;
  /** For one object, from when a thread takes it. */
  readonly evidenceMs: number;
  /** Threads. Default: as many as the machine has processors, at most 8; they give way to the thread that reads the network. */
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
  readonly resolve: (evidence: ExaminedEvidence) => void;
  readonly reject: (error: unknown) => void;
}

/** One is examined, the next one lies ready: between two objects nobody waits for the main thread. */
const jobsOfThreadMax = 2;
/** Many times what an ordinary object takes: what lies behind one that takes longer goes to another thread. */
const slowMs = 250;

interface Thread {
  readonly worker: Worker;
  state: "starting" | "ready" | "ended";
  trustVersion: number;
  /** The first one is under way. Undefined: the thread will answer it, but another one has it now. */
  readonly jobs: (Job | undefined)[];
  timer: ReturnType<typeof setTimeout> | undefined;
  slowTimer: ReturnType<typeof setInterval> | undefined;
  /** It is ready, or it ended before it was. */
  readonly started: PromiseWithResolvers<void>;
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
    this.width = options.width ?? Math.min(availableParallelism(), widthMax);
  }

  /**
   * Starts one thread, so that the first object does not wait for it; the others come when there is work for them.
   * @throws ScansealError `internal` when one cannot be started; what the trust files are wrong with
   */
  async start(): Promise<void> {
    this.#options.trust.current();
    await this.#startThread();
  }

  examine(object: ExaminedObject): Promise<ExaminedEvidence> {
    if (this.#closed) return Promise.reject(new ScansealError("usage", "the examiner is closed"));
    return new Promise((resolve, reject) => {
      this.#queue.push({ object, resolve, reject });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
    const closed = new ScansealError("usage", "the examiner is closed");
    for (const job of this.#queue.splice(0)) job.reject(closed);
  }

  #dispatch(): void {
    // Every idle thread has one before any has two.
    for (let jobs = 0; jobs < jobsOfThreadMax; jobs++) {
      for (const thread of this.#threads) {
        // Where the trust cannot be read the job is refused and the thread still idle: the next one must not wait for a reply that never comes.
        while (thread.state === "ready" && thread.jobs.length === jobs && this.#queue.length > 0)
          this.#give(thread, this.#queue.shift()!);
      }
    }
    if (this.#queue.length === 0) return;
    const starting = [...this.#threads].filter(({ state }) => state === "starting").length;
    const wanted = Math.min(this.#queue.length - starting, this.width - this.#threads.size);
    for (let i = 0; i < wanted; i++) this.#startThread().catch(() => undefined);
  }

  #startThread(): Promise<void> {
    const { provenance, logPolicy, time } = this.#options;
    const workerData: ExaminerData = { provenance, logPolicy, time };
    const worker = new Worker(this.#options.workerProgram ?? workerUrl, {
      workerData,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
      name: "scanseal-examiner",
    });
    const thread: Thread = {
      worker,
      state: "starting",
      trustVersion: 0,
      jobs: [],
      timer: undefined,
      slowTimer: undefined,
      started: Promise.withResolvers<void>(),
    };
    this.#threads.add(thread);
    worker.on("message", (reply: ExaminationReply) => this.#replied(thread, reply));
    worker.on("error", (error: unknown) => this.#ended(thread, reasonOf(error)));
    worker.on("exit", () => this.#ended(thread, "it ended"));
    return thread.started.promise;
  }

  #replied(thread: Thread, reply: ExaminationReply): void {
    if (thread.state === "ended") return;
    if (thread.state === "starting") {
      this.#failedStarts = 0;
      thread.state = "ready";
      thread.started.resolve();
    } else {
      const job = thread.jobs.shift();
      this.#watch(thread);
      if (reply.kind === "evidence") job?.resolve(reply.evidence);
      else if (reply.kind === "failed") job?.reject(new ScansealError(reply.code, reply.message));
      else job?.reject(new ScansealError("internal", "the examining thread started twice"));
    }
    this.#dispatch();
  }

  /** The time of what is now under way. */
  #watch(thread: Thread): void {
    clearTimeout(thread.timer);
    clearInterval(thread.slowTimer);
    if (thread.jobs.length === 0) return;
    thread.slowTimer = setInterval(() => this.#passOn(thread), slowMs);
    const { evidenceMs } = this.#options;
    thread.timer = setTimeout(() => {
      const timeout = new ScansealError("timeout", `the examination took longer than ${evidenceMs} ms`);
      this.#ended(thread, "an examination took too long", timeout);
    }, evidenceMs);
  }

  /** Its first object is slow: the next one does not wait for it where another thread can take it. */
  #passOn(slow: Thread): void {
    const waiting = slow.jobs[1];
    const others = [...this.#threads].filter((thread) => thread !== slow);
    const isRoom =
      this.#threads.size < this.width || others.some(({ jobs }) => jobs.length < jobsOfThreadMax);
    if (!waiting || !isRoom) return;
    slow.jobs[1] = undefined;
    this.#queue.unshift(waiting);
    this.#dispatch();
  }

  /** Once for each thread, whatever tells first. @param failure of what was under way */
  #ended(
    thread: Thread,
    why: string,
    failure: ScansealError = new ScansealError("internal", `the examining thread ended: ${why}`),
  ): void {
    if (thread.state === "ended") return;
    const hadStarted = thread.state === "ready";
    thread.state = "ended";
    clearTimeout(thread.timer);
    clearInterval(thread.slowTimer);
    this.#threads.delete(thread);
    void thread.worker.terminate();
    const [underWay, ...ready] = thread.jobs;
    underWay?.reject(failure);
    // They had no part in it.
    this.#queue.unshift(...ready.filter((job) => job !== undefined));
    if (!hadStarted) {
      this.#failedStarts++;
      thread.started.reject(new ScansealError("internal", `an examining thread did not start: ${why}`));
    }
    if (this.#closed) return;
    this.#options.events({ kind: "worker-ended", why });
    if (this.#failedStarts < failedStartsMax) {
      // At once, so that the next object finds it warm.
      this.#startThread().catch(() => undefined);
      return;
    }
    if (this.#threads.size > 0) return;
    const none = new ScansealError("internal", `examining threads cannot be started: ${why}`);
    for (const job of this.#queue.splice(0)) job.reject(none);
  }

  #give(thread: Thread, job: Job): void {
    const { trust, clock } = this.#options;
    let examination: Examination;
    try {
      const { version, ...trusted } = trust.current();
      const isKnown = thread.trustVersion === version;
      examination = { object: job.object, now: clock.now(), trust: isKnown ? undefined : trusted };
      thread.trustVersion = version;
    } catch (error) {
      // Trust that cannot be read proves nothing: the object is held, not judged by what was trusted before.
      job.reject(error);
      return;
    }
    thread.jobs.push(job);
    if (thread.jobs.length === 1) this.#watch(thread);
    thread.worker.postMessage(examination);
  }
}

/** The name and code only: a message may quote what was examined. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "it failed";
  const { code } = error as NodeJS.ErrnoException;
  return code ?? error.name;
}
