/** A gateway process with a DICOMweb listener in clear, and requests to it. Needs `npm run build`. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, createReadStream, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { Agent, type ClientRequest, request } from "node:http";
import { join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { freePort, listening } from "../test/evaluation/network-peers.ts";
import { multipartOf, multipartType } from "../test/gateway/web-request.ts";
import { benchSite } from "./bench-site.ts";
import { program } from "./processes.ts";

const host = "127.0.0.1";
/** Kept alive: a handshake for each object is nobody's. */
export const connections = 4;
// The gate waits 15 s for another request.
const agent = new Agent({ keepAlive: true, maxSockets: connections, timeout: 10_000 });

/** Objects that were asked for are given as they are kept. */
export const asKept: Readonly<Record<string, string>> = {
  accept: 'multipart/related; type="application/dicom"; transfer-syntax=*',
};

export interface WebGateOptions {
  /** Orthanc with its DICOMweb plug-in. Undefined: the gate is the archive. */
  readonly archive?: { readonly dicom: number; readonly http: number } | undefined;
  /** As of the configuration; SQLite unless told. */
  readonly journal?: Readonly<Record<string, string>> | undefined;
  /** `until` needs "debug", which it is unless told. */
  readonly log?: string;
}

export class WebGate {
  readonly port: number;
  readonly #log: string;
  readonly #config: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#log = join(folder, "log");
    this.#config = join(folder, "gateway.yaml");
  }

  static async start({ archive, journal, log = "debug" }: WebGateOptions): Promise<WebGate> {
    const site = await benchSite();
    const folder = site.subfolder("web-gate");
    const gate = new WebGate(await freePort(), folder);
    const config = {
      ...{ aeTitle: "GATE", home: site.homeFolder, log, data: join(folder, "data"), journal },
      http: { host, port: await freePort() },
      listeners: [{ name: "web", protocol: "dicomweb", host, port: gate.port }],
      sources: [
        {
          ...{ name: "router", listener: "web", mode: "enforce", devices: ["bench"] },
          associations: connections + 1,
        },
      ],
      ...(archive && {
        destinations: [{ name: "archive", host, port: archive.dicom, aeTitle: "ORTHANC", takes: "admitted" }],
      }),
      reading: {
        ...(archive && { archive: { name: "pacs", dicomweb: `http://${host}:${archive.http}/dicom-web` } }),
        readers: [{ name: "viewer", listener: "web", mode: "enforce" }],
      },
    };
    writeFileSync(gate.#config, JSON.stringify(config));
    await gate.#start();
    return gate;
  }

  async #start(): Promise<void> {
    const out = openSync(this.#log, "w");
    const options = process.env.SCANSEAL_BENCH_NODE?.split(" ") ?? [];
    const child = spawn(process.execPath, [...options, program, "gateway", "--config", this.#config], {
      stdio: ["ignore", out, "inherit"],
      env: { ...process.env, TCP_NODELAY: "1" },
    });
    closeSync(out);
    this.#process = child;
    await listening(this.port, child);
  }

  /** What it has verified is verified anew. */
  async restart(): Promise<void> {
    const ended = new Promise((resolve) => this.#process?.once("exit", resolve));
    this.#process?.kill();
    await ended;
    await this.#start();
  }

  /** Lines of the log of this start; it is read where it ends. */
  async until(event: string, count: number): Promise<void> {
    while (readFileSync(this.#log, "latin1").split(`"event":"${event}"`).length - 1 < count) await pause(10);
  }

  /** Resident memory, MiB. */
  residentMiB(): number {
    const status = readFileSync(`/proc/${this.#process?.pid}/status`, "latin1");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  close(): void {
    agent.destroy();
    this.#process?.kill();
  }
}

/** STOW-RS of a multipart body. */
export function post(port: number, body: Uint8Array): Promise<void> {
  return posted(port, body.length, (sending) => sending.end(body));
}

/** The same of one file, as it is read. */
export function postFile(port: number, file: string): Promise<void> {
  const around = Buffer.from(multipartOf([new Uint8Array(0)]));
  const head = around.subarray(0, around.indexOf("\r\n\r\n") + 4);
  const tail = around.subarray(head.length);
  async function* body(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* createReadStream(file, { highWaterMark: 1 << 20 });
    yield tail;
  }
  const length = head.length + statSync(file).size + tail.length;
  return posted(port, length, (sending) => pipeline(Readable.from(body()), sending, () => undefined));
}

function posted(port: number, length: number, send: (sending: ClientRequest) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": multipartType, "content-length": length };
    const path = "/dicom-web/studies";
    const sending = request({ agent, host, port, path, method: "POST", headers });
    sending.once("error", reject);
    sending.once("response", (response) => {
      response.resume().once("end", resolve);
      if (response.statusCode !== 200) reject(new Error(`storing: ${response.statusCode}`));
    });
    send(sending);
  });
}

/** @param onBytes how many have come so far */
export function get(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request({ agent, host, port, path: `/dicom-web${path}`, headers });
    asking.once("error", reject);
    asking.once("response", (response) => {
      if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
      let bytes = 0;
      response.on("data", (chunk: Uint8Array) => {
        bytes += chunk.length;
        onBytes(bytes);
      });
      response.once("end", resolve).once("error", reject);
    });
    asking.end();
  });
}

export async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}
