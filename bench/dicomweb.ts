/**
 * DICOMweb through a gate beside Orthanc alone: storing, and reading what was stored.
 *
 *   npx node bench/dicomweb.ts [slices] [rounds]      300 and 3; needs `npm run build`, the corpus and Orthanc with its DICOMweb plug-in
 */
import { readFileSync } from "node:fs";
import { plainTextOf } from "../src/dicom/elements.ts";
import { readDicom } from "../src/dicom/read.ts";
import { tags } from "../src/dicom/tags.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { multipartOf } from "../test/gateway/web-request.ts";
import { DimsePeers } from "../test/interop/dimse-peers.ts";
import { peerPath } from "../test/peers.ts";
import { makeSlices, type SliceSet } from "./gateway-slices.ts";
import { asKept, connections, get, post, timed, WebGate } from "./web-gate.ts";

const slices = Number(process.argv[2] ?? 300);
const rounds = Number(process.argv[3] ?? 3);
/** Objects of one request: what a router does. */
const together = 10;

const peers = new DimsePeers();
const web = {
  Plugins: [peerPath("orthanc-dicomweb")],
  DicomWeb: { Enable: true, Root: "/dicom-web/" },
  OverwriteInstances: true,
};
const archive = await peers.orthanc("archive", web);
const alone = await peers.orthanc("alone", web);
const gate = await WebGate.start({ archive });
const { port } = gate;

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
  await gate.until("object-judged", total);
  stored.verified.push(performance.now() - start);
  await gate.until("delivered", total);
}
const orthancMs = median(stored.orthanc);
const row = (name: string, ms: number): void =>
  print(`| ${name} | ${ms.toFixed(0)} | ${(orthancMs / ms).toFixed(2)} |`);
print(
  `STOW-RS, ${slices} sealed CT slices of 0.53 MB, ${connections} requests side by side with ${together} objects each; medians of ${rounds} rounds\n`,
);
print("| | ms | speed, of Orthanc |\n| --- | ---: | ---: |");
row("Orthanc alone", orthancMs);
row("gate: all acknowledged, durable", median(stored.gate));
row("gate: the last one verified", median(stored.verified));

const names = await namesOf(last!);
const { study } = names[0]!;
await gate.restart();
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
await gate.restart();
for (const way of ["one after another", "again within a minute"]) {
  const times = { gate: [] as number[], orthanc: [] as number[] };
  for (const { at } of names) {
    times.orthanc.push(await timed(() => get(archive.http, at, asKept)));
    times.gate.push(await timed(() => get(port, at, asKept)));
  }
  const added = times.gate.map((ms, i) => ms - times.orthanc[i]!);
  print(`\nWADO-RS, ${names.length} instances ${way}, ms\n\n| | p50 | p99 |\n| --- | ---: | ---: |`);
  for (const [name, values] of Object.entries({ ...times, added }))
    print(`| ${name} | ${quantile(values, 0.5).toFixed(1)} | ${quantile(values, 0.99).toFixed(1)} |`);
}
gate.close();
await peers.close();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function store(at: number, { paths }: SliceSet): Promise<number> {
  const bodies: Uint8Array[] = [];
  for (let i = 0; i < paths.length; i += together)
    bodies.push(multipartOf(paths.slice(i, i + together).map((path) => new Uint8Array(readFileSync(path)))));
  const start = performance.now();
  const lane = async (): Promise<void> => {
    for (let body = bodies.pop(); body; body = bodies.pop()) await post(at, body);
  };
  await Promise.all(Array.from({ length: connections }, lane));
  return performance.now() - start;
}

async function wholeStudy(at: number, study: string): Promise<{ firstMs: number; allMs: number }> {
  const start = performance.now();
  const image = last!.bytes / last!.paths.length;
  let firstMs = 0;
  await get(at, `/studies/${study}`, asKept, (bytes) => {
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

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))]!;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
