/** DCMTK's and Orthanc's network programs beside a server or client in this process: nothing here may block its event loop. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDicom } from "../../src/dicom/read.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { generateChestSeries } from "../../src/phantom/chest-ct.ts";
import type { TlsMaterial } from "../dicom-network/tls-material.ts";
import { freePort, listening } from "../evaluation/network-peers.ts";
import { type PeerName, peerPath } from "../peers.ts";

/** Without it DCMTK's programs wait 40 ms for every small packet. */
const env = { ...process.env, TCP_NODELAY: "1" };

export interface Ended {
  readonly status: number | null;
  readonly text: string;
}

/** A server of others. */
export interface Served {
  readonly port: number;
  /** What it has printed. */
  text(): string;
  stop(): Promise<void>;
}

export class DimsePeers {
  readonly folder: string = mkdtempSync(join(tmpdir(), "scanseal-dimse-peers-"));
  readonly #running: ChildProcess[] = [];

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  write(name: string, content: string | Bytes): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** Runs a program to its end. */
  run(name: PeerName, ...options: readonly string[]): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const child = spawn(peerPath(name), [...options], { env, stdio: ["ignore", "pipe", "pipe"] });
      let text = "";
      const take = (chunk: Buffer): void => {
        text += chunk.toString();
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      child.on("error", reject);
      child.on("close", (status) => resolve({ status, text }));
    });
  }

  /** storescp that writes every byte as it came; @returns its port */
  async storescp(inbox: string, ...options: readonly string[]): Promise<number> {
    return (await this.storescpAt(await freePort(), inbox, "+xa", ...options)).port;
  }

  /** The same on a port of choice, without a transfer syntax of choice. */
  async storescpAt(port: number, inbox: string, ...options: readonly string[]): Promise<Served> {
    mkdirSync(this.path(inbox), { recursive: true });
    const all = [...options, "-pm", "+B", "--output-directory", this.path(inbox), `${port}`];
    return this.#start("storescp", all, port);
  }

  /** @returns the ports of DICOM and HTTP */
  async orthanc(
    folder = "orthanc",
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<{ readonly dicom: number; readonly http: number }> {
    const [dicom, http] = [await freePort(), await freePort()];
    const configuration = {
      StorageDirectory: this.path(folder),
      IndexDirectory: this.path(folder),
      Plugins: [],
      HttpPort: http,
      DicomPort: dicom,
      DicomAet: "ORTHANC",
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      DicomAlwaysAllowStore: true,
      ...settings,
    };
    const path = this.write(`${folder}.json`, JSON.stringify(configuration));
    await this.#start("Orthanc", [path], http);
    await listening(dicom, this.#running.at(-1)!);
    return { dicom, http };
  }

  /** dcmqrscp, which knows `readers` by AE title and port; its AE title is ARCHIVE. */
  async dcmqrscp(
    folder: string,
    readers: Readonly<Record<string, number>>,
    ...options: readonly string[]
  ): Promise<Served> {
    const port = await freePort();
    mkdirSync(this.path(folder), { recursive: true });
    const hosts = Object.entries(readers).map(
      ([title, at]) => `${title.toLowerCase()} = (${title}, 127.0.0.1, ${at})`,
    );
    const lines = [
      `NetworkTCPPort = ${port}`,
      "MaxPDUSize = 16384",
      "MaxAssociations = 16",
      "HostTable BEGIN",
      ...hosts,
      "HostTable END",
      "VendorTable BEGIN",
      "VendorTable END",
      "AETable BEGIN",
      `ARCHIVE ${this.path(folder)} RW (200, 1024mb) ANY`,
      "AETable END",
    ];
    const configuration = this.write(`${folder}.cfg`, `${lines.join("\n")}\n`);
    return this.#start("dcmqrscp", [...options, "-c", configuration], port);
  }

  /** wlmscpfs, a worklist server over the files of a folder; its AE title is WORKLIST. */
  async wlmscpfs(folder: string, port: number): Promise<Served> {
    mkdirSync(this.path(folder, "WORKLIST"), { recursive: true });
    this.write(join(folder, "WORKLIST", "lockfile"), "");
    return this.#start("wlmscpfs", ["-dfp", this.path(folder), "-dfr", `${port}`], port);
  }

  async #start(name: PeerName, options: readonly string[], port: number): Promise<Served> {
    const child = spawn(peerPath(name), [...options], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#running.push(child);
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
    await listening(port, child);
    return { port, text: () => text, stop: () => endOf(child) };
  }

  /** What is in a folder, whole files in no order. */
  inbox(name: string): Bytes[] {
    return readdirSync(this.path(name)).map((file) => readFileSync(this.path(name, file)));
  }

  /** Key, certificate and authority as files, and DCMTK's options for them. */
  tlsOptions(name: "server" | "client", material: TlsMaterial): string[] {
    const { keyPem, certificatePem } = material[name];
    const key = this.write(`${name}.key`, keyPem);
    const certificate = this.write(`${name}.pem`, certificatePem);
    const authority = this.write("authority.pem", material.authority);
    return ["+tls", key, certificate, "+cf", authority];
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.map(endOf));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  if (child.exitCode === null && child.signalCode === null && child.kill()) await ended;
}

/** Without the head of a Part 10 file. */
export async function dataSetOf(file: Bytes): Promise<Bytes> {
  const { metaEnd } = await readDicom(new MemorySource(file));
  return file.subarray(metaEnd);
}

/** A small series of a phantom: nothing in it that DCMTK writes otherwise. */
export function phantomFiles(): Bytes[] {
  return [...generateChestSeries({ seed: 11, slices: 4, studyDate: "20260102" })].map(({ file }) => file);
}
