/**
 * Structure-aware fuzzing of the reader: damages headers, delimiters and values of corpus files and generated objects, and reads
 * each result from memory, in windows and pushed. `node bench/fuzz-reader.ts [seconds] [seed]`
 * Ends with status 1 on any error that is not our refusal, on drivers that disagree, on a slow input and on memory over the bound.
 */
import { statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { DicomObject } from "../src/dicom/model.ts";
import { type ReadOptions, tolerableCodes } from "../src/dicom/read.ts";
import {
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../src/dicom/transfer-syntax.ts";
import type { Bytes } from "../src/foundation/bytes.ts";
import { ScansealError } from "../src/foundation/errors.ts";
import { type Driver, fromMemory, fromWindows, indexOf, pushed } from "../test/dicom/drivers.ts";
import { mutated, type Span, seededRandom, spansOf } from "../test/dicom/mutation.ts";
import { encodeSample, sampleDataSet, samplePart10 } from "../test/dicom/sample-object.ts";
import { readTolerantly, wellFormedFiles } from "../test/interop/peer-readings.ts";
import { peer } from "../test/peers.ts";

const seconds = Number(process.argv[2] ?? 600);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
/** Larger files are read as often by the differential tests; here they would only slow the count. */
const fileBytesMax = 700_000;
const slowMs = 2_000;
const megabytesMax = 600;

interface Seed {
  readonly name: string;
  readonly bytes: Bytes;
  readonly spans: readonly Span[];
}

function seedOf(name: string, bytes: Bytes, object: DicomObject): Seed {
  return { name, bytes, spans: spansOf(object) };
}

async function corpusSeeds(): Promise<Seed[]> {
  const seeds: Seed[] = [];
  let series = 0;
  for (const file of wellFormedFiles()) {
    if (/^(ct|mr|pet)-series/.test(file.file) && series++ % 40 !== 0) continue;
    if (statSync(join(peer("corpus")!, file.file)).size > fileBytesMax) continue;
    const reading = await readTolerantly(file);
    if (!(reading instanceof ScansealError)) seeds.push(seedOf(file.file, reading.bytes, reading.object));
  }
  return seeds;
}

async function generatedSeeds(): Promise<Seed[]> {
  const seeds: Seed[] = [];
  const forms = [
    [implicitLittleEndianUid, { explicit: false, bigEndian: false }],
    [explicitLittleEndianUid, { explicit: true, bigEndian: false }],
    [explicitBigEndianUid, { explicit: true, bigEndian: true }],
  ] as const;
  for (const [uid, encoding] of forms) {
    for (const elements of fc.sample(sampleDataSet(encoding), { numRuns: 40, seed })) {
      const bytes = samplePart10(encodeSample(elements, encoding), uid);
      seeds.push(seedOf(`generated ${uid}`, bytes, await fromMemory(bytes)));
    }
  }
  return seeds;
}

const random = seededRandom(seed);
const seeds = [...(peer("corpus") === undefined ? [] : await corpusSeeds()), ...(await generatedSeeds())];
const tolerances: readonly ReadOptions[] = [
  {},
  { tolerate: tolerableCodes },
  { bareTransferSyntaxUid: implicitLittleEndianUid },
];
const codes = new Map<string, number>();
let inputs = 0;
let bytesRead = 0;
let slowest = { ms: 0, name: "", bytes: 0 };
let peak = 0;
let wrong = 0;

async function resultOf(
  driver: Driver,
  bytes: Bytes,
  options: ReadOptions,
): Promise<{ code: string; object?: DicomObject }> {
  try {
    return { code: "accepted", object: await driver(bytes, options) };
  } catch (error) {
    if (error instanceof ScansealError && error.fault === "input") return { code: error.code };
    return { code: `CRASH ${error instanceof Error ? error.stack : error}` };
  }
}

function report(kind: string, name: string, bytes: Bytes): void {
  wrong++;
  const path = join(tmpdir(), `scanseal-fuzz-${seed}-${inputs}.dcm`);
  writeFileSync(path, bytes);
  console.log(`${kind} | ${name} | ${path}`);
}

async function tryOne({ name, bytes, spans }: Seed): Promise<void> {
  const input = mutated(bytes, spans, random);
  const options = tolerances[Math.floor(random() * 6)] ?? {};
  const chunks = input.length > 60_000 ? [1_460, 16_384] : [1 + Math.floor(random() * 300), 1, 7];
  const results: { code: string; object?: DicomObject }[] = [];
  for (const driver of [fromMemory, fromWindows, pushed(chunks)]) {
    const started = performance.now();
    results.push(await resultOf(driver, input, options));
    const ms = performance.now() - started;
    if (ms > slowest.ms) slowest = { ms, name, bytes: input.length };
    if (ms > slowMs) report(`SLOW ${ms.toFixed(0)} ms`, name, input);
  }
  const [memory, ...others] = results;
  if (memory!.code.startsWith("CRASH")) report(memory!.code, name, input);
  for (const other of others) {
    if (other.code !== memory!.code) report(`DIFFER ${memory!.code} / ${other.code}`, name, input);
    // The whole index is compared now and then: it costs more than the reading.
    else if (memory!.object && other.object && inputs % 16 === 0) {
      const same = JSON.stringify(indexOf(memory!.object)) === JSON.stringify(indexOf(other.object));
      if (!same) report("DIFFER index", name, input);
    }
  }
  codes.set(memory!.code.slice(0, 40), (codes.get(memory!.code.slice(0, 40)) ?? 0) + 1);
  inputs++;
  bytesRead += 3 * input.length;
}

const end = performance.now() + seconds * 1_000;
while (performance.now() < end && wrong < 20) {
  await tryOne(seeds[Math.floor(random() * seeds.length)]!);
  if (inputs % 256 === 0) peak = Math.max(peak, process.resourceUsage().maxRSS / 1024);
}
peak = Math.max(peak, process.resourceUsage().maxRSS / 1024);

console.log(
  `seed ${seed}, ${seeds.length} originals, ${inputs} damaged inputs, each by 3 drivers, ${(bytesRead / 1e9).toFixed(1)} GB, ${seconds} s`,
);
console.log(
  `slowest ${slowest.ms.toFixed(0)} ms (${slowest.name}, ${slowest.bytes} bytes); peak ${peak.toFixed(0)} MB with all originals in memory`,
);
for (const [code, count] of [...codes].sort((a, b) => b[1] - a[1])) console.log(`${code} | ${count}`);
if (peak > megabytesMax) wrong++;
console.log(wrong === 0 ? "nothing but refusals" : `${wrong} findings`);
process.exitCode = wrong === 0 ? 0 : 1;
