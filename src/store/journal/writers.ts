/** How changes become durable: many in one transaction where the engine writes alone, side by side where it does not. */
import { ScansealError } from "../../foundation/errors.ts";
import { isOfOneRow, isTransient } from "./database-error.ts";
import type { Database } from "./tables.ts";

/** Reads and writes only through the transaction it is given, awaits nothing else, and may be run again after a rollback. */
export type WriteJob<T> = (transaction: Database) => Promise<T>;

export interface Writer {
  /** Resolves when the job's changes are durable. */
  run<T>(job: WriteJob<T>): Promise<T>;
  /** The same for a job with one statement that changes something: it is its own transaction where that is cheaper. */
  runStatement<T>(job: WriteJob<T>): Promise<T>;
  /** Resolves when nothing is under way. */
  drain(): Promise<void>;
}

/** The event loop stands still for a transaction: 64 judgements take some 20 ms. */
const jobsPerTransaction = 64;

interface Waiting {
  run(transaction: Database): Promise<unknown>;
  /** Called after the commit. */
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Group commit: what is asked for in one turn of the event loop shares a transaction and its fsync. */
export class GroupWriter implements Writer {
  readonly #db: Database;
  readonly #queue: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  run<T>(job: WriteJob<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ run: job, resolve: resolve as (value: unknown) => void, reject });
      this.#flushing ??= this.#flush();
    });
  }

  runStatement<T>(job: WriteJob<T>): Promise<T> {
    return this.run(job);
  }

  async drain(): Promise<void> {
    while (this.#flushing) await this.#flushing;
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const group = this.#queue.splice(0, jobsPerTransaction);
      const failure = await this.#commit(group);
      if (failure === undefined) continue;
      // The database's own failures are everybody's. A job that cannot be written is its own: the others are tried without it.
      const alone = group.length > 1 && isOfOneJob(failure.error);
      for (const job of group) {
        const error = alone ? await this.#commit([job]) : failure;
        if (error) job.reject(error.error);
      }
    }
    this.#flushing = undefined;
  }

  async #commit(group: readonly Waiting[]): Promise<{ readonly error: unknown } | undefined> {
    try {
      const values = await this.#db.transaction().execute(async (transaction) => {
        const out: unknown[] = [];
        for (const job of group) out.push(await job.run(transaction));
        return out;
      });
      group.forEach((job, index) => {
        job.resolve(values[index]);
      });
      return undefined;
    } catch (error) {
      return { error };
    }
  }
}

/** Also what is not the database's at all: one that is embedded has rolled back. */
function isOfOneJob(error: unknown): boolean {
  return typeof (error as { readonly errcode?: unknown }).errcode !== "number" || isOfOneRow(error);
}

/** A deadlock between gateways is resolved by the server; the loser tries again. */
const triesMax = 5;
/** Jobs that wait for a connection: more means the server does not follow. */
const waitingMax = 100_000;

/** A transaction for each job, side by side over the pool: the server shares the fsync between them. */
export class PooledWriter implements Writer {
  readonly #db: Database;
  readonly #running = new Set<Promise<unknown>>();

  constructor(db: Database) {
    this.#db = db;
  }

  run<T>(job: WriteJob<T>): Promise<T> {
    return this.#track(() => this.#db.transaction().execute(job));
  }

  runStatement<T>(job: WriteJob<T>): Promise<T> {
    return this.#track(() => job(this.#db));
  }

  async drain(): Promise<void> {
    await Promise.all(this.#running);
  }

  #track<T>(write: () => Promise<T>): Promise<T> {
    if (this.#running.size >= waitingMax) {
      return Promise.reject(new ScansealError("io", "too many changes wait for the journal's database"));
    }
    const running = this.#try(write);
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#running.add(settled);
    void settled.then(() => this.#running.delete(settled));
    return running;
  }

  async #try<T>(write: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await write();
      } catch (error) {
        if (attempt >= triesMax || !isTransient(error)) throw error;
      }
    }
  }
}
