/** `scanseal log push`, `log list`, `log use`: what this site logs. */
import { ScansealError } from "../../foundation/errors.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { withJournal } from "../../site/gateway/stores.ts";
import { openHome, type SiteHome } from "../../site/home.ts";
import { feedAll } from "../../site/provenance/feeding.ts";
import type { Journal } from "../../store/journal/journal.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal, QueuedEntry } from "../../store/provenance/provenance-journal.ts";
import { wholeNumber } from "../number-option.ts";
import { reportProblem } from "../problem.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { readText } from "../text-file.ts";
import { configOf, configPathOf } from "./gateway-desk.ts";

const shownMax = 10_000;

async function withProvenance<T>(
  home: SiteHome,
  body: (journal: ProvenanceJournal) => Promise<T>,
): Promise<T> {
  const journal = await openProvenanceJournal(home.provenancePath);
  try {
    return await body(journal);
  } finally {
    await journal.close();
  }
}

/** @returns 0 @throws ScansealError where the log cannot be had: nothing is lost, and the next push goes on */
export async function pushLog(options: { readonly home: string; readonly quiet: string }): Promise<number> {
  const home = openHome(options.home);
  if (home.log.place() === undefined)
    throw new ScansealError("usage", `the site has no log: scanseal log init ${options.home}/log makes one`);
  const quietMinutes = wholeNumber(options.quiet, "--quiet", 0, 1_000_000);
  return withProvenance(home, async (journal) => {
    const quietMs = quietMinutes * 60_000;
    const feed = (acts?: Journal) => feedAll(home, journal, { quietMs, acts });
    const configPath = configPathOf(options);
    const fed = fileExists(configPath) ? await withJournal(configOf(options), feed) : await feed();
    const done = fed ?? { logged: 0, proven: 0 };
    const waiting = (await journal.waitingEntries(shownMax)).length;
    process.stdout.write(
      `${count(done.logged, "entry", "entries")} logged, ${count(done.proven, "proof", "proofs")} kept${waiting > 0 ? `, ${waiting} waiting` : ""}\n`,
    );
    return 0;
  });
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function stateOf({ index, proof, tried }: QueuedEntry): string {
  if (proof !== undefined) return `proven, entry ${index}`;
  if (index !== undefined) return `logged as entry ${index}; its checkpoint is not published yet`;
  return tried ? "sent; the answer was lost" : "waiting";
}

/** @returns 0 */
export async function listLog(options: {
  readonly home: string;
  readonly json: boolean;
  readonly limit: string;
}): Promise<number> {
  const limit = wholeNumber(options.limit, "--limit", 1, shownMax);
  const entries = await withProvenance(openHome(options.home), (journal) => journal.newestEntries(limit));
  for (const entry of entries) {
    const { kind, summary, queuedAt, origin, index } = entry;
    const at = new Date(queuedAt).toISOString();
    const facts = { at, kind, summary, origin, index, proven: entry.proof !== undefined };
    const line = `${at}  ${kind.padEnd(10)}  ${summary}  (${stateOf(entry)})`;
    process.stdout.write(`${options.json ? jsonLine(facts) : visibleText(line)}\n`);
  }
  if (entries.length === 0 && !options.json) process.stdout.write("Nothing was logged yet.\n");
  return 0;
}

/** @returns 0 */
export function useLog(url: string, options: { readonly home: string; readonly policy: string }): number {
  openHome(options.home).log.use(url, readText(options.policy));
  process.stdout.write(`Entries go to ${visibleText(url)} from now on.\n`);
  return 0;
}

/** After sealing: what can be logged at once is; what cannot waits. */
export async function logSeals(
  home: SiteHome,
  journal: ProvenanceJournal,
  queue: () => Promise<unknown>,
): Promise<void> {
  try {
    await queue();
    await feedAll(home, journal, {});
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
    reportProblem(`the log will be told later (scanseal log push): ${error.message}`);
  }
}
