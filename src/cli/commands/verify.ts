/** `scanseal verify`: judges files against the site's trust. */
import { statSync } from "node:fs";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { durationOf } from "../../site/gateway/config-values.ts";
import { openHome } from "../../site/home.ts";
import { looksLikePng } from "../../site/image-file.ts";
import type { ImageOutcome } from "../../site/image-verification.ts";
import type { SeriesPart } from "../../site/provenance/series-part.ts";
import { verifyFiles } from "../../site/verification-run.ts";
import type { SeriesJudgement } from "../../zero-trust/policy/series.ts";
import { reportUnknownArchive } from "../archive-notice.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { imageJson, imageSummary, imageTable } from "../image-report.ts";
import { findInputs } from "../inputs.ts";
import { certificatesIn, imageVerifierOf } from "../mark-certificates.ts";
import { reportProblem } from "../problem.ts";
import { seriesJson, seriesLine } from "../series-report.ts";
import { reportSkipped } from "../skipped.ts";
import { paletteFor } from "../terminal/palette.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";
import {
  changedPlaces,
  isProven,
  type Judged,
  summaryLine,
  verdictJson,
  verdictTable,
} from "../verdict-report.ts";
import { checkedSeries } from "./series.ts";

export interface VerifyOptions {
  readonly home: string;
  readonly json: boolean;
  readonly deep: boolean;
  /** PEM files: signers of image files and of objects whose seal was removed, which carry no certificate. */
  readonly certificate: readonly string[];
  /** The enrolled archive that gave the files out. */
  readonly from?: string;
  /** "1d": seals older than this have to be in a log that this site knows. */
  readonly loggedWithin?: string;
}

/** @returns 0 when every object is proven and no series of a folder incomplete, 1 when one is not so, 2 when a file cannot be read */
export async function verify(paths: readonly string[], options: VerifyOptions): Promise<number> {
  const inputs = await findInputs(paths);
  const home = openHome(options.home);
  reportExpiry(home);
  await reportUnknownArchive(home, options.from);
  const bar = new ProgressBar(process.stderr, systemClock, inputs.files.length);
  const { images, objects } = parted(inputs.files);
  const judged: (Judged & SeriesPart)[] = [];
  const looked: ImageOutcome[] = [];
  let unreadable = 0;
  try {
    bar.show(0, inputs.files[0] ?? "");
    const given = certificatesIn(options.certificate);
    const markSigners = [...home.deviceCertificates(), ...given];
    const settings = {
      trust: home.trustContent(),
      deep: options.deep,
      markSigners,
      ...home.beside(),
      loggedWithinMs: loggedWithin(options.loggedWithin),
      readFrom: options.from,
    };
    const imageVerifier = images.length > 0 ? imageVerifierOf(home, given) : undefined;
    for (const path of images) {
      const outcome = await imageVerifier!.outcomeOf(path);
      if ("problem" in outcome) {
        unreadable++;
        bar.clear();
        reportProblem(`${path}: ${outcome.problem}`);
      } else {
        looked.push(outcome);
        if (options.json) process.stdout.write(`${imageJson(outcome)}\n`);
      }
      bar.show(looked.length + unreadable, path);
    }
    for await (const outcome of verifyFiles(objects, settings)) {
      const { path } = outcome;
      if ("decision" in outcome) {
        judged.push(outcome);
        if (options.json) process.stdout.write(`${verdictJson(outcome)}\n`);
      } else {
        unreadable++;
        bar.clear();
        reportProblem(`${path}: ${outcome.problem}`);
      }
      bar.show(judged.length + looked.length + unreadable, path);
    }
  } finally {
    bar.clear();
  }
  const series = namesFolder(paths) ? await checkedSeries(home, judged) : [];
  const told = series
    .filter(({ hasManifest, isHere }) => hasManifest && isHere)
    .map(({ judgement }) => judgement);
  if (options.json) for (const one of told) process.stdout.write(`${seriesJson(one)}\n`);
  else printTables(judged, looked, told);
  reportSkipped(inputs, "verified");
  if (unreadable + inputs.unreadable.length > 0) return 2;
  const isAllThere = told.every(({ state }) => state !== "incomplete");
  const isAllIntact = looked.every(({ result }) => result === "pixels-intact");
  return isAllThere && isAllIntact && judged.every(({ decision }) => isProven(decision.verdict)) ? 0 : 1;
}

/** Image files by their first bytes; what cannot be read is told when it is judged. */
function parted(files: readonly string[]): { readonly images: string[]; readonly objects: string[] } {
  const images: string[] = [];
  const objects: string[] = [];
  for (const path of files) (looksLikePng(path) ? images : objects).push(path);
  return { images, objects };
}

/** A folder is looked at as a whole; of single files nobody says that they are all. */
function namesFolder(paths: readonly string[]): boolean {
  return paths.some((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
}

function printTables(
  judged: readonly Judged[],
  looked: readonly ImageOutcome[],
  series: readonly SeriesJudgement[],
): void {
  const palette = paletteFor(process.stdout, process.env);
  const width = process.stdout.columns;
  const print = (lines: readonly string[], summary: string): void => {
    for (const line of lines) process.stdout.write(`${line}\n`);
    process.stdout.write(`\n${summary}\n`);
  };
  if (looked.length > 0) print(imageTable(looked, palette, width), imageSummary(looked));
  if (looked.length > 0 && judged.length > 0) process.stdout.write("\n");
  if (judged.length === 0) return;
  const places = changedPlaces(judged);
  const below = places.length === 0 ? [] : ["", ...places];
  print([...verdictTable(judged, palette, width), ...below], summaryLine(judged));
  for (const one of series) process.stdout.write(`${seriesLine(one, palette)}\n`);
}

function loggedWithin(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = durationOf(text);
  if (ms === undefined)
    throw new ScansealError("usage", `--logged-within is a time such as "90 min", "24 h" or "2 d"`);
  return ms;
}
