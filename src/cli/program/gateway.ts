/** `start`, `gateway`, `config`, `source`. */
import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath, home, placed } from "./options.ts";

function by(): Option {
  return new Option(
    "--by <name>",
    "who does this: an operator, where the site has any",
  ).makeOptionMandatory();
}

function since(): Option {
  return new Option("--since <time>", "how far back, such as 24h or 7d").default("24h");
}

export function addGateway(program: Command, run: Run): void {
  program
    .command("start")
    .description("set up a site and a gateway where there is none, and run it here")
    .option("--port <number>", "for DICOM, in a new configuration (default: 11112)")
    .option("--http-port <number>", "of the status page, in a new configuration (default: 8112)")
    .addOption(home())
    .action(run(async () => (await import("../commands/start.ts")).start as Action));
  program
    .command("gateway")
    .description("run a gateway; its log is JSON lines on stdout")
    .requiredOption("--config <file>", "its configuration", givenPath)
    .action(run(async () => (await import("../commands/gateway.ts")).gateway as Action));
  program
    .command("config")
    .description("a gateway's configuration")
    .command("check")
    .description("every problem with its line; exit 0 when the gateway would start, 2 when not")
    .argument("<file>")
    .action(run(async () => (await import("../commands/config.ts")).checkConfig as Action));
  addSources(program.command("source").description("who may send, and what their objects meet"), run);
}

/** `enforce` is explained by the command. */
function newSourceMode(text: string): string {
  if (["observe", "warn", "enforce"].includes(text)) return text;
  throw new InvalidArgumentError("It is observe or warn.");
}

function addSources(source: Command, run: Run): void {
  placed(source.command("add"))
    .description("let a peer send; a new source starts in observe")
    .argument("<name>")
    .requiredOption("--listener <name>", "where it connects")
    .option("--cert <pem>", "its certificate, on a listener with TLS", givenPath)
    .option("--ae <title>", "its calling AE title, on a listener without")
    .option("--net <cidr>", "the network it calls from")
    .addOption(new Option("--mode <mode>", "observe or warn").default("observe").argParser(newSourceMode))
    .addOption(by())
    .action(run(async () => (await import("../commands/source.ts")).addSourceCommand as Action));
  placed(source.command("list"))
    .description("every source with its mode")
    .option("--json", "one JSON line for each", false)
    .action(run(async () => (await import("../commands/source.ts")).listSources as Action));
  placed(source.command("mode"))
    .description("change a source's mode; enforce shows first what it would have held")
    .argument("<name>")
    .addArgument(new Argument("<mode>").choices(["observe", "warn", "enforce"]))
    .addOption(by())
    .option("--after-dry-run", "enforce although something would have been held", false)
    .addOption(since())
    .action(run(async () => (await import("../commands/source.ts")).changeMode as Action));
  placed(source.command("dry-run"))
    .description("what enforce would have held of what passed")
    .argument("<name>")
    .addOption(since())
    .option("--json", "as one JSON line", false)
    .action(run(async () => (await import("../commands/source.ts")).sourceDryRun as Action));
}
