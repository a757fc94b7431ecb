/** Worker threads that answer questions, one at a time: started when needed, ended when they take too long, replaced when they fail. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, ScansealError } from "../../foundation/errors.ts";

export interface ThreadPoolOptions {
  /** Must answer every message with exactly one. */
  readonly program: URL;
  /** For people who look at threads. */
  readonly name: string;
  /** What works there, for messages: "the codec". */
  readonly worker: string;
  readonly threadsMax: number;
  /** JavaScript heap of a thread; buffers and WebAssembly memory lie outside it. */
  readonly heapMb: number;
  /** For one answer. */
  readonly timeoutMs: number;
  /** Work that may wait for a thread. */
  readonly queueMax: number;
  /** The threads' environment; empty where it is absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it is called when an answer takes too long, when a thread dies, and when too much waits. */
  readonly codes: { readonly slow: ErrorCode; readonly died: ErrorCode; readonly busy: ErrorCode };
}

/**
 * Asks the thread that one has.
 * @param transfer buffers the thread gets and the caller loses
 * @throws ScansealError when the thread dies or takes too long: it is not asked again
 */
export type Ask<Question, Answer> = (
  question: Question,
  transfer?: readonly ArrayBuffer[],
) => Promise<Answer>;

/** Idle threads do not keep the process alive; `close` ends them. */
export class ThreadPool<Question, Answer> {
  readonly #options: ThreadPoolOptions;
  readonly #idle = new Set<Thread<Question, Answer>>();
  readonly #all = new Set<Thread<Question, Answer>>();
  readonly #queue: {
    resolve(thread: Thread<Question, Answer>): void;
    reject(error: ScansealError): void;
  }[] = [];
  #closed = false;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  /** Has a thread of its own for as long as `work` takes. */
  async use<Result>(work: (ask: Ask<Question, Answer>) => Promise<Result>): Promise<Result> {
    const thread = await this.#take();
    try {
      return await work((question, transfer) => thread.ask(question, transfer));
    } finally {
      this.#release(thread);
    }
  }

  /** Ends all threads; what still waits for one fails with `usage`. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#queue.splice(0)) reject(this.#closedError());
    await Promise.all([...this.#all].map((thread) => thread.end()));
  }

  #take(): Promise<Thread<Question, Answer>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closedError());
      const thread = this.#next();
      if (thread) return resolve(thread);
      const { codes, queueMax, worker } = this.#options;
      if (this.#queue.length >= queueMax)
        return reject(new ScansealError(codes.busy, `too much waits for ${worker}`));
      this.#queue.push({ resolve, reject });
    });
  }

  #next(): Thread<Question, Answer> | undefined {
    const [idle] = this.#idle;
    if (idle) {
      this.#idle.delete(idle);
      idle.keepsProcess(true);
      return idle;
    }
    if (this.#all.size >= this.#options.threadsMax) return undefined;
    const thread = new Thread<Question, Answer>(this.#options, () => {
      this.#idle.delete(thread);
      this.#all.delete(thread);
    });
    this.#all.add(thread);
    return thread;
  }

  #release(thread: Thread<Question, Answer>): void {
    if (thread.isFree && !this.#closed) {
      thread.keepsProcess(false);
      this.#idle.add(thread);
    } else void thread.end();
    while (this.#queue.length > 0) {
      const next = this.#next();
      if (next === undefined) return;
      this.#queue.shift()!.resolve(next);
    }
  }

  #closedError(): ScansealError {
    return new ScansealError("usage", `the threads of ${this.#options.worker} are closed`);
  }
}

interface Pending<Answer> {
  readonly timer: NodeJS.Timeout;
  resolve(answer: Answer): void;
  reject(error: ScansealError): void;
}

class Thread<Question, Answer> {
  readonly #options: ThreadPoolOptions;
  readonly #worker: Worker;
  readonly #onGone: () => void;
  #pending: Pending<Answer> | undefined;
  /** Set once: why it is not asked again. */
  #gone: ScansealError | undefined;

  constructor(options: ThreadPoolOptions, onGone: () => void) {
    this.#options = options;
    this.#onGone = onGone;
    const { program, name, heapMb, worker, codes, env = {} } = options;
    this.#worker = new Worker(program, {
      env,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
      name,
    });
    this.#worker
      .on("message", (answer: Answer) => this.#takePending()?.resolve(answer))
      .on("error", (cause: unknown) =>
        this.#leave(new ScansealError(codes.died, `the thread of ${worker} failed`, { cause })),
      )
      .on("exit", () => this.#leave(new ScansealError(codes.died, `the thread of ${worker} ended`)));
  }

  /** Alive and with nothing to answer. */
  get isFree(): boolean {
    return this.#gone === undefined && this.#pending === undefined;
  }

  keepsProcess(keeps: boolean): void {
    if (keeps) this.#worker.ref();
    else this.#worker.unref();
  }

  ask(question: Question, transfer: readonly ArrayBuffer[] = []): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#gone) return reject(this.#gone);
      const { timeoutMs, codes, worker } = this.#options;
      const timer = setTimeout(() => {
        this.#leave(new ScansealError(codes.slow, `${worker} took longer than ${timeoutMs} ms`));
        void this.end();
      }, timeoutMs);
      this.#pending = { timer, resolve, reject };
      try {
        this.#worker.postMessage(question, transfer);
      } catch (cause) {
        // What cannot be sent: the thread knows nothing of it.
        this.#takePending();
        reject(
          new ScansealError(codes.died, `${worker} was asked what cannot be sent to a thread`, { cause }),
        );
      }
    });
  }

  /** A question that is being answered fails. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #takePending(): Pending<Answer> | undefined {
    const pending = this.#pending;
    clearTimeout(pending?.timer);
    this.#pending = undefined;
    return pending;
  }

  #leave(error: ScansealError): void {
    this.#gone ??= error;
    // Before whoever asked goes on: the pool starts another one.
    this.#onGone();
    this.#takePending()?.reject(error);
  }
}
