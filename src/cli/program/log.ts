/** `log` and `witness`: the transparency log. */
import { type Command, Option } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath, home } from "./options.ts";

const kinds = ["seals", "enrolment", "revocation", "policy", "release"];

function policy(): Option {
  return new Option("--policy <file>", "logs and witnesses to believe: c2sp.org/tlog-policy")
    .argParser(givenPath)
    .makeOptionMandatory();
}

function json(): Option {
  return new Option("--json", "as one JSON line").default(false);
}

function address(command: Command, port: string): Command {
  return command
    .option("--host <address>", "where it listens", "127.0.0.1")
    .option("--port <number>", "0: any free one", port);
}

export function addLog(program: Command, run: Run): void {
  const log = program.command("log").description("the transparency log: entries that nobody can take back");
  addKeeping(log, run);
  addFeeding(log, run);
  addReading(log, run);
  addWitness(program.command("witness").description("watch that logs of others only grow"), run);
}

function addKeeping(log: Command, run: Run): void {
  log
    .command("init")
    .description("make a log: its key, its journal, its folder")
    .argument("<folder>", undefined, givenPath)
    .requiredOption("--origin <name>", "its name for ever, such as log.hospital.example/scanseal")
    .option(
      "--journal <url>",
      "postgres:// of a journal that several machines reach (default: SQLite in the folder)",
    )
    .action(run(async () => (await import("../commands/log.ts")).initLog as Action));
  address(log.command("serve"), "8114")
    .description(
      "take entries, publish checkpoints, and let everybody read; SCANSEAL_LOG_TOKEN lets others than this machine append",
    )
    .argument("<folder>", undefined, givenPath)
    .option("--interval <seconds>", "how often new entries are published", "1")
    .action(run(async () => (await import("../commands/log.ts")).serveLogCommand as Action));
  log
    .command("append")
    .description("put an entry into a log; its opening is written beside FILE and stays with you")
    .argument("<log>", "its URL, or its folder when nothing serves it")
    .argument(
      "<file>",
      "the statement; for seals, the payload digests of one series, a hexadecimal line each",
    )
    .addOption(new Option("--kind <kind>", "what it says").choices(kinds).makeOptionMandatory())
    .action(run(async () => (await import("../commands/log-append.ts")).appendEntry as Action));
}

/** What this site logs of its own. */
function addFeeding(log: Command, run: Run): void {
  log
    .command("push")
    .description("log what waits: seals of quiet series, enrolments, revocations; and keep the proofs")
    .option("--quiet <minutes>", "a series whose last seal is that old", "10")
    .addOption(home())
    .action(run(async () => (await import("../commands/log-feeding.ts")).pushLog as Action));
  log
    .command("list")
    .description("what this site has logged, the newest first")
    .option("--limit <number>", "how many", "50")
    .addOption(json())
    .addOption(home())
    .action(run(async () => (await import("../commands/log-feeding.ts")).listLog as Action));
  log
    .command("use")
    .description("log elsewhere from now on; SCANSEAL_LOG_TOKEN is the token it asks for")
    .argument("<url>")
    .addOption(policy())
    .addOption(home())
    .action(run(async () => (await import("../commands/log-feeding.ts")).useLog as Action));
}

function addReading(log: Command, run: Run): void {
  log
    .command("checkpoint")
    .description("what a log says it holds, and who has cosigned it")
    .argument("<log>", "its URL or folder")
    .addOption(policy())
    .addOption(json())
    .action(run(async () => (await import("../commands/log-reading.ts")).showCheckpoint as Action));
  log
    .command("prove")
    .description("make the proof of an entry, to be checked offline")
    .argument("<log>", "its URL or folder")
    .requiredOption("--index <number>", "the entry's place")
    .requiredOption("--out <file>", "where the proof goes", givenPath)
    .action(run(async () => (await import("../commands/log-reading.ts")).proveEntry as Action));
  log
    .command("verify")
    .description("check a proof offline: exit 0 when the opened entry is in a log of the policy, 1 when not")
    .argument("<proof>")
    .requiredOption("--opening <file>", "what the entry says", givenPath)
    .addOption(policy())
    .addOption(json())
    .action(run(async () => (await import("../commands/log-reading.ts")).verifyProof as Action));
  log
    .command("monitor")
    .description("read all of a log: it only grew since the last look, and every entry is there")
    .argument("<log>", "its URL or folder")
    .requiredOption("--state <file>", "what was seen last; made at the first look", givenPath)
    .addOption(policy())
    .addOption(json())
    .action(run(async () => (await import("../commands/log-reading.ts")).monitor as Action));
}

function addWitness(witness: Command, run: Run): void {
  witness
    .command("init")
    .description("make a witness and its key")
    .argument("<folder>", undefined, givenPath)
    .requiredOption("--name <name>", "its name for ever, such as witness.example/scanseal")
    .action(run(async () => (await import("../commands/witness.ts")).initWitness as Action));
  witness
    .command("watch")
    .description("watch a log; a running witness does so after its next start")
    .argument("<folder>", undefined, givenPath)
    .argument("<vkey>", "the log's key, as `log init` printed it")
    .action(run(async () => (await import("../commands/witness.ts")).watch as Action));
  address(witness.command("serve"), "8115")
    .description("answer POST add-checkpoint (c2sp.org/tlog-witness)")
    .argument("<folder>", undefined, givenPath)
    .action(run(async () => (await import("../commands/witness.ts")).serveWitness as Action));
}
