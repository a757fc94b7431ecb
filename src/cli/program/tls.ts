/** `scanseal tls`: TLS certificates. */
import type { Command } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath, home } from "./options.ts";

export function addTls(program: Command, run: Run): void {
  const tls = program.command("tls").description("certificates for the network; they never seal an image");
  issuing(tls.command("server"))
    .description("a certificate for a machine others connect to, as a gateway")
    .requiredOption("--host <host,...>", "its DNS names and IP addresses", (text) => text.split(","))
    .action(run(async () => (await import("../commands/tls.ts")).tlsServer as Action));
  issuing(tls.command("client"))
    .description("a certificate for a machine that connects to others, as a modality")
    .action(run(async () => (await import("../commands/tls.ts")).tlsClient as Action));
  tls
    .command("list")
    .description("what was issued")
    .addOption(home())
    .action(run(async () => (await import("../commands/tls.ts")).tlsList as Action));
  tls
    .command("revoke")
    .description("revoke the TLS certificates of a machine")
    .argument("<name>")
    .option("--compromised", "its key may be in other hands", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/tls.ts")).tlsRevoke as Action));
}

function issuing(command: Command): Command {
  return command
    .argument("<name>")
    .requiredOption("--out <dir>", "where NAME.pem and NAME.key go", givenPath)
    .option("--request <csr>", "a request made at the machine itself; no key is made here", givenPath)
    .option("--fingerprint <hex>", "the request's key as a person read it at the machine")
    .addOption(home());
}
