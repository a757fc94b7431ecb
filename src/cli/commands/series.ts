/** `scanseal series list | show | check`: what series consist of, and whether a folder holds all of it. */
import { openHome, type SiteHome } from "../../site/home.ts";
import { OpenedProvenance } from "../../site/provenance/opened-provenance.ts";
import type { SeriesPart } from "../../site/provenance/series-part.ts";
import { isOfKeyObjects, portsOf, versionsOf } from "../../site/provenance/series-run.ts";
import {
  type CheckedSeries,
  checkSeriesOf,
  type SeriesCheckOptions,
} from "../../site/provenance/series-verification.ts";
import { verifyFiles } from "../../site/verification-run.ts";
import type { ProvenanceJournal, SealedSeries } from "../../store/provenance/provenance-journal.ts";
import { seriesManifests } from "../../zero-trust/evidence/series-check.ts";
import type { SeriesManifestFact } from "../../zero-trust/evidence/series-evidence.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { findInputs } from "../inputs.ts";
import { reportProblem } from "../problem.ts";
import { seriesDetails, seriesJson, seriesLine } from "../series-report.ts";
import { reportSkipped } from "../skipped.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { paletteFor } from "../terminal/palette.ts";
import { formatTable } from "../terminal/table.ts";
import { visibleText } from "../terminal/visible-text.ts";

export interface SeriesOptions {
  readonly home: string;
  readonly json: boolean;
}

export interface CheckOptions extends SeriesOptions {
  readonly series?: string;
  readonly wholeStudies: boolean;
}

const pageSize = 500;

/** @returns 0 */
export async function list(options: SeriesOptions): Promise<number> {
  const home = openHome(options.home);
  await withJournal(home, async (journal) => {
    const rows: string[][] = [];
    for (let after = ""; journal; ) {
      const page = await journal.sealedSeries({ after, limit: pageSize });
      for (const one of page) {
        const head = await newestOf(one.seriesInstanceUid, home, journal);
        const isKeyObject = await isOfKeyObjects(one.seriesInstanceUid, journal);
        if (options.json) process.stdout.write(`${listJson(one, head, isKeyObject)}\n`);
        else rows.push(rowOf(one, head, isKeyObject));
      }
      if (page.length < pageSize) break;
      after = page.at(-1)!.seriesInstanceUid;
    }
    if (options.json) return;
    const columns = ["Series", "State", "Listed", "Sealed", "Last sealed", "Device"];
    const titled = columns.map((title) => ({ title, shrinks: title === "Series", keeps: "end" as const }));
    const lines = rows.length === 0 ? ["no series"] : formatTable(titled, rows, process.stdout.columns);
    process.stdout.write(`${lines.join("\n")}\n`);
  });
  return 0;
}

async function newestOf(
  uid: string,
  home: SiteHome,
  journal: ProvenanceJournal,
): Promise<SeriesManifestFact | undefined> {
  return versionsOf(await seriesManifests(uid, portsOf(home, journal))).at(-1);
}

function rowOf(one: SealedSeries, head: SeriesManifestFact | undefined, isKeyObject: boolean): string[] {
  const none = isKeyObject ? "Key Object" : "no manifest";
  // Series are closed by hand: that one has to be closed again is not to be read out of two numbers.
  const more = head && one.seals > head.instances.length ? ", more since" : "";
  const state = head ? `${head.state} v${head.version}${more}` : none;
  const last = new Date(one.lastSealedAt).toISOString();
  const listed = head ? String(head.instances.length) : "";
  return [one.seriesInstanceUid, state, listed, String(one.seals), last, head?.trust?.signer ?? ""];
}

function listJson(one: SealedSeries, head: SeriesManifestFact | undefined, isKeyObject: boolean): string {
  return jsonLine({
    series: one.seriesInstanceUid,
    study: one.studyInstanceUid,
    state: head?.state ?? null,
    version: head?.version ?? null,
    listed: head?.instances.length ?? null,
    sealed: one.seals,
    lastSealedAt: new Date(one.lastSealedAt).toISOString(),
    isKeyObject,
  });
}

/** @returns 0, or 1 when the site has no manifest of it */
export async function show(uid: string, options: SeriesOptions): Promise<number> {
  const home = openHome(options.home);
  return withJournal(home, async (journal) => {
    const facts = journal ? await seriesManifests(uid, portsOf(home, journal)) : [];
    const ordered = facts.toSorted((a, b) => a.version - b.version);
    for (const fact of ordered)
      process.stdout.write(`${options.json ? jsonLine(fact) : versionLine(fact)}\n`);
    const newest = versionsOf(ordered).at(-1);
    if (!options.json && newest) {
      process.stdout.write(`\n${newest.instances.length} instances of v${newest.version}, in their order:\n`);
      for (const { sopInstanceUid, instanceNumber } of newest.instances)
        process.stdout.write(`  ${visibleText(sopInstanceUid)}  ${instanceNumber ?? "-"}\n`);
    }
    if (facts.length === 0) reportProblem(`no manifest of series ${uid}`);
    return facts.length === 0 ? 1 : 0;
  });
}

function versionLine(fact: SeriesManifestFact): string {
  const { version, state, manifest, trust, faults, detail, madeAt, instances } = fact;
  if (faults.length > 0) return `does not hold: ${faults.join(", ")} ${detail ?? ""} (SHA-256 ${manifest})`;
  const by = trust?.result === "trusted" ? trust.signer : `${trust?.signer}, ${trust?.result}`;
  const at = new Date(madeAt).toISOString();
  const follows = fact.previous === undefined ? "" : `, follows ${fact.previous.slice(0, 16)}…`;
  return `v${version} ${state}  ${at}  ${instances.length} instances  by ${visibleText(by)}  SHA-256 ${manifest}${follows}`;
}

/** @returns 0 when no series is incomplete, 1 when one is, 2 when a file cannot be read */
export async function check(paths: readonly string[], options: CheckOptions): Promise<number> {
  const inputs = await findInputs(paths);
  const home = openHome(options.home);
  reportExpiry(home);
  const parts: SeriesPart[] = [];
  let unreadable = inputs.unreadable.length;
  const settings = {
    trust: home.trustContent(),
    deep: false,
    markSigners: home.deviceCertificates(),
    ...home.beside(),
  };
  for await (const outcome of verifyFiles(inputs.files, settings)) {
    if ("decision" in outcome) parts.push(outcome);
    else {
      unreadable++;
      reportProblem(`${outcome.path}: ${outcome.problem}`);
    }
  }
  const checked = await checkedSeries(home, parts, options);
  const palette = paletteFor(process.stdout, process.env);
  for (const { judgement } of checked) {
    const lines = options.json
      ? [seriesJson(judgement)]
      : [seriesLine(judgement, palette), ...seriesDetails(judgement)];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
  reportSkipped(inputs, "checked");
  if (unreadable > 0) return 2;
  return checked.some(({ judgement }) => judgement.state === "incomplete") ? 1 : 0;
}

/** @throws ScansealError `io` */
export async function checkedSeries(
  home: SiteHome,
  parts: readonly SeriesPart[],
  options: SeriesCheckOptions = {},
): Promise<readonly CheckedSeries[]> {
  const provenance = new OpenedProvenance(home.provenancePath);
  try {
    return await checkSeriesOf(parts, home.trust(), await provenance.lookup(), options);
  } finally {
    await provenance.close();
  }
}

async function withJournal<T>(
  home: SiteHome,
  body: (journal: ProvenanceJournal | undefined) => Promise<T>,
): Promise<T> {
  const provenance = new OpenedProvenance(home.provenancePath);
  try {
    return await body(await provenance.journal());
  } finally {
    await provenance.close();
  }
}
