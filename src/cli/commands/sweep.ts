/** `scanseal sweep`: everything that an archive or a folder holds, verified once more and compared with what the gate admitted. */
import { appendFileSync } from "node:fs";
import { resolve } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { destinationOf } from "../../site/gateway/admissions.ts";
import type { GatewayConfig } from "../../site/gateway/config.ts";
import { archivePlace, openReadArchive } from "../../site/gateway/read-archive.ts";
import { withStaging } from "../../site/receipts/staging.ts";
import { openFolderArchive } from "../../site/sweep/folder-archive.ts";
import { findingSentence, isSerious, type SweepFinding } from "../../site/sweep/sweep-finding.ts";
import { isSound, sums } from "../../site/sweep/sweep-report.ts";
import { runSweep, type SweepOrder } from "../../site/sweep/sweep-run.ts";
import type { SweepState } from "../../site/sweep/sweep-state.ts";
import type { ArchiveSettings } from "../../zero-trust/gateway/settings.ts";
import { findInputs, type Inputs } from "../inputs.ts";
import { networkTarget } from "../sending/network-target.ts";
import { reportLeftOut } from "../skipped.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { configOf, type DeskOptions } from "./gateway-desk.ts";

export interface SweepOptions extends DeskOptions {
  /** Root of a DICOMweb service, or AET@HOST:PORT; without it the configuration's. */
  readonly archive?: string;
  readonly calling: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly rate?: number;
  /** Milliseconds: studies of which something was admitted since. */
  readonly recent?: number;
  readonly again: boolean;
  readonly report?: string;
  readonly json: boolean;
}

/** Printed one by one; all of them are in the report. */
const shownMax = 100;

/** @returns 0 when everything is as it was admitted, 1 when something is not, 2 when it could not be asked */
export async function sweep(paths: readonly string[], options: SweepOptions): Promise<number> {
  if (paths.length > 0 && options.archive !== undefined)
    throw new ScansealError("usage", "sweep a folder or an archive: one of them");
  const config = configOf(options);
  const told = new Told(options);
  return withStaging(config.home, async (staging) => {
    const { archive, what, destination } = await swept(paths, options, { config, staging, told });
    try {
      const state = await runSweep({
        ...{ config, archive, what, destination, rate: options.rate, isAgain: options.again },
        admittedSince: options.recent === undefined ? undefined : systemClock.now() - options.recent,
        onResume: (state) => told.resumed(state),
        onFinding: (finding) => told.finding(finding),
        onProgress: (at, studies) => told.progress(at, studies),
      });
      return told.summary(state);
    } finally {
      told.clear();
      await archive.close();
    }
  });
}

async function swept(
  paths: readonly string[],
  options: SweepOptions,
  {
    config,
    staging,
    told,
  }: { readonly config: GatewayConfig; readonly staging: string; readonly told: Told },
): Promise<Pick<SweepOrder, "archive" | "what" | "destination">> {
  if (paths.length > 0) {
    const inputs = await findInputs(paths);
    const { files, unreadable } = inputs;
    const bar = new ProgressBar(process.stderr, systemClock, files.length);
    const folder = await openFolderArchive(files, (done, path) => bar.show(done, path));
    bar.clear();
    told.files([...unreadable.map(({ path }) => path), ...folder.unreadable], folder.duplicates);
    told.skipped(inputs);
    const what = paths.map((path) => resolve(path)).join(" ");
    return { archive: folder.archive, what, destination: undefined };
  }
  const settings =
    options.archive === undefined ? config.settings.reading?.archive : archiveAt(options.archive, options);
  if (!settings)
    throw new ScansealError(
      "usage",
      "nothing to sweep: name a folder, or an archive with --archive or in the configuration",
    );
  const { aeTitle, destinations } = config.settings;
  return {
    archive: openReadArchive(settings, { aeTitle, staging }),
    what: archivePlace(settings),
    destination: destinationOf(settings, destinations),
  };
}

function archiveAt(place: string, options: SweepOptions): ArchiveSettings {
  const named = { name: "archive", tolerate: [] };
  if (place.includes("://")) {
    const authorization = process.env.SCANSEAL_ARCHIVE_AUTHORIZATION || undefined;
    return { ...named, through: { protocol: "dicomweb", url: place.replace(/\/+$/, ""), authorization } };
  }
  const { host, port, tls, calledAeTitle } = networkTarget(place, options);
  return { ...named, through: { protocol: "dimse", host, port, aeTitle: calledAeTitle, tls } };
}

/** What a person sees, and what goes into the report. */
class Told {
  readonly #options: SweepOptions;
  readonly #bar: { bar: ProgressBar | undefined; of: number } = { bar: undefined, of: 0 };
  #findings = 0;
  /** Files that are none, or one too many. */
  #odd = 0;

  constructor(options: SweepOptions) {
    this.#options = options;
    if (options.report !== undefined) appendFileSync(options.report, "", { mode: 0o600, flag: "ax" });
  }

  finding(finding: SweepFinding): void {
    this.#findings++;
    const line = jsonLine(finding);
    if (this.#options.report !== undefined) appendFileSync(this.#options.report, `${line}\n`);
    if (this.#options.json) process.stdout.write(`${line}\n`);
    else if (this.#findings <= shownMax) this.#line(visibleText(findingSentence(finding)));
    else if (this.#findings === shownMax + 1) this.#line("... more: --report FILE has them all");
  }

  files(unreadable: readonly string[], duplicates: readonly string[]): void {
    this.#files("unreadable-file", unreadable, "no readable DICOM object");
    this.#files("further-file", duplicates, "a further file of an instance, which was not examined");
  }

  #files(kind: string, paths: readonly string[], words: string): void {
    for (const [i, path] of paths.entries()) {
      const line = jsonLine({ kind, path });
      if (this.#options.report !== undefined) appendFileSync(this.#options.report, `${line}\n`);
      if (this.#options.json) process.stdout.write(`${line}\n`);
      else if (i < shownMax) this.#line(visibleText(`${path}: ${words}`));
      else if (i === shownMax) this.#line(`... ${paths.length - shownMax} more: --report FILE has them all`);
    }
    this.#odd += paths.length;
  }

  /** An archive's folder has its database beside the objects; a folder without any object was not what was meant. */
  skipped(inputs: Inputs): void {
    this.clear();
    reportLeftOut(inputs, "verified");
    this.#odd += inputs.linkedFolders + (inputs.files.length === 0 ? inputs.otherFiles : 0);
  }

  #line(text: string): void {
    this.clear();
    (this.#options.json ? process.stderr : process.stdout).write(`${text}\n`);
  }

  progress({ counts }: SweepState, studies: number): void {
    if (this.#bar.of !== studies) {
      this.#bar.of = studies;
      this.#bar.bar = new ProgressBar(process.stderr, systemClock, studies);
    }
    this.#bar.bar?.show(counts.studies, `studies, ${this.#findings} findings`);
  }

  clear(): void {
    this.#bar.bar?.clear();
  }

  /** What the earlier run found is in its own report, and in the sums of this one. */
  resumed({ counts, startedAt }: SweepState): void {
    const found = Object.entries(counts.findings)
      .filter(([kind]) => isSerious(kind))
      .reduce((sum, [, count]) => sum + count, 0);
    const since = new Date(startedAt).toISOString();
    process.stderr.write(
      `goes on behind ${counts.studies} studies of the sweep of ${since}, which had ${found} findings; --again begins anew\n`,
    );
  }

  summary(state: SweepState): number {
    this.clear();
    const { counts, startedAt, endedAt = startedAt } = state;
    const times = { startedAt: new Date(startedAt).toISOString(), endedAt: new Date(endedAt).toISOString() };
    const line = jsonLine({ kind: "sweep", ...counts, ...times });
    if (this.#options.report !== undefined) appendFileSync(this.#options.report, `${line}\n`);
    process.stdout.write(`${this.#options.json ? line : sums(state)}\n`);
    return this.#odd === 0 && isSound(state) ? 0 : 1;
  }
}
