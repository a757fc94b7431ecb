/**
 * DICOMweb through a gate beside Orthanc alone: storing, and reading what was stored.
 *
 *   npx node bench/dicomweb.ts [slices] [rounds]      300 and 3; needs `npm run build`, the corpus and Orthanc with its DICOMweb plug-in
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { plainTextOf } from "../src/dicom/elements.ts";
import { readDicom } from "../src/dicom/read.ts";
import { tags } from "../src/dicom/tags.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { freePort, listening } from "../test/evaluation/network-peers.ts";
import { multipartOf, multipartType } from "../test/gateway/web-request.ts";
import { DimsePeers } from "../test/interop/dimse-peers.ts";
import { peerPath } from "../test/peers.ts";
import { benchSite } from "./bench-site.ts";
import { makeSlices, type SliceSet } from "./gateway-slices.ts";
import { program } from "./processes.ts";

const slices = Number(process.argv[2] ?? 300);
const rounds = Number(process.argv[3] ?? 3);
/** Requests side by side, and objects in each: what a router does. */
const side = 4;
const together = 10;

const asKept = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

const peers = new DimsePeers();
const web = {
  Plugins: [peerPath("orthanc-dicomweb")],
  DicomWeb: { Enable: true, Root: "/dicom-web/" },
  OverwriteInstances: true,
};
const archive = await peers.orthanc("archive", web);
const alone = await peers.orthanc("alone", web);
const port = await freePort();
const log = join((await benchSite()).subfolder("web-gate"), "log");
let gate = await startGate();
/** Kept alive: a handshake for each object is nobody's. */
const agent = new Agent({ keepAlive: true, maxSockets: side });

const stored = { gate: [] as number[], verified: [] as number[], orthanc: [] as number[] };
let total = 0;
let last: SliceSet | undefined;
for (let round = 0; round < rounds; round++) {
  const set = await makeSlices(slices);
  last = set;
  stored.orthanc.push(await store(alone.http, set));
  const start = performance.now();
  stored.gate.push(await store(port, set));
  total += slices;
  await until("object-judged", total);
  stored.verified.push(performance.now() - start);
  await until("delivered", total);
}
const orthancMs = median(stored.orthanc);
const row = (name: string, ms: number): void =>
  print(`| ${name} | ${ms.toFixed(0)} | ${(orthancMs / ms).toFixed(2)} |`);
print(
  `STOW-RS, ${slices} sealed CT slices of 0.53 MB, ${side} requests side by side with ${together} objects each; medians of ${rounds} rounds\n`,
);
print("| | ms | speed, of Orthanc |\n| --- | ---: | ---: |");
row("Orthanc alone", orthancMs);
row("gate: all acknowledged, durable", median(stored.gate));
row("gate: the last one verified", median(stored.verified));

const names = await namesOf(last!);
const { study } = names[0]!;
await restart();
print(`\nThe study of ${total} slices, ms (the gate fetches, verifies, and gives in order)\n`);
print("| | first image | all |\n| --- | ---: | ---: |");
for (const [name, at] of [
  ["Orthanc alone", archive.http],
  ["gate", port],
  ["gate, again within a minute", port],
] as const) {
  const { firstMs, allMs } = await wholeStudy(at, study);
  print(`| ${name} | ${firstMs.toFixed(0)} | ${allMs.toFixed(0)} |`);
}
await restart();
for (const way of ["one after another", "again within a minute"]) {
  const times = { gate: [] as number[], orthanc: [] as number[] };
  for (const { at } of names) {
    times.orthanc.push(await timed(() => get(archive.http, at)));
    times.gate.push(await timed(() => get(port, at)));
  }
  const added = times.gate.map((ms, i) => ms - times.orthanc[i]!);
  print(`\nWADO-RS, ${names.length} instances ${way}, ms\n\n| | p50 | p99 |\n| --- | ---: | ---: |`);
  for (const [name, values] of Object.entries({ ...times, added }))
    print(`| ${name} | ${quantile(values, 0.5).toFixed(1)} | ${quantile(values, 0.99).toFixed(1)} |`);
}
agent.destroy();
gate.kill();
await peers.close();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What it has verified is verified anew. */
async function restart(): Promise<void> {
  const ended = new Promise((resolve) => gate.once("exit", resolve));
  gate.kill();
  await ended;
  gate = await startGate();
}

async function startGate(): Promise<ChildProcess> {
  const site = await benchSite();
  const folder = site.subfolder("web-gate");
  const host = "127.0.0.1";
  const config = {
    aeTitle: "GATE",
    home: site.homeFolder,
    log: "debug",
    data: join(folder, "data"),
    http: { host, port: await freePort() },
    listeners: [{ name: "web", protocol: "dicomweb", host, port }],
    sources: [
      { name: "router", listener: "web", mode: "enforce", associations: side + 1, devices: ["bench"] },
    ],
    destinations: [{ name: "archive", host, port: archive.dicom, aeTitle: "ORTHANC", takes: "admitted" }],
    reading: {
      archive: { name: "pacs", dicomweb: `http://${host}:${archive.http}/dicom-web` },
      readers: [{ name: "viewer", listener: "web", mode: "enforce" }],
    },
  };
  const path = join(folder, "gateway.yaml");
  writeFileSync(path, JSON.stringify(config));
  const out = openSync(log, "w");
  const options = process.env.SCANSEAL_BENCH_NODE?.split(" ") ?? [];
  const child = spawn(process.execPath, [...options, program, "gateway", "--config", path], {
    stdio: ["ignore", out, "inherit"],
    env: { ...process.env, TCP_NODELAY: "1" },
  });
  closeSync(out);
  await listening(port, child);
  return child;
}

/** Lines of the gate's log; it is read where it ends. */
async function until(event: string, count: number): Promise<void> {
  while (readFileSync(log, "latin1").split(`"event":"${event}"`).length - 1 < count) await pause(10);
}

async function store(at: number, { paths }: SliceSet): Promise<number> {
  const bodies: Uint8Array[] = [];
  for (let i = 0; i < paths.length; i += together)
    bodies.push(multipartOf(paths.slice(i, i + together).map((path) => new Uint8Array(readFileSync(path)))));
  const start = performance.now();
  const lane = async (): Promise<void> => {
    for (let body = bodies.pop(); body; body = bodies.pop()) await post(at, body);
  };
  await Promise.all(Array.from({ length: side }, lane));
  return performance.now() - start;
}

function post(at: number, body: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": multipartType, "content-length": body.length };
    const sending = request({
      agent,
      host: "127.0.0.1",
      port: at,
      path: "/dicom-web/studies",
      method: "POST",
      headers,
    });
    sending.once("error", reject);
    sending.once("response", (response) => {
      response.resume().once("end", resolve);
      if (response.statusCode !== 200) reject(new Error(`storing: ${response.statusCode}`));
    });
    sending.end(body);
  });
}

/** @param onBytes how many have come so far */
function get(at: number, path: string, onBytes: (bytes: number) => void = () => undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request({
      agent,
      host: "127.0.0.1",
      port: at,
      path: `/dicom-web${path}`,
      headers: asKept,
    });
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

async function wholeStudy(at: number, study: string): Promise<{ firstMs: number; allMs: number }> {
  const start = performance.now();
  const image = last!.bytes / last!.paths.length;
  let firstMs = 0;
  await get(at, `/studies/${study}`, (bytes) => {
    if (bytes >= image && firstMs === 0) firstMs = performance.now() - start;
  });
  return { firstMs, allMs: performance.now() - start };
}

async function namesOf({ paths }: SliceSet): Promise<{ readonly study: string; readonly at: string }[]> {
  return Promise.all(
    paths.map(async (path) => {
      const { elements } = await readDicom(new MemorySource(new Uint8Array(readFileSync(path))));
      const uid = (tag: number): string => plainTextOf(elements, tag)!;
      const study = uid(tags.studyInstanceUid);
      const series = `/studies/${study}/series/${uid(tags.seriesInstanceUid)}`;
      return { study, at: `${series}/instances/${uid(tags.sopInstanceUid)}` };
    }),
  );
}

async function timed(act: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))]!;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
