/** `time`: time stamps by others. */
import { type Command, Option } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath, home } from "./options.ts";

export function addTime(program: Command, run: Run): void {
  const time = program
    .command("time")
    .description("time stamps: proof by an authority outside of the site of when seals existed");
  time
    .command("use")
    .description("get stamps from an RFC 3161 authority, and believe it; sealing asks it from then on")
    .argument("[url]", "where it answers; without one its stamps are only believed")
    .addOption(
      new Option("--anchor <pem...>", "files of its root certificates and revocation lists")
        .argParser((path: string, before: readonly string[] = []) => [...before, givenPath(path)])
        .makeOptionMandatory(),
    )
    .option("--policy <oid...>", "accept stamps under these policies only")
    .addOption(home())
    .action(run(async () => (await import("../commands/time.ts")).useTime as Action));
  time
    .command("stamp")
    .description("ask for stamps: for seals that are still without, or into the DICOM signatures of files")
    .argument(
      "[what...]",
      "SOP Instance UIDs of seals that the site keeps; with --out: files or folders, whose DICOM signatures get a Certified Timestamp (0400,0310)",
    )
    .option("--pending", "every seal that the site keeps, beside the objects", false)
    .option("--out <dir>", "where stamped objects go, named by SOP Instance UID", givenPath)
    .addOption(home())
    .action(run(async () => (await import("../commands/time.ts")).stampTime as Action));
  time
    .command("list")
    .description("the seals that have stamps, and until when these hold")
    .option("--json", "a JSON line each", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/time.ts")).listTime as Action));
  time
    .command("renew")
    .description("stamp anew, over seal and stamps, where the authority's certificate ends soon")
    .option("--within <days>", "when it ends in fewer days than that", "90")
    .addOption(home())
    .action(run(async () => (await import("../commands/time.ts")).renewTime as Action));
}
