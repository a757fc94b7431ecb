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
  program
    .command("derive")
    .description(
      "sign that an object was made of others that are proven: transcode-lossless, compress-lossy, restore-original, annotate, processed (AI results, SEG, SR, GSPS, secondary capture)",
    )
    .argument("<action>")
    .argument("<output>", "what was made; it is not changed")
    .requiredOption("--from <parent...>", "what it was made of: files or folders, each proven")
    .option("--product <name>", "what made it")
    .option("--product-version <version>")
    .option("--operator <name>", "who answers for it")
    .option("--out <dir>", "write a copy without the seal of its parent, and sign that", givenPath)
    .option("--supersedes", "of restore-original: the marked parent is an older version from now on", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/derive.ts")).derive as Action));
  const archive = program
    .command("archive")
    .description("what an archive is known to change in objects, learned and approved by a person");
  archive
    .command("learn")
    .description(
      "compare what an archive returned with the sealed originals it got, and list what it changed",
    )
    .argument("<name>", "of the archive, as in verify --from")
    .argument("<originals>", "a file or folder: what it got")
    .argument("<returned>", "a file or folder: what it gave back")
    .addOption(home())
    .action(run(async () => (await import("../commands/archive.ts")).learnArchive as Action));
  archive
    .command("approve")
    .description("sign what was learned: with verify --from NAME these changes are explained, and no others")
    .argument("<name>")
    .requiredOption("--by <operator>", "who approves it")
    .option("--without <path...>", "what is left out, as learn lists it", [])
    .addOption(home())
    .action(run(async () => (await import("../commands/archive.ts")).approveArchive as Action));
}
