/** `baseline`, `import`, `records`. */
import { type Command, Option } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath, home } from "./options.ts";

function asUnsealed(): Option {
  return new Option(
    "--as-unsealed",
    "take objects without the seal that their device gives: the operator answers for it, and every receipt says so",
  ).default(false);
}

export function addReceipts(program: Command, run: Run): void {
  program
    .command("baseline")
    .description(
      "give receipts to what files, folders or an archive's storage folder hold already: unchanged since now, never since capture",
    )
    .argument("[path...]")
    .option(
      "--archive <address>",
      "an archive in place of paths: the root of its DICOMweb service (SCANSEAL_ARCHIVE_AUTHORIZATION is its Authorization header), or AET@HOST:PORT, walked by C-FIND and C-GET",
    )
    .option("--calling <title>", "our AE title, for AET@HOST:PORT", "SCANSEAL")
    .option("--tls-ca <pem>", "authorities of the archive: asks over TLS")
    .option("--tls-cert <pem>", "our certificate")
    .option("--tls-key <pem>", "its key")
    .requiredOption("--source <name>", "what is baselined, such as the archive's name; never a patient's")
    .option("--operator <name>", "who answers for it")
    .addOption(asUnsealed())
    .addOption(home())
    .action(run(async () => (await import("../commands/baseline.ts")).baseline as Action));
  program
    .command("import")
    .description(
      "take in what a person brought (CD, folder, zip): judged, given receipts, then written or sent on",
    )
    .argument("<path...>")
    .requiredOption("--operator <name>", "who answers for it")
    .requiredOption("--origin <text>", "where it comes from; private: never in the signed receipt")
    .option("--source <name>", "a name for such media in receipts; never a patient's", "media")
    .addOption(asUnsealed())
    .option("--out <dir>", "where objects go, named by SOP Instance UID", givenPath)
    .option("--send <target>", "send them on instead: HOST:PORT or AET@HOST:PORT")
    .option("--called <title>", "AE title of the receiver")
    .option("--calling <title>", "our AE title", "SCANSEAL")
    .option("--tls-ca <pem>", "authorities of the receiver: sends over TLS")
    .option("--tls-cert <pem>", "our certificate")
    .option("--tls-key <pem>", "its key")
    .addOption(home())
    .action(run(async () => (await import("../commands/import.ts")).importMedia as Action));
  const records = program
    .command("records")
    .description("what is known of objects beside them: receipts, derivations, manifests");
  records
    .command("export")
    .description("write the records about a file, or about an instance, series or study, as files")
    .argument("<file-or-uid>")
    .requiredOption("--out <dir>", "where they go", givenPath)
    .addOption(home())
    .action(run(async () => (await import("../commands/records.ts")).exportRecords as Action));
  records
    .command("import")
    .description(
      "keep records of another site, of signers trusted here; each is judged when an object is verified",
    )
    .argument("<file...>")
    .addOption(home())
    .action(run(async () => (await import("../commands/records.ts")).importRecords as Action));
}
