/** Seals for modalities, each device in a thread of its own, one object after the other: its counter has one writer. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { metaBytesMax } from "../../../dicom/limits.ts";
import { metaEndOf } from "../../../dicom/meta-end.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { EventSink } from "../../../operations/event.ts";
import { nodeCrypto } from "../../../platform/node/crypto.ts";
import { openFileSource } from "../../../platform/node/file-source.ts";
import { ThreadPool } from "../../../platform/node/thread-pool.ts";
import type { SealerEvidence } from "../../../zero-trust/evidence/sealer-evidence.ts";
import { LeavingBytes } from "../../../zero-trust/gateway/leaving-bytes.ts";
import type {
  ObjectToSeal,
  SealedBytes,
  Sealer,
  SealingResult,
} from "../../../zero-trust/gateway/sealer/sealer.ts";
import type { SealingSettings } from "../../../zero-trust/gateway/settings.ts";
import type { TrustWatch } from "../trust-watch.ts";
import type { SealingAnswer, SealingQuestion } from "./sealing-messages.ts";

export interface DeviceSealerOptions {
  /** Of the site. */
  readonly home: string;
  /** For sealed objects on their way to the spool: emptied at the start. */
  readonly folder: string;
  readonly version: string;
  readonly trust: Pick<TrustWatch, "current">;
  readonly events: EventSink;
  /** For one object, from when its thread takes it. */
  readonly sealingMs: number;
}

/** As for a thread that examines: files and samples lie outside. */
const heapMb = 512;
/** Judged at once. */
const queueMax = 1024;
/** The head of a file, in which group 0002 ends. */
const headBytes = 128 + 4 + metaBytesMax + 16;

/** Emitted code has the extension .js, source .ts; the compiler does not rewrite it in a URL. */
const workerUrl = new URL(
  `./sealing-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

type Threads = ThreadPool<SealingQuestion, SealingAnswer>;

export class DeviceSealer implements Sealer {
  readonly #options: DeviceSealerOptions;
  readonly #threads = new Map<string, Threads>();
  /** By device: each problem is told once in a row. */
  readonly #told = new Map<string, string>();
  #count = 0;

  private constructor(options: DeviceSealerOptions) {
    this.#options = options;
  }

  /** @throws ScansealError `io` of the folder */
  static async open(options: DeviceSealerOptions): Promise<DeviceSealer> {
    const { folder } = options;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const name of await readdir(folder)) await rm(join(folder, name), { force: true });
    } catch (cause) {
      throw new ScansealError("io", "the sealer's folder cannot be used", { cause });
    }
    return new DeviceSealer(options);
  }

  async seal(object: ObjectToSeal, settings: SealingSettings): Promise<SealingResult> {
    const { folder, home, version, trust } = this.#options;
    const path = join(folder, `${this.#count++}.part`);
    const free = (): Promise<void> => rm(path, { force: true }).catch(() => undefined);
    try {
      const trustVersion = trust.current().version;
      const question = { home, version, object, settings, trustVersion, path };
      const answer = await this.#threadsOf(settings.device).use((ask) => ask(question));
      if (answer.kind === "sealed") {
        this.#told.delete(settings.device);
        return { kind: "sealed", sealed: await sealedBytes(path, answer, free) };
      }
      await free();
      if (answer.sealer.problem === "failed") this.#tell(settings.device, answer.sealer.detail);
      return answer;
    } catch (error) {
      await free();
      const why = error instanceof ScansealError ? `${error.message} (${error.code})` : "it failed";
      this.#tell(settings.device, why);
      const sealer: SealerEvidence = { problem: "failed", detail: why };
      return { kind: "not-sealed", sealer };
    }
  }

  #threadsOf(device: string): Threads {
    const known = this.#threads.get(device);
    if (known) return known;
    const passphrase = process.env.SCANSEAL_PASSPHRASE;
    const made: Threads = new ThreadPool({
      program: workerUrl,
      name: "scanseal-sealing",
      worker: "sealing",
      threadsMax: 1,
      heapMb,
      timeoutMs: this.#options.sealingMs,
      queueMax,
      env: passphrase ? { SCANSEAL_PASSPHRASE: passphrase } : {},
      codes: { slow: "timeout", died: "internal", busy: "usage" },
    });
    this.#threads.set(device, made);
    return made;
  }

  /** Each held object is told too; this says that it is the device. */
  #tell(device: string, why: string): void {
    if (this.#told.get(device) === why) return;
    this.#told.set(device, why);
    const code = /\(([a-z-]+)\)$/.exec(why)?.[1] ?? "internal";
    this.#options.events({ kind: "fault", where: `sealer ${device}`, code, why });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#threads.values()].map((threads) => threads.close()));
  }
}

async function sealedBytes(
  path: string,
  judged: { readonly bytes: number; readonly digest: string },
  free: () => Promise<void>,
): Promise<SealedBytes> {
  const source = await openFileSource(path, false);
  try {
    const head = await source.read(0, Math.min(source.size, headBytes));
    const dataSetOffset = metaEndOf(head);
    if (dataSetOffset === undefined) throw new ScansealError("internal", "what was sealed is no DICOM file");
    const { bytes, digest } = judged;
    return { bytes, digest, dataSetOffset, free, read: () => piecesOf(path, judged) };
  } finally {
    await source.close();
  }
}

/** Hashed once more: what reaches the spool is what the thread made. */
async function* piecesOf(
  path: string,
  judged: { readonly bytes: number; readonly digest: string },
): ReturnType<LeavingBytes["pieces"]> {
  const source = await openFileSource(path, false);
  try {
    yield* new LeavingBytes(source, judged, nodeCrypto).pieces(0);
  } finally {
    await source.close();
  }
}
