/** `scanseal verify`: judges files against the site's trust. */
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { FileVerifier } from "../../site/verification.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { findInputs } from "../inputs.ts";
import { reportSkipped } from "../skipped.ts";
import { paletteFor } from "../terminal/palette.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";
import { isProven, type Judged, summaryLine, verdictJson, verdictTable } from "../verdict-report.ts";

export interface VerifyOptions {
  readonly home: string;
  readonly json: boolean;
  readonly deep: boolean;
}

/** @returns 0 when every object is proven, 1 when one is not, 2 when a file cannot be read */
export async function verify(paths: readonly string[], options: VerifyOptions): Promise<number> {
  const inputs = await findInputs(paths);
  const home = openHome(options.home);
  reportExpiry(home);
  const verifier = new FileVerifier(home.trust(), { deep: options.deep });
  const bar = new ProgressBar(process.stderr, systemClock, inputs.files.length);
  const judged: Judged[] = [];
  let unreadable = 0;
  try {
    for (const [index, path] of inputs.files.entries()) {
      bar.show(index, path);
      try {
        const { decision } = await verifier.verify(path);
        judged.push({ path, decision });
        if (options.json) process.stdout.write(`${verdictJson({ path, decision })}\n`);
      } catch (error) {
        if (!(error instanceof ScansealError) || error.code !== "io") throw error;
        unreadable++;
        bar.clear();
        process.stderr.write(`scanseal: ${path}: ${error.message}\n`);
      }
    }
  } finally {
    bar.clear();
    await verifier.close();
  }
  if (!options.json) printTable(judged);
  reportSkipped(inputs, "verified");
  if (unreadable > 0) return 2;
  return judged.every(({ decision }) => isProven(decision.verdict)) ? 0 : 1;
}

function printTable(judged: readonly Judged[]): void {
  if (judged.length === 0) return;
  const palette = paletteFor(process.stdout, process.env);
  for (const line of verdictTable(judged, palette, process.stdout.columns)) process.stdout.write(`${line}\n`);
  process.stdout.write(`\n${summaryLine(judged)}\n`);
}
