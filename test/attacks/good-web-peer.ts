/** A good peer of DICOMweb in a thread of its own: searches, reads and stores on new connections, and says what the slowest took. */
import { request } from "node:http";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { multipartOf, multipartType } from "../gateway/web-request.ts";

export interface GoodWebTask {
  readonly port: number;
  /** A Part 10 file, and its path under the service's root. */
  readonly file: Uint8Array;
  readonly at: string;
}

export interface GoodWebAnswer {
  readonly asked: number;
  readonly slowestMs: Readonly<Record<"search" | "read" | "store", number>>;
  readonly failures: readonly string[];
}

const localAddress = "127.0.0.2";
const searchEveryMs = 250;
/** Of searches: every fourth is followed by a reading, every eighth by a storing. */
const readEvery = 4;
const storeEvery = 8;
const answerMsMax = 20_000;

export class GoodWebPeer {
  readonly #worker: Worker;

  constructor(task: GoodWebTask) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: task });
  }

  begin(): void {
    this.#worker.postMessage("begin");
  }

  /** What happened since it began. */
  end(): Promise<GoodWebAnswer> {
    this.#worker.postMessage("end");
    return new Promise((resolve) => this.#worker.once("message", resolve));
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function ask(port: number, method: string, path: string, body?: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = body ? { "content-type": multipartType, "content-length": body.length } : {};
    const options = {
      host: "127.0.0.1",
      port,
      localAddress,
      agent: false,
      method,
      path: `/dicom-web${path}`,
      headers,
    };
    const asking = request({ ...options, timeout: answerMsMax }, (response) => {
      response.once("error", reject).once("end", () => resolve(response.statusCode ?? 0));
      response.resume();
    });
    asking.once("timeout", () => asking.destroy(new Error("no answer")));
    asking.once("error", reject);
    asking.end(body);
  });
}

async function work({ port, file, at }: GoodWebTask, goesOn: () => boolean): Promise<GoodWebAnswer> {
  const slowest = { search: 0, read: 0, store: 0 };
  const failures: string[] = [];
  let asked = 0;
  const one = async (
    kind: keyof typeof slowest,
    ...what: readonly [string, string, Uint8Array?]
  ): Promise<void> => {
    const start = performance.now();
    asked++;
    try {
      const status = await ask(port, ...what);
      if (status !== 200) failures.push(`${kind}: ${status}`);
    } catch (error) {
      failures.push(`${kind}: ${(error as Error).message}`);
    }
    slowest[kind] = Math.max(slowest[kind], performance.now() - start);
  };
  const body = multipartOf([file]);
  for (let i = 0; goesOn(); i++) {
    await one("search", "GET", "/studies?limit=1");
    if (i % readEvery === 0) await one("read", "GET", at);
    if (i % storeEvery === 0) await one("store", "POST", "/studies", body);
    await new Promise((resolve) => setTimeout(resolve, searchEveryMs));
  }
  return { asked, slowestMs: slowest, failures };
}

if (parentPort) {
  const port = parentPort;
  let isOn = false;
  let working: Promise<GoodWebAnswer> | undefined;
  port.on("message", async (what: "begin" | "end") => {
    if (what === "begin") {
      isOn = true;
      working = work(workerData as GoodWebTask, () => isOn);
      return;
    }
    isOn = false;
    port.postMessage(await working);
  });
}
