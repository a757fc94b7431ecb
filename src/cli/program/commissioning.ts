/** `commission`. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { placed } from "./options.ts";

/** More than any period holds. */
const digitsMax = 12;

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text) && text.length <= digitsMax) return Number(text);
  throw new InvalidArgumentError("It is a whole number.");
}

export function addCommissioning(program: Command, run: Run): void {
  placed(program.command("commission"))
    .description(
      "walk a source from observe to enforce: what would be held and why, what to accept, enrol and approve; exit 0 when it is ready, 1 when something stands in the way",
    )
    .argument("<source>", "its name in the configuration")
    .option("--since <time>", "how far back, such as 24h or 14d", "14d")
    .option("--json", "as one JSON line", false)
    .option("--accept <tolerance...>", "accept non-conformances of this source: tolerate:trailing-bytes")
    .option(
      "--approve-changes [entry...]",
      "approve changes that recur, as the report lists them: all that may be, or these",
    )
    .option("--recheck", "have the gate judge again what is held of this source")
    .addOption(new Option("--mode <mode>", "change its mode").choices(["observe", "warn", "enforce"]))
    .option(
      "--although <number>",
      "enforce although so many objects would be held: the exact number of the report",
      wholeNumber,
    )
    .option("--by <name>", "who does this: an operator, where the site has any")
    .action(run(async () => (await import("../commands/commission.ts")).commission as Action));
}
