/** `send`, `echo`. */
import { type Command, InvalidArgumentError } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath } from "./options.ts";

/** What gateways and archives allow one peer, and then some. */
const associationsMax = 32;

export function addNetwork(program: Command, run: Run): void {
  speaking(program.command("send"))
    .description(
      "send files to a gateway or an archive: exit 0 when all are accepted, 1 when not, 2 for errors",
    )
    .argument("<path...>")
    .requiredOption("--to <[aet@]host:port>", "where it listens, and its AE title")
    .option("--associations <n>", `connections at once, 1 to ${associationsMax}`, associationCount, 1)
    .option("--json", "one JSON line for each object", false)
    .action(run(async () => (await import("../commands/send.ts")).send as Action));
  speaking(program.command("echo"))
    .description("ask a gateway or an archive whether it is there and speaks to us")
    .argument("<[aet@]host:port>")
    .action(run(async () => (await import("../commands/echo.ts")).echo as Action));
}

function speaking(command: Command): Command {
  return command
    .option("--called <title>", "AE title of the peer, where the address names none (default: SCANSEAL)")
    .option("--calling <title>", "our own AE title", "SCANSEAL_SCU")
    .option(
      "--tls-ca <pem>",
      "use TLS; the authorities that may have issued the peer's certificate",
      givenPath,
    )
    .option("--tls-cert <pem>", "our own certificate", givenPath)
    .option("--tls-key <pem>", "and its key", givenPath);
}

function associationCount(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > associationsMax)
    throw new InvalidArgumentError(`It is not a number from 1 to ${associationsMax}.`);
  return n;
}
