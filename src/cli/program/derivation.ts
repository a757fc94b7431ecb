/** `correct`, `derive`, `archive`. */
import type { Command } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath, home } from "./options.ts";

export function addDerivation(program: Command, run: Run): void {
  program
    .command("correct")
    .description(
      "sign what a study's patient and order entries become: objects with these values are verified-with-changes, older ones superseded",
    )
    .argument("<path...>", "the study's objects: their seals prove what the entries were")
    .option("--study <uid...>", "which study; a message or worklist item may name it itself")
    .option("--set <entry...>", 'by hand: "(0010,0020)=NEW", approved by --by')
    .option("--by <operator>", "who approves a correction by hand")
    .option(
      "--hl7 <file>",
      "from a message: ADT^A08, ADT^A40 (patient merge) or ORM^O01 (accession)",
      givenPath,
    )
    .option("--worklist <file>", "from a modality worklist item (DICOM)", givenPath)
    .option("--out <dir>", "also write corrected copies here, named by SOP Instance UID", givenPath)
    .addOption(home())
    .action(run(async () => (await import("../commands/correct.ts")).correct as Action));
}
