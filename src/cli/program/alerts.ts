/** `alerts`. */
import type { Command } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { placed } from "./options.ts";

export function addAlerts(program: Command, run: Run): void {
  const alerts = program.command("alerts").description("whom a gateway wakes");
  placed(
    alerts
      .command("test")
      .description(
        "ring each channel of the configuration once, and say what happened; exit 1 when one failed",
      ),
  ).action(run(async () => (await import("../commands/alerts.ts")).alertsTest as Action));
  placed(
    alerts
      .command("down")
      .description("for whoever watches the gate: wake each channel because it is down; not while it runs"),
  ).action(run(async () => (await import("../commands/alerts.ts")).alertsDown as Action));
}
