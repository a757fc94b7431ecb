/** `verify`, `show`, `locate`, `watermark`. */
import { type Command, InvalidArgumentError } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath, home } from "./options.ts";

function frameNumber(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError("It is no number from 1 on.");
  return Number(value);
}

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
    .option("--from <archive>", "the enrolled archive that gave them out: its approved changes are explained")
    .option(
      "--logged-within <time>",
      'seals older than this, such as "24 h" or "90 min", have to be in the transparency log',
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
    .option("--from <archive>", "the enrolled archive that gave it out: its approved changes are explained")
    .option("--identify", "also show patient, study and series", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/show.ts")).show as Action));
  program
    .command("locate")
    .description(
      "write the picture of a frame, with what was changed in red: exit 0 when every pixel is proven unchanged, else 1",
    )
    .argument("<file>")
    .requiredOption("--out <png>", "where the picture goes", givenPath)
    .option("--frame <number>", "from 1 (default: the first that was changed)", frameNumber)
    .option("--certificate <pem...>", "certificates of devices whose watermark may be in it", [])
    .addOption(home())
    .action(run(async () => (await import("../commands/locate.ts")).locate as Action));
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
