/** `scanseal sweep`: everything that an archive or a folder holds, verified once more and compared with what the gate admitted. */
import { appendFileSync } from "node:fs";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { GatewayConfig } from "../../site/gateway/config.ts";
import { type OpenArchive, openReadArchive } from "../../site/gateway/read-archive.ts";
import { withStaging } from "../../site/receipts/staging.ts";
import type { SweepFinding } from "../../site/sweep/archive-sweep.ts";
import { openFolderArchive } from "../../site/sweep/folder-archive.ts";
import { runSweep } from "../../site/sweep/sweep-run.ts";
import type { SweepState } from "../../site/sweep/sweep-state.ts";
import type { ArchiveSettings } from "../../zero-trust/gateway/settings.ts";
import { findInputs } from "../inputs.ts";
import { networkTarget } from "../sending/network-target.ts";
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
    const { archive, what } = await swept(paths, options, { config, staging, told });
    try {
      const state = await runSweep({
        ...{ config, archive, what, rate: options.rate, isAgain: options.again },
        admittedSince: options.recent === undefined ? undefined : systemClock.now() - options.recent,
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
): Promise<{ readonly archive: OpenArchive; readonly what: string }> {
  if (paths.length > 0) {
    const { files, unreadable } = await findInputs(paths);
    const bar = new ProgressBar(process.stderr, systemClock, files.length);
    const folder = await openFolderArchive(files, (done, path) => bar.show(done, path));
    bar.clear();
    told.files([...unreadable.map(({ path }) => path), ...folder.unreadable], folder.duplicates);
    return { archive: folder.archive, what: paths.join(" ") };
  }
  const settings =
    options.archive === undefined ? config.settings.reading?.archive : archiveAt(options.archive, options);
  if (!settings)
    throw new ScansealError(
      "usage",
      "nothing to sweep: name a folder, or an archive with --archive or in the configuration",
    );
  const { aeTitle } = config.settings;
  return { archive: openReadArchive(settings, { aeTitle, staging }), what: options.archive ?? settings.name };
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
  #serious = 0;

  constructor(options: SweepOptions) {
    this.#options = options;
    if (options.report !== undefined) appendFileSync(options.report, "", { mode: 0o600, flag: "ax" });
  }

  finding(finding: SweepFinding): void {
    this.#findings++;
    if (finding.kind !== "unknown") this.#serious++;
    const line = jsonLine(finding);
    if (this.#options.report !== undefined) appendFileSync(this.#options.report, `${line}\n`);
    if (this.#options.json) process.stdout.write(`${line}\n`);
    else if (this.#findings <= shownMax) this.#line(sentenceOf(finding));
    else if (this.#findings === shownMax + 1) this.#line("... more: --report FILE has them all");
  }

  files(unreadable: readonly string[], duplicates: readonly string[]): void {
    for (const path of unreadable.slice(0, shownMax))
      this.#line(visibleText(`${path}: no readable DICOM object`));
    for (const path of duplicates.slice(0, shownMax))
      this.#line(visibleText(`${path}: a further file of an instance`));
    this.#serious += unreadable.length + duplicates.length;
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

  summary({ counts, startedAt }: SweepState): number {
    this.clear();
    const all = Object.values(counts.instances).reduce((sum, count) => sum + count, 0);
    const isSound = this.#serious === 0 && (counts.instances.held ?? 0) === 0;
    if (this.#options.json) {
      process.stdout.write(
        `${jsonLine({ kind: "sweep", ...counts, startedAt: new Date(startedAt).toISOString() })}\n`,
      );
      return isSound ? 0 : 1;
    }
    const parts = Object.entries(counts.instances).map(([what, count]) => `${count} ${words[what] ?? what}`);
    process.stdout.write(`${counts.studies} studies, ${all} instances: ${parts.join(", ") || "none"}\n`);
    return isSound ? 0 : 1;
  }
}

const words: Readonly<Record<string, string>> = {
  observed: "unproven, as far as known as they were",
  held: "not as admitted, or failing",
  unavailable: "could not be read",
};

function sentenceOf({ kind, studyInstanceUid, sopInstanceUid, verdict, codes = [] }: SweepFinding): string {
  const place = sopInstanceUid ?? studyInstanceUid;
  switch (kind) {
    case "held":
      return `${place}  ${verdict}: ${codes.join(", ")}`;
    case "missing":
      return `${place}  missing: it was admitted, and is not there`;
    case "unavailable":
      return `${place}  could not be read`;
    case "unknown":
      return `${place}  never admitted by the gate`;
    case "never-admitted":
      return `${place}  a study sealed here, neither admitted by the gate nor there`;
  }
}
