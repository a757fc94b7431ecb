/** Receivers as processes, and storescu as their sender: for bench/gateway.ts. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort, listening } from "../test/evaluation/network-peers.ts";
import { peerPath } from "../test/peers.ts";
import { type BenchSite, benchSite } from "./bench-site.ts";
import { program as installed } from "./processes.ts";

/** Another build can be measured: its cli/bin.js, or src/cli/bin.ts. */
const program = process.env.SCANSEAL_BENCH_PROGRAM ?? installed;

/** Without it the DCMTK of receivers waits 40 ms for every object. */
const env = { ...process.env, TCP_NODELAY: "1" };

export interface Receiver {
  readonly port: number;
  /** storescu's options beside host and port. */
  readonly sending: readonly string[];
  /** Forgets what it has received, and rests: not measured. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** Of one storescu for each list of files, side by side, from their start to the end of the last. @returns ms */
export async function send(to: Receiver, lists: readonly (readonly string[])[]): Promise<number> {
  const start = performance.now();
  await Promise.all(lists.map((files) => sendList(to, files)));
  return performance.now() - start;
}

async function sendList({ port, sending }: Receiver, files: readonly string[]): Promise<void> {
  const child = spawn(peerPath("storescu"), [...sending, "127.0.0.1", `${port}`, ...files], {
    stdio: ["ignore", "ignore", "pipe"],
    env,
  });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const status = await new Promise((resolve) => child.once("close", resolve));
  if (status !== 0) throw new Error(`storescu ended with ${status}: ${errors}`);
}

async function stopProcess(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  if (child.exitCode === null && child.kill()) await ended;
}

/** Writes files without fsync, and hashes nothing. */
export async function startStorescp(name: string, options: readonly string[] = []): Promise<Receiver> {
  const site = await benchSite();
  const folder = site.subfolder(`storescp-${name}`);
  const port = await freePort();
  const child = spawn(
    peerPath("storescp"),
    ["--output-directory", folder, "-aet", "SCANSEAL", ...options, `${port}`],
    { stdio: "ignore", env },
  );
  await listening(port, child);
  const secure = options.includes("+tls");
  return {
    port,
    sending: ["-aec", "SCANSEAL", ...(secure ? await clientTls() : [])],
    async settle() {
      for (const file of readdirSync(folder)) rmSync(join(folder, file));
    },
    stop: () => stopProcess(child),
  };
}

export async function storescpTls(): Promise<readonly string[]> {
  const { server, authority } = await certificates();
  return ["+tls", `${server}.key`, `${server}.pem`, "+cf", authority];
}

async function clientTls(): Promise<readonly string[]> {
  const { client, authority } = await certificates();
  return ["+tls", `${client}.key`, `${client}.pem`, "+cf", authority];
}

interface Certificates {
  /** Without .pem and .key. */
  readonly server: string;
  readonly client: string;
  readonly authority: string;
}

let issued: Promise<Certificates> | undefined;

function certificates(): Promise<Certificates> {
  issued ??= issue();
  return issued;
}

async function issue(): Promise<Certificates> {
  const site = await benchSite();
  const out = join(site.folder, "tls");
  const tls = (...options: readonly string[]): void => {
    const rest = ["--out", out, "--home", site.homeFolder];
    execFileSync(process.execPath, [program, "tls", ...options, ...rest], { stdio: "ignore" });
  };
  tls("server", "gate", "--host", "127.0.0.1");
  tls("client", "modality");
  return { server: join(out, "gate"), client: join(out, "modality"), authority: site.anchorsFile };
}

export async function startOrthanc(): Promise<Receiver> {
  const site = await benchSite();
  const folder = site.subfolder("orthanc");
  const port = await freePort();
  const http = await freePort();
  const configuration = {
    StorageDirectory: folder,
    IndexDirectory: folder,
    Plugins: [],
    HttpPort: http,
    DicomPort: port,
    DicomAet: "SCANSEAL",
    AuthenticationEnabled: false,
    DicomAlwaysAllowStore: true,
  };
  const path = join(site.folder, "orthanc.json");
  writeFileSync(path, JSON.stringify(configuration));
  const child = spawn(peerPath("Orthanc"), [path], { stdio: "ignore", env });
  await listening(http, child);
  await listening(port, child);
  return {
    port,
    sending: ["-aec", "SCANSEAL"],
    async settle() {
      const url = `http://127.0.0.1:${http}/patients`;
      for (const id of (await (await fetch(url)).json()) as string[])
        await fetch(`${url}/${id}`, { method: "DELETE" });
    },
    stop: () => stopProcess(child),
  };
}

export interface GatewayProcess extends Receiver {
  /** Waits until so many objects in all have a verdict; throws when one is not "verified". */
  verified(objects: number): Promise<void>;
  /** From each object's last byte to its verdict, in ms; of objects from this one on. */
  verdictMs(from: number): readonly number[];
  /** Of the whole process, in MiB: its threads, its code, and file pages mapped count. */
  peakMemory(): number;
  /** Processor time of all its threads, in ms. */
  cpuMs(): number;
}

const pollMs = 10;
const settlePollMs = 200;
const readBytes: number = 64 << 10;
const waitMsMax = 120_000;
/** Of /proc/PID/stat. */
const msPerTick = 10;

export async function startGateway(
  name: string,
  { tls = false }: { readonly tls?: boolean } = {},
): Promise<GatewayProcess> {
  const site = await benchSite();
  const port = await freePort();
  const http = await freePort();
  const folder = site.subfolder(`gateway-${name}`);
  const config = join(folder, "gateway.yaml");
  writeFileSync(config, await configuration(site, { port, http, tls, data: join(folder, "data") }));
  mkdirSync(folder, { recursive: true });
  const log = join(folder, "log");
  const file = openSync(log, "w");
  const child = spawn(
    process.execPath,
    [...(process.env.SCANSEAL_BENCH_NODE?.split(" ") ?? []), program, "gateway", "--config", config],
    { stdio: ["ignore", file, "inherit"], cwd: folder },
  );
  closeSync(file);
  await listening(port, child);
  const reading = openSync(log, "r");
  const verdicts: { readonly verdict: string; readonly ms: number }[] = [];
  let begun = "";
  // Only what is new: whoever looks takes processor time from what is measured.
  const read = (): number => {
    const buffer = Buffer.alloc(readBytes);
    for (let got = readSync(reading, buffer); got > 0; got = readSync(reading, buffer)) {
      const lines = (begun + buffer.toString("latin1", 0, got)).split("\n");
      begun = lines.pop()!;
      for (const line of lines) if (line.includes('"event":"object-judged"')) verdicts.push(JSON.parse(line));
    }
    return verdicts.length;
  };
  return {
    port,
    sending: ["-aec", "SCANSEAL", ...(tls ? await clientTls() : [])],
    async verified(objects) {
      await until(`${objects} verdicts`, () => read() >= objects);
      const other = verdicts.find(({ verdict }) => verdict !== "verified");
      if (other !== undefined) throw new Error(`not verified: ${JSON.stringify(other)}`);
    },
    verdictMs: (from) => verdicts.slice(from).map(({ ms }) => ms),
    peakMemory: () =>
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024,
    cpuMs() {
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
      return (Number(fields[11]) + Number(fields[12])) * msPerTick;
    },
    async settle() {
      // Into the embedded object store: what is there has left the spool.
      await until(
        "an empty spool",
        async () => {
          const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
          return /^scanseal_spool_records 0$/m.test(text);
        },
        settlePollMs,
      );
    },
    stop() {
      closeSync(reading);
      return stopProcess(child);
    },
  };
}

async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  everyMs: number = pollMs,
): Promise<void> {
  const end = performance.now() + waitMsMax;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited too long for ${what}`);
    await pause(everyMs);
  }
}

interface Place {
  readonly port: number;
  readonly http: number;
  readonly tls: boolean;
  readonly data: string;
}

/** The defaults, and a policy that lets nothing unproven pass. No archive: what is admitted goes into the embedded store. */
async function configuration({ homeFolder }: BenchSite, { port, http, tls, data }: Place): Promise<string> {
  const lines = [
    "aeTitle: SCANSEAL",
    `home: ${homeFolder}`,
    `data: ${data}`,
    `http: { host: 127.0.0.1, port: ${http} }`,
    "listeners:",
    "  - name: in",
    "    host: 127.0.0.1",
    `    port: ${port}`,
  ];
  const source = ["sources:", "  - name: ct", "    listener: in", "    mode: enforce"];
  if (!tls) return [...lines, ...source, ""].join("\n");
  const { server, client, authority } = await certificates();
  lines.push(`    tls: { certificate: ${server}.pem, key: ${server}.key, clientAuthorities: ${authority} }`);
  return [...lines, ...source, `    certificates: [${client}.pem]`, ""].join("\n");
}
