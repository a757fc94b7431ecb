/** Verifying many files: in this thread, and in as many others as there are processors when it is worth starting them. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ScansealError } from "../foundation/errors.ts";
import { createTrustStore, type TrustStoreContent } from "../keys/trust/trust-store.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { type FileOutcome, FileVerifier, type VerifierOptions } from "./verification.ts";

/** Plain data: it is cloned into threads. */
export interface VerificationSettings extends VerifierOptions {
  readonly trust: TrustStoreContent;
}

/** Each holds a runtime, the dictionary and one file: some 60 MB. */
const threadsMax = 8;
/** A thread takes as long to start, and to become quick, as two hundred slices take. */
const filesPerThreadMin = 256;
/** Handed to a thread at once: little enough for a progress bar, enough that nobody waits for messages. */
const batchFiles = 16;

/** Emitted code has the extension .js, source .ts; the compiler does not rewrite it in a URL. */
const workerUrl = new URL(
  `./verification-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

/** One batch at a time. */
interface BatchVerifier {
  verify(paths: readonly string[]): Promise<readonly FileOutcome[]>;
  end(): Promise<void>;
}

/**
 * Judges files in the order given; one that cannot be read is an outcome too. Threads end when the caller stops asking.
 * @param threads this one included
 * @throws ScansealError `certificate-invalid`, `usage` for settings that are not sound, `internal`
 */
export async function* verifyFiles(
  paths: readonly string[],
  settings: VerificationSettings,
  threads: number = Math.min(availableParallelism(), threadsMax, Math.ceil(paths.length / filesPerThreadMin)),
): AsyncGenerator<FileOutcome> {
  const verifiers: BatchVerifier[] = [new ThisThread(settings)];
  while (verifiers.length < threads) verifiers.push(new OtherThread(settings));
  const size = threads > 1 ? batchFiles : 1;
  const batches: (readonly string[])[] = [];
  for (let at = 0; at < paths.length; at += size) batches.push(paths.slice(at, at + size));
  const results = batches.map(() => Promise.withResolvers<readonly FileOutcome[]>());
  // A failure is told when its turn comes; nobody waits for those behind it.
  for (const { promise } of results) promise.catch(() => undefined);
  let next = 0;
  const work = async (verifier: BatchVerifier): Promise<void> => {
    for (let n = next++; n < batches.length; n = next++) {
      const { promise, resolve } = results[n]!;
      resolve(verifier.verify(batches[n]!));
      await promise.catch(() => undefined);
    }
  };
  for (const verifier of verifiers) void work(verifier);
  try {
    for (const { promise } of results) yield* await promise;
  } finally {
    next = batches.length;
    await Promise.all(verifiers.map((verifier) => verifier.end()));
  }
}

class ThisThread implements BatchVerifier {
  readonly #verifier: FileVerifier;

  constructor({ trust, ...options }: VerificationSettings) {
    this.#verifier = new FileVerifier(createTrustStore(trust, nodeCrypto), options);
  }

  async verify(paths: readonly string[]): Promise<readonly FileOutcome[]> {
    // Other threads' messages, timers and signals have their turn between batches.
    await new Promise((resolve) => setImmediate(resolve));
    const outcomes: FileOutcome[] = [];
    for (const path of paths) outcomes.push(await this.#verifier.outcomeOf(path));
    return outcomes;
  }

  end(): Promise<void> {
    return this.#verifier.close();
  }
}

class OtherThread implements BatchVerifier {
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
