/** `seal`, `attach`, `restore`. */
import type { Command } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath, home } from "./options.ts";

export function addSealing(program: Command, run: Run): void {
  program
    .command("seal")
    .description("seal files or folders as one of the site's devices")
    .argument("<path...>")
    .requiredOption("--device <name>", "which device seals")
    .option("--no-watermark", "seal by digests only: no pixel is changed")
    .requiredOption("--out <dir>", "where sealed objects go, named by SOP Instance UID", givenPath)
    .addOption(home())
    .action(run(async () => (await import("../commands/seal.ts")).seal as Action));
  program
    .command("attach")
    .description("put the log proofs and time stamps that are known by now into sealed objects")
    .argument("<path...>")
    .requiredOption("--out <dir>", "where the objects go, named by SOP Instance UID", givenPath)
    .addOption(home())
    .action(run(async () => (await import("../commands/attach.ts")).attach as Action));
  program
    .command("restore")
    .description(
      "bring back the originals of marked images that are as they were sealed: every pixel, bit for bit",
    )
    .argument("<path...>")
    .requiredOption("--out <dir>", "where originals go, named by SOP Instance UID", givenPath)
    .addOption(home())
    .action(run(async () => (await import("../commands/restore.ts")).restore as Action));
}
