/** `scanseal verify`: judges files against the site's trust. */
import { systemClock } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { verifyFiles } from "../../site/verification-run.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { findInputs } from "../inputs.ts";
import { reportProblem } from "../problem.ts";
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
  const bar = new ProgressBar(process.stderr, systemClock, inputs.files.length);
  const judged: Judged[] = [];
  let unreadable = 0;
  try {
    bar.show(0, inputs.files[0] ?? "");
    const settings = { trust: home.trustContent(), deep: options.deep };
    for await (const outcome of verifyFiles(inputs.files, settings)) {
      const { path } = outcome;
      if ("decision" in outcome) {
        judged.push(outcome);
        if (options.json) process.stdout.write(`${verdictJson(outcome)}\n`);
      } else {
        unreadable++;
        bar.clear();
        reportProblem(`${path}: ${outcome.problem}`);
      }
      bar.show(judged.length + unreadable, path);
    }
  } finally {
    bar.clear();
  }
  if (!options.json) printTable(judged);
  reportSkipped(inputs, "verified");
  if (unreadable + inputs.unreadable.length > 0) return 2;
  return judged.every(({ decision }) => isProven(decision.verdict)) ? 0 : 1;
}

function printTable(judged: readonly Judged[]): void {
  if (judged.length === 0) return;
  const palette = paletteFor(process.stdout, process.env);
  for (const line of verdictTable(judged, palette, process.stdout.columns)) process.stdout.write(`${line}\n`);
  process.stdout.write(`\n${summaryLine(judged)}\n`);
}
