/** Verifying many files: in this thread when they are few, in as many threads as there are processors when they are not. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ScansealError } from "../foundation/errors.ts";
import { createTrustStore, type TrustStoreContent } from "../keys/trust/trust-store.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { type FileOutcome, FileVerifier } from "./verification.ts";

/** Plain data: it is cloned into threads. */
export interface VerificationSettings {
  readonly trust: TrustStoreContent;
  /** Compare every attribute and frame although a signature would do. */
  readonly deep: boolean;
}

/** Each holds a runtime, the dictionary and one file: some 60 MB. */
const threadsMax = 8;
/** A thread takes a tenth of a second to start, in which a hundred slices are verified. */
const filesPerThreadMin = 128;
/** Handed to a thread at once: little enough for a progress bar, enough that nobody waits for messages. */
const batchFiles = 16;

/** Emitted code has the extension .js, source .ts; the compiler does not rewrite it in a URL. */
const workerUrl = new URL(
  `./verification-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

/**
 * Judges files in the order given; one that cannot be read is an outcome too. Threads end when the caller stops asking.
 * @param threads for tests; at most this many
 * @throws ScansealError `certificate-invalid`, `usage` for settings that are not sound, `internal`
 */
export async function* verifyFiles(
  paths: readonly string[],
  settings: VerificationSettings,
  threads: number = Math.min(
    availableParallelism(),
    threadsMax,
    Math.floor(paths.length / filesPerThreadMin),
  ),
): AsyncGenerator<FileOutcome> {
  if (threads > 1) yield* inThreads(paths, settings, threads);
  else yield* inThisThread(paths, settings);
}

async function* inThisThread(
  paths: readonly string[],
  { trust, deep }: VerificationSettings,
): AsyncGenerator<FileOutcome> {
  const verifier = new FileVerifier(createTrustStore(trust, nodeCrypto), { deep });
  try {
    for (const path of paths) yield await verifier.outcomeOf(path);
  } finally {
    await verifier.close();
  }
}

async function* inThreads(
  paths: readonly string[],
  settings: VerificationSettings,
  threads: number,
): AsyncGenerator<FileOutcome> {
  const batches: (readonly string[])[] = [];
  for (let at = 0; at < paths.length; at += batchFiles) batches.push(paths.slice(at, at + batchFiles));
  const results = batches.map(() => Promise.withResolvers<readonly FileOutcome[]>());
  // A failure is told when its turn comes; nobody waits for those behind it.
  for (const { promise } of results) promise.catch(() => undefined);
  let next = 0;
  const workers = Array.from({ length: threads }, () => new VerificationThread(settings));
  for (const worker of workers) {
    void (async () => {
      for (let n = next++; n < batches.length; n = next++) {
        results[n]!.resolve(worker.verify(batches[n]!));
        await results[n]!.promise.catch(() => undefined);
      }
    })();
  }
  try {
    for (const { promise } of results) yield* await promise;
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
}

class VerificationThread {
  readonly #worker: Worker;
  #failure: ScansealError | undefined;

  constructor(settings: VerificationSettings) {
    this.#worker = new Worker(workerUrl, {
      workerData: settings,
      env: {},
      execArgv: [],
      name: "scanseal-verification",
    });
    // Before the first question, too.
    this.#worker.on("error", (cause) => {
      this.#failure ??= new ScansealError("internal", "a verifying thread failed", { cause });
    });
    this.#worker.on("exit", () => {
      this.#failure ??= new ScansealError("internal", "a verifying thread ended");
    });
  }

  /** One call at a time. */
  verify(paths: readonly string[]): Promise<readonly FileOutcome[]> {
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        worker.off("message", done);
        reject(this.#failure);
      };
      const done = (outcomes: readonly FileOutcome[]): void => {
        worker.off("exit", fail);
        resolve(outcomes);
      };
      if (this.#failure) return fail();
      worker.once("message", done);
      worker.once("exit", fail);
      worker.postMessage(paths);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
