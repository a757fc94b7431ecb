/** `scanseal baseline`: receipts for what a folder or an archive holds already; not a byte of it is changed. */
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { FileBuffer, withFile } from "../../site/file-input.ts";
import { openHome } from "../../site/home.ts";
import { DimseArchive } from "../../site/receipts/dimse-archive.ts";
import { type Received, ReceivingOffice, requireLabel } from "../../site/receipts/receiving-office.ts";
import { withStaging } from "../../site/receipts/staging.ts";
import { WebArchive } from "../../site/receipts/web-archive.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { findInputs, type Inputs } from "../inputs.ts";
import { packageVersion } from "../package-version.ts";
import { reportProblem } from "../problem.ts";
import {
  count,
  noCounts,
  type ReceivingCounts,
  receivingStatus,
  receivingSummary,
  refusalText,
  stopsReceiving,
} from "../receiving-report.ts";
import { connectionProblem } from "../sending/connection-words.ts";
import { networkTarget } from "../sending/network-target.ts";
import { reportSkipped } from "../skipped.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";

export interface BaselineOptions {
  readonly home: string;
  readonly source: string;
  readonly operator?: string;
  readonly asUnsealed: boolean;
  /** Root of a DICOMweb service, or AET@HOST:PORT. */
  readonly archive?: string;
  readonly calling: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** @returns 0 when every object has a receipt or a seal, 1 when one was refused, 2 when one cannot be read */
export async function baseline(paths: readonly string[], options: BaselineOptions): Promise<number> {
  const { source, operator, asUnsealed, archive } = options;
  requireLabel("--source", source);
  if (operator !== undefined) requireLabel("--operator", operator);
  if (asUnsealed && operator === undefined)
    throw new ScansealError("usage", "--as-unsealed needs --operator: a person answers for it");
  if ((paths.length === 0) === (archive === undefined))
    throw new ScansealError("usage", "name files and folders, or an archive with --archive: one of them");
  const inputs = archive === undefined ? await findInputs(paths) : undefined;
  const home = openHome(options.home);
  reportExpiry(home);
  const software = { name: "scanseal", version: packageVersion() };
  const named = operator === undefined ? {} : { operator };
  const reception = { basis: "baseline" as const, source, ...named, asUnsealed, software };
  const office = await ReceivingOffice.open(home, reception);
  const run = new BaselineRun(office);
  try {
    if (inputs) await run.files(inputs);
    else await withArchive(archive!, options, (walked) => run.archive(walked));
    await office.settle();
  } finally {
    run.bar.clear();
    await office.close();
  }
  if (inputs) reportSkipped(inputs, "received");
  process.stdout.write(`${receivingSummary(run.counts)}\n`);
  return receivingStatus(run.counts);
}

type WalkedArchive = Pick<WebArchive, "studies" | "instances">;

/** Over DICOMweb, or by classical query and retrieve. */
async function withArchive(
  place: string,
  options: BaselineOptions,
  body: (archive: WalkedArchive) => Promise<void>,
): Promise<void> {
  const isWeb = place.includes("://");
  if (isWeb && (options.tlsCa ?? options.tlsCert ?? options.tlsKey) !== undefined)
    throw new ScansealError("usage", "--tls-ca, --tls-cert and --tls-key are for AET@HOST:PORT");
  const target = isWeb ? undefined : networkTarget(place, options);
  await withStaging(options.home, async (staging) => {
    if (target === undefined) {
      const authorization = process.env.SCANSEAL_ARCHIVE_AUTHORIZATION || undefined;
      await body(new WebArchive(place, { authorization, staging }));
      return;
    }
    const archive = new DimseArchive({ target, staging });
    try {
      await body(archive);
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
      throw new ScansealError(error.code, connectionProblem(error), { cause: error });
    } finally {
      await archive.close();
    }
  });
}

class BaselineRun {
  readonly counts: ReceivingCounts = noCounts();
  bar: ProgressBar = new ProgressBar(process.stderr, systemClock, 0);
  readonly #office: ReceivingOffice;

  constructor(office: ReceivingOffice) {
    this.#office = office;
  }

  async files({ files, unreadable }: Inputs): Promise<void> {
    this.bar = new ProgressBar(process.stderr, systemClock, files.length);
    this.counts.unreadable = unreadable.length;
    const buffer = new FileBuffer();
    for (const [index, path] of files.entries()) {
      this.bar.show(index, path);
      await this.#receive(path, () => withFile(path, (file) => this.#office.receive(file), buffer));
    }
  }

  /** Study by study: nobody knows before how many instances there are. */
  async archive(archive: WalkedArchive): Promise<void> {
    const studies = await archive.studies();
    this.bar = new ProgressBar(process.stderr, systemClock, studies.length);
    for (const [index, study] of studies.entries()) {
      this.bar.show(index, study);
      for await (const item of archive.instances(study))
        await this.#receive(item.name, () => item.withBytes((source) => this.#office.receive(source)));
    }
  }

  async #receive(name: string, body: () => Promise<Received | undefined>): Promise<void> {
    const problem = (text: string): void => {
      this.bar.clear();
      reportProblem(`${name}: not received: ${text}`);
    };
    try {
      const received = await body();
      count(this.counts, received);
      if (received?.outcome === "refused") problem(refusalText(received.decision));
    } catch (error) {
      if (!(error instanceof ScansealError) || stopsReceiving(error)) throw error;
      if (unreadableCodes.has(error.code)) this.counts.unreadable++;
      else this.counts.refused++;
      problem(`${error.message} (${error.code})`);
    }
  }
}

/** Nothing is known of the object. */
const unreadableCodes: ReadonlySet<string> = new Set([
  "io",
  "network",
  "timeout",
  "peer-protocol",
  "peer-rejected",
  "peer-aborted",
]);
