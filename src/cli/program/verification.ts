/** `verify`, `show`, `watermark`. */
import type { Command } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { home } from "./options.ts";

export function addVerification(program: Command, run: Run): void {
  program
    .command("verify")
    .description(
      "judge files, folders or globs, or the pixels of a PNG: exit 0 when all are proven, 1 when not, 2 for errors",
    )
    .argument("<path...>")
    .option("--json", "one JSON line for each object", false)
    .option(
      "--certificate <pem...>",
      "certificates of devices whose watermarks may be in image files, or in objects whose seal was removed",
      [],
    )
    .option(
      "--deep",
      "compare every attribute and frame even where the signature suffices, and check every watermark",
      false,
    )
    .addOption(home())
    .action(run(async () => (await import("../commands/verify.ts")).verify as Action));
  program
    .command("show")
    .description("tell one object's story in plain words")
    .argument("<file>")
    .option("--identify", "also show patient, study and series", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/show.ts")).show as Action));
  program
    .command("watermark")
    .description("the invisible watermark")
    .command("stats")
    .description(
      "mark every frame in memory: how visible it is, what it costs, and whether the original comes back",
    )
    .argument("<path...>")
    .option("--json", "one JSON line for each frame", false)
    .action(run(async () => (await import("../commands/watermark.ts")).stats as Action));
}
