/** `emergency`. */
import type { Command } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { byOperator, duration, placed } from "./options.ts";

const acts = (): Promise<typeof import("../commands/emergency.ts")> => import("../commands/emergency.ts");

export function addEmergency(program: Command, run: Run): void {
  const emergency = program
    .command("emergency")
    .description("read a study although something of it does not pass");
  placed(emergency.command("open"))
    .description("one person, at once: what is withheld of a study is given to one reader for a while")
    .requiredOption("--study <uid>", "Study Instance UID")
    .requiredOption("--reader <name>", "who may read it, as the configuration names readers")
    .requiredOption("--reason <text>", "why, for the record, in 8 characters or more; no patient data")
    .option("--for <time>", "30min, 4h (default: 4h, at most 12h)", duration)
    .addOption(byOperator().makeOptionMandatory())
    .action(run(async () => (await acts()).open as Action));
  placed(emergency.command("list"))
    .description("who opened what; exit status 1 where one is over that nobody has reviewed")
    .option("--json", "one JSON line for each", false)
    .action(run(async () => (await acts()).list as Action));
  placed(emergency.command("close"))
    .description("end one before its time")
    .argument("<id>", "the end of its id")
    .addOption(byOperator().makeOptionMandatory())
    .action(run(async () => (await acts()).close as Action));
  placed(emergency.command("review"))
    .description("record that somebody else looked at it")
    .argument("<id>", "the end of its id")
    .addOption(byOperator().makeOptionMandatory())
    .action(run(async () => (await acts()).review as Action));
}
