/** The table of false alarms: benign operation x modality, on sealed files of the corpus: `node bench/false-alarms.ts [part of a name]`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRun, type Operation, operations } from "../test/evaluation/benign-operations.ts";
import { corpusFiles, unsealable } from "../test/evaluation/corpus-files.ts";
import { type Cell, columnOf, columns, falseAlarms, isQuiet } from "../test/evaluation/false-alarm-table.ts";
import { newSite } from "../test/evaluation/fixture.ts";
import { NetworkPeers } from "../test/evaluation/network-peers.ts";
import { peer } from "../test/peers.ts";

/** Files of one series are alike. */
const perSeries = 3;

const part = process.argv[2] ?? "";
const inSeries = new Map<string, number>();
const files = corpusFiles().filter(({ file }) => {
  if (unsealable.has(file) || !file.includes(part)) return false;
  const series = /^(ct|mr|pet)-series\/[^/]+/.exec(file)?.[0];
  if (series === undefined) return true;
  const n = inSeries.get(series) ?? 0;
  inSeries.set(series, n + 1);
  return n < perSeries;
});

const site = newSite();
const work = mkdtempSync(join(tmpdir(), "scanseal-peers-"));
const network = new NetworkPeers(work);
const reachable = peer("Orthanc") !== undefined && peer("storescp") !== undefined;
if (reachable) await network.start();
const all: readonly Operation[] = [...operations.filter(canRun), ...(reachable ? network.operations : [])];
const cells: Cell[] = [];
try {
  let last = "";
  await falseAlarms(site, files, all, (cell) => {
    cells.push(cell);
    if (cell.file.file !== last && process.stderr.isTTY)
      process.stderr.write(`\r${cell.file.file.padEnd(90)}`);
    last = cell.file.file;
  });
} finally {
  await network.close();
  await site.close();
  rmSync(work, { recursive: true, force: true });
}

const used = columns.filter((column) => cells.some(({ file }) => columnOf(file) === column));
console.log(`\n| operation | ${used.join(" | ")} |\n| --- |${" --- |".repeat(used.length)}`);
for (const { name } of all) {
  const row = used.map((column) => {
    const here = cells.filter((cell) => cell.operation === name && columnOf(cell.file) === column);
    const judged = here.flatMap(({ verdict }) => (verdict === undefined ? [] : [verdict]));
    if (judged.length === 0) return "-";
    const changes = judged.filter((verdict) => verdict === "verified-with-changes").length;
    return `${judged.filter(isQuiet).length}/${judged.length}${changes > 0 ? ` (${changes} with changes)` : ""}`;
  });
  console.log(`| ${name} | ${row.join(" | ")} |`);
}
const judged = cells.filter(({ verdict }) => verdict !== undefined);
console.log(
  `\nno alarm: ${judged.filter(({ verdict }) => isQuiet(verdict!)).length}/${judged.length}; declined by the software: ${cells.length - judged.length}; files: ${files.length}`,
);
console.log("\nalarms and changes:");
for (const { operation, file, verdict, story } of judged) {
  if (verdict !== "verified")
    console.log(`  ${operation} | ${columnOf(file)} | ${file.file} | ${story.slice(0, 400)}`);
}
