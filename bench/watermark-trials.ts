/**
 * One changed sample, again and again: on every frame of the corpus that can be marked, and every sample of one frame by +1 and -1. A change that is
 * not noticed, or not found in its tile and nowhere else, is a failure.
 *
 *   node bench/watermark-trials.ts            50,000 changes, and one frame of 128 x 128 exhaustively
 *   node bench/watermark-trials.ts 5000
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { plainTextOf } from "../src/dicom/elements.ts";
import { frameSamples } from "../src/dicom/pixel-data/frame-samples.ts";
import { framesOf } from "../src/dicom/pixel-data/frames.ts";
import { planesOf } from "../src/dicom/pixel-data/sample-planes.ts";
import { readDicom } from "../src/dicom/read.ts";
import { tags } from "../src/dicom/tags.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { ScansealError } from "../src/foundation/errors.ts";
import { checkFrame } from "../src/invisible-watermark/check.ts";
import { signatureFromDer, withLowS } from "../src/invisible-watermark/ecdsa-signature.ts";
import { prepareMark } from "../src/invisible-watermark/embed.ts";
import type { PlanarFrame } from "../src/invisible-watermark/frame.ts";
import { noiseShareMax } from "../src/invisible-watermark/invisibility.ts";
import { layoutOf, tileAt } from "../src/invisible-watermark/layout.ts";
import { locateChanges } from "../src/invisible-watermark/locate.ts";
import { CodecPool } from "../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto } from "../src/platform/node/crypto.ts";
import { corpusBytes, corpusFiles, tolerancesFor } from "../test/evaluation/corpus-files.ts";
import { SeededRandom } from "../test/evaluation/seeded-random.ts";

const wanted = Number(process.argv[2] ?? 50_000);
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
const locatorKey = new Uint8Array(32).fill(7);
const random = new SeededRandom("watermark trials", "1");

interface Subject {
  readonly modality: string;
  readonly frame: PlanarFrame;
  readonly tileDigests: Uint8Array;
}

/** The codecs' threads end with the process. */
const decoder = new CodecPool();
const keys = { keyId: new Uint8Array(8), locatorKey, recoveryKey: new Uint8Array(32).fill(9) };
const contentId = new Uint8Array(16);
const signatureOf = (bytes: Uint8Array): Uint8Array =>
  withLowS(signatureFromDer(new Uint8Array(sign("sha256", bytes, privateKey)))!);

/** Of long objects the first frames only: they are alike. */
const framesOfObjectMax = 4;

async function* subjects(): AsyncGenerator<Subject> {
  for (const { file } of corpusFiles()) {
    try {
      const options = { tolerate: new Set(tolerancesFor(file)) };
      const object = await readDicom(new MemorySource(corpusBytes(file)), options);
      const frames = await framesOf(object);
      const modality = plainTextOf(object.elements, tags.modality) ?? "none";
      const count = Math.min(frames?.attributes.numberOfFrames ?? 0, framesOfObjectMax);
      for (let index = 0; index < count; index++) {
        const samples = await frameSamples(frames!, index, decoder);
        if ("reason" in samples) break;
        const planes = planesOf(frames!.attributes, samples);
        if ("reason" in planes) break;
        const options = { noiseShareMax, publishTileDigests: true };
        const prepared = prepareMark(planes, { contentId, frameNo: index }, keys, nodeCrypto, options);
        if (!prepared.markable) break;
        const { frame, tileDigests } = prepared.finish(signatureOf(prepared.toBeSigned));
        yield { modality, frame, tileDigests: tileDigests! };
      }
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
    }
  }
}

interface Count {
  frames: number;
  trials: number;
  missed: number;
  misplaced: number;
}

/** One sample changed to `value`, looked at, and changed back. */
async function tryChange(
  { frame, tileDigests }: Subject,
  plane: number,
  sample: number,
  value: number,
  count: Count,
): Promise<void> {
  const layout = layoutOf(frame.width, frame.height, frame.colour)!;
  const samples = frame.planes[plane]!;
  const before = samples[sample]!;
  samples[sample] = value;
  const { facts, mark } = await checkFrame(frame, nodeCrypto, () => spki);
  samples[sample] = before;
  count.trials++;
  if (!facts.found || facts.intact || mark === undefined) {
    count.missed++;
    return;
  }
  const tile = tileAt(layout, sample);
  for (const source of [{ tileDigests }, { locatorKey }]) {
    const { tiles } = locateChanges(mark, nodeCrypto, source);
    if (tiles.length !== 1 || tiles[0]!.index !== tile) {
      count.misplaced++;
      return;
    }
  }
}

async function tryRandomly(subject: Subject, trials: number, count: Count): Promise<void> {
  const { frame } = subject;
  const largest = 2 ** frame.bits - 1;
  for (let k = 0; k < trials; k++) {
    const plane = random.below(frame.planes.length);
    const sample = random.below(frame.width * frame.height);
    const before = frame.planes[plane]![sample]!;
    // Half of them the least that can be: by one.
    const step = random.below(2) === 0 ? 1 : 1 + random.below(largest);
    const value = (before + step) % (largest + 1);
    await tryChange(subject, plane, sample, value, count);
  }
}

async function tryEverySample(subject: Subject, count: Count): Promise<void> {
  const { frame } = subject;
  const largest = 2 ** frame.bits - 1;
  const samples = frame.planes[0]!;
  for (let i = 0; i < samples.length; i++) {
    for (const value of [samples[i]! - 1, samples[i]! + 1]) {
      if (value >= 0 && value <= largest) await tryChange(subject, 0, i, value, count);
    }
  }
}

const all: Subject[] = [];
for await (const subject of subjects()) all.push(subject);
const counts = new Map<string, Count>();
const countOf = (name: string): Count => {
  const count = counts.get(name) ?? { frames: 0, trials: 0, missed: 0, misplaced: 0 };
  counts.set(name, count);
  return count;
};
for (const [done, subject] of all.entries()) {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${all.length} frames`);
  const count = countOf(subject.modality);
  count.frames++;
  await tryRandomly(subject, Math.ceil(wanted / all.length), count);
}
const small = all.find(
  ({ frame: { width, height, colour } }) => width === 128 && height === 128 && colour === "mono",
);
if (small) {
  const count = countOf("every sample of one frame of 128 x 128, by 1");
  count.frames++;
  await tryEverySample(small, count);
}
await decoder.close();
console.log(
  "\n| modality | frames | changes | missed | in another tile |\n| --- | ---: | ---: | ---: | ---: |",
);
for (const [name, { frames, trials, missed, misplaced }] of counts) {
  console.log(`| ${name} | ${frames} | ${trials} | ${missed} | ${misplaced} |`);
}
if ([...counts.values()].some(({ missed, misplaced }) => missed + misplaced > 0)) process.exitCode = 1;
