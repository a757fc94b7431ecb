/** `scanseal keys gaps`: numbers of a key that nobody has seen, though later ones were. */

import { systemClock } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { OpenedProvenance } from "../../site/provenance/opened-provenance.ts";
import type { NumberGap } from "../../store/provenance/provenance-journal.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { type Column, formatTable } from "../terminal/table.ts";

/** Shown; a report of more is read by nobody. */
const gapsMax = 1_000;
const dayMs = 86_400_000;

const columns: readonly Column[] = [
  { title: "KEY", shrinks: true },
  { title: "EPOCH", align: "right" },
  { title: "MISSING" },
  { title: "SINCE" },
  { title: "", shrinks: true },
];

export interface GapsOptions {
  readonly home: string;
  readonly json: boolean;
  /** Days. */
  readonly window: number;
}

/** @returns 1 when a gap is older than the window */
export async function keyGaps(options: GapsOptions): Promise<number> {
  const home = openHome(options.home);
  const provenance = new OpenedProvenance(home.provenancePath);
  try {
    const journal = await provenance.journal();
    const found = (await journal?.numberGaps(gapsMax + 1)) ?? [];
    const gaps = found.slice(0, gapsMax);
    const before = systemClock.now() - options.window * dayMs;
    const isOverdue = (gap: NumberGap): boolean => gap.since < before;
    const names = new Map(home.ledger().issued.map(({ keyFingerprint, name }) => [keyFingerprint, name]));
    const nameOf = ({ keyFingerprint }: NumberGap): string => names.get(keyFingerprint) ?? keyFingerprint;
    if (options.json) for (const gap of gaps) write(jsonLine(jsonOf(gap, nameOf(gap), isOverdue(gap))));
    else if (gaps.length === 0)
      write("Every number up to the highest one of each key was sealed here or seen.");
    else {
      const rows = gaps.map((gap) => [
        nameOf(gap),
        gap.keyEpoch,
        gap.first === gap.last ? `${gap.first}` : `${gap.first}-${gap.last}`,
        new Date(gap.since).toISOString().slice(0, 10),
        isOverdue(gap) ? `longer than ${options.window} days` : "may still come",
      ]);
      for (const line of formatTable(columns, rows, process.stdout.columns)) write(line);
    }
    if (found.length > gapsMax)
      process.stderr.write(`scanseal: there are more than ${gapsMax} gaps; these are the oldest\n`);
    return gaps.some(isOverdue) ? 1 : 0;
  } finally {
    await provenance.close();
  }
}

function jsonOf(gap: NumberGap, name: string, isOverdue: boolean): object {
  const { keyFingerprint, keyEpoch, first, last, since } = gap;
  return {
    name,
    keyFingerprint,
    keyEpoch: Number(keyEpoch),
    first,
    last,
    since: new Date(since).toISOString(),
    isOverdue,
  };
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}
