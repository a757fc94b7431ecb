/** `scanseal backup`: everything that a site is, in a folder; whether it is whole; a site from it. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { configuration, givenPath, home } from "./options.ts";

export function addBackup(program: Command, run: Run): void {
  const backup = program
    .command("backup")
    .description("back a site up while its gateway works, and restore it");
  backup
    .command("make")
    .description("copy everything that the site is into a new folder; it holds the private keys")
    .argument("<folder>", "a new one, on another disk")
    .option("--without-keys", "leave private keys and passphrases out", false)
    .addOption(configuration())
    .addOption(home())
    .action(run(async () => (await import("../commands/backup.ts")).makeBackup as Action));
  backup
    .command("verify")
    .description(
      "read all of a backup and compare it with its manifest; exit status 1 when it is not whole, or was not when it was made",
    )
    .argument("<folder>", "a backup")
    .addOption(manifestDigest())
    .action(run(async () => (await import("../commands/backup.ts")).verifyBackup as Action));
  backup
    .command("restore")
    .description("make the site of a backup where there is none; its devices get new keys")
    .argument("<folder>", "a backup")
    .option("--data <dir>", "where its data folder goes, if that stood outside of the site's", givenPath)
    .addOption(manifestDigest())
    .addOption(home())
    .action(run(async () => (await import("../commands/backup.ts")).restoreBackup as Action));
}

function manifestDigest(): Option {
  const words = "of the manifest, as it was printed when the backup was made";
  return new Option("--sha256 <hex>", words).argParser((value) => {
    if (!/^[0-9a-f]{64}$/i.test(value)) throw new InvalidArgumentError("It is 64 hexadecimal digits.");
    return value.toLowerCase();
  });
}
