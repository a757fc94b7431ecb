/** `index`. */
import { Argument, type Command } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { placed } from "./options.ts";

export function addIndex(program: Command, run: Run): void {
  const index = program.command("index").description("what the gate knows of what it admitted");
  placed(index.command("status"))
    .description("how much of what was admitted is in the index; exit 0 when all of it is")
    .option("--json", "as one JSON line", false)
    .action(run(async () => (await import("../commands/instance-index.ts")).indexStatus as Action));
  placed(index.command("rebuild"))
    .description("derive every row anew, and read what is missing of the bytes that are kept")
    .option("--json", "as one JSON line", false)
    .action(run(async () => (await import("../commands/instance-index.ts")).rebuildIndex as Action));
  placed(index.command("find"))
    .description("search it; prints patient data")
    .addArgument(new Argument("<level>").choices(["patient", "study", "series", "instance"]))
    .argument(
      "[key...]",
      "PatientName=doe*, StudyDate=20240101-20241231, 00100020=P1; without a value: to be shown",
    )
    .option("--limit <n>", "matches at most", "100")
    .option("--offset <n>", "matches left out first", "0")
    .option("--json", "DICOM JSON, one line for each match, with everything known", false)
    .action(run(async () => (await import("../commands/instance-index.ts")).findInIndex as Action));
}
