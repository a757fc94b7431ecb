/** `history`. */
import type { Command } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath } from "./options.ts";

export function addHistory(program: Command, run: Run): void {
  program
    .command("history")
    .description(
      "tell an object's chain of custody: who captured it, who touched it since, is its series complete, since when does it exist",
    )
    .argument("<object>", "a file, or a SOP Instance UID of what this site knows")
    .option("--json", "the same as one JSON line", false)
    .option("--from <archive>", "the enrolled archive that gave it out: its approved changes are explained")
    .option("--identify", "also show what the object says of patient and study", false)
    .option(
      "--fhir <json>",
      "write it as a FHIR R5 Bundle of Provenance and AuditEvent; no patient in it",
      givenPath,
    )
    .option(
      "--export <dir>",
      "write every signed statement so that openssl can check it: payload, signed bytes, signature, certificate, time stamps",
      givenPath,
    )
    .option(
      "--config <file>",
      "the gate's configuration (default: gateway.yaml in the site's folder, where there is one)",
      givenPath,
    )
    .option("--home <dir>", "the site's folder (default: ./scanseal-data)", givenPath)
    .action(run(async () => (await import("../commands/history.ts")).history as Action));
}
