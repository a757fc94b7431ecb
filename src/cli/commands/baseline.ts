/** `scanseal baseline`: receipts for what a folder or an archive's storage holds already; not a byte of it is changed. */
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { FileBuffer, withFile } from "../../site/file-input.ts";
import { openHome } from "../../site/home.ts";
import { type Received, ReceivingOffice, requireLabel } from "../../site/receipts/receiving-office.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { findInputs } from "../inputs.ts";
import { packageVersion } from "../package-version.ts";
import { reportProblem } from "../problem.ts";
import { count, noCounts, receivingStatus, receivingSummary, refusalText } from "../receiving-report.ts";
import { reportSkipped } from "../skipped.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";

export interface BaselineOptions {
  readonly home: string;
  readonly source: string;
  readonly operator?: string;
  readonly asUnsealed: boolean;
}

/** @returns 0 when every object has a receipt or a seal, 1 when one was refused, 2 when one cannot be read */
export async function baseline(paths: readonly string[], options: BaselineOptions): Promise<number> {
  const { source, operator, asUnsealed } = options;
  requireLabel("--source", source);
  if (operator !== undefined) requireLabel("--operator", operator);
  if (asUnsealed && operator === undefined)
    throw new ScansealError("usage", "--as-unsealed needs --operator: a person answers for it");
  const inputs = await findInputs(paths);
  const home = openHome(options.home);
  reportExpiry(home);
  const bar = new ProgressBar(process.stderr, systemClock, inputs.files.length);
  const software = { name: "scanseal", version: packageVersion() };
  const named = operator === undefined ? {} : { operator };
  const reception = { basis: "baseline" as const, source, ...named, asUnsealed, software };
  const office = await ReceivingOffice.open(home, reception);
  const counts = noCounts();
  counts.unreadable = inputs.unreadable.length;
  const buffer = new FileBuffer();
  const problem = (path: string, text: string): void => {
    bar.clear();
    reportProblem(`${path}: not received: ${text}`);
  };
  try {
    for (const [index, path] of inputs.files.entries()) {
      bar.show(index, path);
      try {
        const received: Received = await withFile(path, (file) => office.receive(file), buffer);
        count(counts, received);
        if (received.outcome === "refused") problem(path, refusalText(received.decision));
      } catch (error) {
        if (!(error instanceof ScansealError) || stopsTheRun(error)) throw error;
        if (error.code === "io") counts.unreadable++;
        else counts.refused++;
        problem(path, `${error.message} (${error.code})`);
      }
    }
    await office.settle();
  } finally {
    bar.clear();
    await office.close();
  }
  reportSkipped(inputs, "received");
  process.stdout.write(`${receivingSummary(counts)}\n`);
  return receivingStatus(counts);
}

/** A full disk or an unusable key would fail for every file; a file that cannot be read fails for itself. */
function stopsTheRun({ code }: ScansealError): boolean {
  return (
    code === "key-unusable" || code === "storage-full" || code === "internal" || code === "config-invalid"
  );
}
