/**
 * Every corpus file between dcmsign and us, P-256 with SHA-256 and RSA-3072 with SHA-512: a table, and every exception by name.
 * Run: node bench/interop-dcmsign.ts [part of a path]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeTestKey } from "../test/interop/dcmsign-peer.ts";
import { corpusFiles, type Outcome, rounds } from "../test/interop/dcmsign-rounds.ts";
import { peerPath } from "../test/peers.ts";

const suites = [
  ["P-256", "SHA-256"],
  ["RSA-3072", "SHA-512"],
] as const;
const files = corpusFiles(peerPath("corpus")).filter(({ name }) => name.includes(process.argv[2] ?? ""));
const folder = mkdtempSync(join(tmpdir(), "scanseal-interop-"));
/** What is said of a file -> the files, in all suites. */
const exceptions = new Map<string, Set<string>>();

function note(title: string, { result, detail }: Outcome, name: string): void {
  if (detail === "") return;
  const line = `${title}: ${result}${detail === "" ? "" : `: ${detail}`}`;
  exceptions.set(line, (exceptions.get(line) ?? new Set()).add(name));
}

try {
  console.log(`${files.length} files\n`);
  console.log("| round | key and hash | agrees | differs | refused |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [kind, hash] of suites) {
    const setting = { folder, hash, key: makeTestKey(kind, folder) };
    for (const [title, round] of Object.entries(rounds)) {
      const tally = { agrees: 0, differs: 0, refused: 0 };
      for (const file of files) {
        const outcome = await round(file, setting);
        tally[outcome.result]++;
        note(title, outcome, file.name);
      }
      const played = tally.agrees + tally.differs;
      console.log(
        `| ${title} | ${kind}, ${hash} | ${tally.agrees}/${played} | ${tally.differs} | ${tally.refused} |`,
      );
    }
  }
  for (const [line, names] of exceptions)
    console.log(`\n${line} (${names.size})\n  ${[...names].join("\n  ")}`);
} finally {
  rmSync(folder, { recursive: true });
}
