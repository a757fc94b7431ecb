/** `sweep`. */
import { type Command, InvalidArgumentError } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { placed } from "./options.ts";

export function addSweep(program: Command, run: Run): void {
  placed(program.command("sweep"))
    .description(
      "verify everything an archive or folder holds once more, and compare it with what the gate admitted",
    )
    .argument("[path...]", "an archive's storage folder, or files (default: the configuration's archive)")
    .option("--archive <place>", "AET@HOST:PORT, or the root of a DICOMweb service")
    .option("--calling <title>", "our AE title, for AET@HOST:PORT", "SCANSEAL")
    .option("--tls-ca <file>", "whose certificate to accept from the archive (PEM)")
    .option("--tls-cert <file>", "what we show (PEM)")
    .option("--tls-key <file>", "its key (PEM)")
    .option("--rate <objects>", "objects a second at most", rate)
    .option("--recent <time>", "only studies of which something was admitted within: 30min, 6h, 2d", recent)
    .option("--again", "begin anew where an earlier sweep was cut off", false)
    .option("--report <file>", "a new file: one JSON line for each finding")
    .option("--json", "findings and summary as JSON lines", false)
    .action(run(async () => (await import("../commands/sweep.ts")).sweep as Action));
}

function rate(value: string): number {
  const number = /^\d{1,6}(\.\d{1,3})?$/.test(value) ? Number(value) : 0;
  if (!(number > 0)) throw new InvalidArgumentError("It is a number above 0.");
  return number;
}

const unitMs: Readonly<Record<string, number>> = { min: 60_000, h: 3_600_000, d: 86_400_000 };

function recent(value: string): number {
  const [, digits, unit = ""] = /^(\d{1,5})(min|h|d)$/.exec(value) ?? [];
  if (digits === undefined) throw new InvalidArgumentError("It is a time such as 30min, 6h or 2d.");
  return Number(digits) * unitMs[unit]!;
}
