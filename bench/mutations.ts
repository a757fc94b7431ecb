/**
 * Every sealable file of the corpus: sealed, judged, and then changed in one place at a time: `node bench/mutations.ts [part of a name]`.
 * Of a series the first files are changed everywhere, the others in a sample.
 */
import { corpusBytes, corpusFiles, tolerancesFor, unsealable } from "../test/evaluation/corpus-files.ts";
import { newSite } from "../test/evaluation/fixture.ts";
import { runMutations, type Sampling } from "../test/evaluation/mutation-run.ts";

const everywhere: Sampling = {
  modify: Number.POSITIVE_INFINITY,
  remove: Number.POSITIVE_INFINITY,
  add: 24,
  frames: 64,
  sealBytes: 12,
  around: true,
};
const sampled: Sampling = { modify: 24, remove: 8, add: 6, frames: 4, sealBytes: 1, around: true };
/** Files of one series are alike. */
const fullPerSeries = 4;

const part = process.argv[2] ?? "";
const files = corpusFiles().filter(({ file }) => file.includes(part) && !unsealable.has(file));
const inSeries = new Map<string, number>();
const counts = new Map<string, number>();
const wrong = new Map<string, number>();
const site = newSite();
let untouched = 0;

for (const [n, { file }] of files.entries()) {
  const series = /^(ct|mr|pet)-series\/[^/]+/.exec(file)?.[0];
  const before = inSeries.get(series ?? "") ?? 0;
  if (series !== undefined) inSeries.set(series, before + 1);
  const sampling = series !== undefined && before >= fullPerSeries ? sampled : everywhere;
  const result = await runMutations(site, file, corpusBytes(file), sampling, tolerancesFor(file));
  if (result.untouched === undefined) untouched++;
  else console.log(`\n${file}: untouched, but ${result.untouched}`);
  for (const [group, count] of result.counts) counts.set(group, (counts.get(group) ?? 0) + count);
  for (const { group, text } of result.problems) {
    wrong.set(group, (wrong.get(group) ?? 0) + 1);
    console.log(`\n${text}`);
  }
  if (process.stderr.isTTY || n % 50 === 49)
    process.stderr.write(`\r${n + 1}/${files.length} ${file.padEnd(80)}`);
}
await site.close();

console.log(`\n| change | found and named |\n| --- | --- |`);
for (const [group, count] of counts)
  console.log(`| ${group} | ${count - (wrong.get(group) ?? 0)}/${count} |`);
const all = [...counts.values()].reduce((a, b) => a + b, 0);
const missed = [...wrong.values()].reduce((a, b) => a + b, 0);
console.log(`| all | ${all - missed}/${all} |`);
console.log(`\nuntouched sealed files that are verified by both routes: ${untouched}/${files.length}`);
