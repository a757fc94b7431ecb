/**
 * Forged marks on all frames of the corpus that can be marked (the first of each object), and the tampered files' changes on marked frames: never
 * intact, but for whole frames, and named as spec/invisible-watermark.md says.
 *
 *   node bench/watermark-attacks.ts        three minutes
 *   node bench/watermark-attacks.ts 20     every twentieth file
 */
import { ScansealError } from "../src/foundation/errors.ts";
import type { PlanarFrame } from "../src/invisible-watermark/frame.ts";
import { CodecPool } from "../src/platform/node/codecs/codec-pool.ts";
import { corpusBytes, corpusFiles, tolerancesFor } from "../test/evaluation/corpus-files.ts";
import { SeededRandom } from "../test/evaluation/seeded-random.ts";
import { tamperedRows } from "../test/evaluation/tampered-rows.ts";
import { framesIn } from "../test/watermark/corpus-frames.ts";
import { watermarkAttacks } from "../test/watermark/forgeries.ts";
import { type ForgeryOutcome, isExact, outcomeOf, type Score } from "../test/watermark/outcome.ts";
import { sceneOf } from "../test/watermark/scene.ts";
import { tamperedFrame } from "../test/watermark/tampered-frames.ts";

const step = Number(process.argv[2] ?? 1);
const decoder = new CodecPool();

interface Subject {
  readonly file: string;
  readonly modality: string;
  readonly frame: PlanarFrame;
}

async function subjects(): Promise<Subject[]> {
  const all: Subject[] = [];
  for (const { file, modality } of corpusFiles()) {
    try {
      const [frame] = await framesIn(corpusBytes(file), decoder, 1, tolerancesFor(file));
      if (frame) all.push({ file, modality, frame });
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
    }
  }
  return all;
}

const formOf = ({ width, height, bits, signed, colour }: PlanarFrame): string =>
  [width, height, bits, signed, colour].join(" ");

/** Sums over places: precision is right / named, recall right / changed. */
class Sum {
  right = 0;
  named = 0;
  changed = 0;
  cases = 0;
  exact = 0;

  add(score: Score | undefined): void {
    if (score === undefined) return;
    this.right += score.right;
    this.named += score.named;
    this.changed += score.changed;
    this.cases++;
    if (isExact(score)) this.exact++;
  }

  get text(): string {
    return this.cases === 0 ? "-" : `${this.exact} of ${this.cases}`;
  }
}

interface Row {
  frames: number;
  intact: number;
  readonly read: Record<ForgeryOutcome["read"], number>;
  readonly superblocks: Sum;
  readonly byDigests: Sum;
  readonly byKey: Sum;
}

const rows = new Map<string, Row>();

function count(attack: string, outcome: ForgeryOutcome): void {
  const row = rows.get(attack) ?? {
    frames: 0,
    intact: 0,
    read: { victim: 0, other: 0, "with-manifest": 0, no: 0 },
    superblocks: new Sum(),
    byDigests: new Sum(),
    byKey: new Sum(),
  };
  rows.set(attack, row);
  // Black pasted over black, or the one superblock there is: no forgery.
  if (outcome.samplesChanged === 0) return;
  row.frames++;
  if (outcome.intact) row.intact++;
  row.read[outcome.read]++;
  row.superblocks.add(outcome.superblocks);
  row.byDigests.add(outcome.byDigests);
  row.byKey.add(outcome.byKey);
}

async function forgeAll(): Promise<void> {
  const all = await subjects();
  const modalities = new Map<string, number>();
  for (const [i, subject] of all.entries()) {
    if (i % step !== 0) continue;
    // The next of its form, from the next file on: slices and patients of the same kind.
    const others = [...all.slice(i + 1), ...all.slice(0, i)].filter(
      ({ frame }) => formOf(frame) === formOf(subject.frame),
    );
    const scene = sceneOf(
      subject.file,
      [subject, ...others.slice(0, 4)].map(({ frame }) => frame),
    );
    if (scene === undefined) continue;
    modalities.set(subject.modality, (modalities.get(subject.modality) ?? 0) + 1);
    for (const [attack, forge] of watermarkAttacks) {
      count(attack, await outcomeOf(forge(scene, new SeededRandom(subject.file, attack))));
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${i} of ${all.length}`);
  }
  const kinds = [...modalities].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name || "none"} ${n}`);
  console.log(`\n${[...modalities.values()].reduce((a, b) => a + b, 0)} frames: ${kinds.join(", ")}\n`);
  console.log(
    "| attack | forgeries | intact | read: this frame's / another's / none | superblocks exactly | tiles exactly, manifest | tiles exactly, site's key |",
  );
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const [attack, { frames, intact, read, superblocks, byDigests, byKey }] of rows) {
    const reading = `${read.victim} / ${read.other} / ${read.no + read["with-manifest"]}`;
    console.log(
      `| ${attack} | ${frames} | ${intact} | ${reading} | ${superblocks.text} | ${byDigests.text} | ${byKey.text} |`,
    );
  }
}

async function tamperAll(): Promise<void> {
  console.log(
    "\n| tampered file | samples changed | intact | tiles changed | by manifest: precision / recall | by site's key: precision / recall | area changed / area named |",
  );
  console.log("| --- | ---: | --- | ---: | ---: | ---: | ---: |");
  for (const row of tamperedRows()) {
    const forgery = await tamperedFrame(row, decoder);
    const { intact, samplesChanged, byDigests, byKey, areaNamed } = await outcomeOf(forgery);
    const rates = (score: Score | undefined): string =>
      score === undefined
        ? "no payload"
        : `${rate(score.right, score.named)} / ${rate(score.right, score.changed)}`;
    const name = row.file.replace("tampered/generated/", "").replace(".dcm", "");
    const area = areaNamed === 0 ? "-" : (samplesChanged / areaNamed).toFixed(2);
    console.log(
      `| ${name} | ${samplesChanged} | ${intact ? "yes" : "no"} | ${byDigests.changed} | ${rates(byDigests)} | ${rates(byKey)} | ${area} |`,
    );
    if (intact !== (samplesChanged === 0) || !isExact(byDigests)) process.exitCode = 1;
  }
}

function rate(right: number, all: number): string {
  return all === 0 ? "-" : (right / all).toFixed(3);
}

await tamperAll();
await forgeAll();
await decoder.close();
for (const [attack, { frames, intact, byDigests }] of rows) {
  const isReplay = attack.startsWith("whole frame");
  if (intact !== (isReplay ? frames : 0) || byDigests.exact !== byDigests.cases) process.exitCode = 1;
}
