/** `scanseal series close`: signs what a series consists of. */
import { ScansealError } from "../../foundation/errors.ts";
import { openHome } from "../../site/home.ts";
import { writeKeyObject } from "../../site/provenance/key-object-run.ts";
import {
  type PerformedSeries,
  readModalityStep,
  stepDifferences,
} from "../../site/provenance/modality-step.ts";
import {
  type ClosedSeries,
  type ClosingContext,
  closeSeries,
  closeStudy,
  isOfKeyObjects,
  quietSeries,
  whileClosing,
} from "../../site/provenance/series-run.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { findInputs } from "../inputs.ts";
import { wholeNumber } from "../number-option.ts";
import { packageVersion } from "../package-version.ts";
import { problemText, reportProblem } from "../problem.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { visibleText } from "../terminal/visible-text.ts";

export interface CloseOptions {
  readonly home: string;
  readonly json: boolean;
  /** Only say what there is so far. */
  readonly open: boolean;
  readonly study?: string;
  /** Minutes, as typed. */
  readonly quiet?: string;
  readonly mpps?: string;
  readonly ko?: string;
  readonly objects: readonly string[];
}

/** Ten years: any series is over by then. */
const quietMinutesMax = 5_256_000;

/** @returns 0 when all that was asked is closed, 1 when a series could not be, or differs from its MPPS */
export async function close(uid: string | undefined, options: CloseOptions): Promise<number> {
  const ways = [uid, options.study, options.quiet, options.mpps].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw new ScansealError("usage", "name a series, or --study, --quiet or --mpps: one of them");
  if ((options.ko === undefined) !== (options.objects.length === 0))
    throw new ScansealError("usage", "--ko and --objects belong together: a Key Object names sealed objects");
  const step = options.mpps === undefined ? undefined : await readModalityStep(options.mpps);
  const objects = options.ko === undefined ? [] : (await findInputs(options.objects)).files;
  const home = openHome(options.home);
  reportExpiry(home);
  const journal = await openProvenanceJournal(home.provenancePath);
  const run = new ClosingRun({ home, journal, softwareVersion: packageVersion() }, options, objects);
  try {
    await whileClosing(home, () => closeAsked(run, uid, options, step));
  } finally {
    await journal.close();
  }
  return run.failed > 0 ? 1 : 0;
}

async function closeAsked(
  run: ClosingRun,
  uid: string | undefined,
  { study, quiet }: CloseOptions,
  step: readonly PerformedSeries[] | undefined,
): Promise<void> {
  if (uid !== undefined) return run.closeOne(uid);
  if (study !== undefined) return run.closeStudy(study);
  if (step) {
    for (const performed of step) await run.closePerformed(performed);
    return;
  }
  const minutes = wholeNumber(quiet ?? "", "--quiet", 0, quietMinutesMax);
  const uids = await quietSeries(run.context.journal, minutes * 60_000);
  for (const one of uids) await run.goingOn(one, () => run.closeOne(one));
  if (uids.length === 0 && !run.options.json) process.stdout.write("no series to close\n");
}

class ClosingRun {
  failed = 0;
  readonly context: ClosingContext;
  readonly options: CloseOptions;
  readonly #objects: readonly string[];

  constructor(context: ClosingContext, options: CloseOptions, objects: readonly string[]) {
    this.context = context;
    this.options = options;
    this.#objects = objects;
  }

  async closeOne(uid: string): Promise<void> {
    if (await isOfKeyObjects(uid, this.context.journal))
      throw new ScansealError("usage", "that series is the Key Object of another one");
    await this.#tell(await closeSeries(uid, this.context, this.options.open ? "open" : "closed"));
  }

  async closeStudy(uid: string): Promise<void> {
    if (this.options.open) throw new ScansealError("usage", "--open is for series, not for studies");
    const { series, version, manifest, isNew } = await closeStudy(uid, this.context);
    for (const one of series) await this.#tell(one);
    if (this.options.json)
      this.#print(jsonLine({ study: uid, version, manifest, isNew, count: series.length }));
    else
      this.#print(
        `study ${visibleText(uid)} ${isNew ? "signed" : "as before"}: v${version}, ${series.length} series`,
      );
  }

  /** What the modality says to have made, beside what was sealed. */
  async closePerformed(performed: PerformedSeries): Promise<void> {
    const uid = performed.seriesInstanceUid;
    await this.goingOn(uid, async () => {
      const closed = await closeSeries(uid, this.context);
      await this.#tell(closed);
      const sealed = closed.entries.map(({ sopInstanceUid }) => sopInstanceUid);
      const { notSealed, notInStep } = stepDifferences(performed, sealed);
      if (notSealed.length + notInStep.length > 0) this.failed++;
      if (this.options.json) this.#print(jsonLine({ series: uid, mpps: { notSealed, notInStep } }));
      else {
        for (const one of notSealed) this.#print(`  in the MPPS, never sealed: ${visibleText(one)}`);
        for (const one of notInStep) this.#print(`  sealed, not in the MPPS: ${visibleText(one)}`);
      }
    });
  }

  /** One series that cannot be closed keeps no other one open. */
  async goingOn(uid: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof ScansealError) || error.fault === "environment") throw error;
      this.failed++;
      reportProblem(`series ${uid}: ${problemText(error)}`);
    }
  }

  async #tell(series: ClosedSeries): Promise<void> {
    const { seriesInstanceUid, version, manifest, isNew, entries, device, resealed } = series;
    const { ko, json, open } = this.options;
    const document =
      ko === undefined
        ? undefined
        : await writeKeyObject(series, { objects: this.#objects, folder: ko }, this.context);
    if (json) {
      const keyObject = document?.path ?? null;
      const line = { series: seriesInstanceUid, version, manifest, isNew, count: entries.length };
      this.#print(jsonLine({ ...line, device, resealed, keyObject }));
      return;
    }
    const what = isNew ? (open ? "open" : "closed") : "as before";
    const count = `${entries.length} ${entries.length === 1 ? "instance" : "instances"}`;
    this.#print(`series ${visibleText(seriesInstanceUid)} ${what}: v${version}, ${count}, by ${device}`);
    for (const uid of resealed) this.#print(`  sealed again, the newest seal is listed: ${visibleText(uid)}`);
    if (document) this.#print(`  Key Object: ${document.path}`);
  }

  #print(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}
