/** `scanseal alerts test`: does anybody hear this gate? `scanseal alerts down`: it is gone. */
import { ScansealError } from "../../foundation/errors.ts";
import { isFileLockHeld } from "../../platform/node/private-files.ts";
import { alertDown, type ChannelTest, testAlerts } from "../../site/gateway/alerts.ts";
import type { GatewayConfig } from "../../site/gateway/config.ts";
import { dataPaths } from "../../site/gateway/stores.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { configOf, type DeskOptions } from "./gateway-desk.ts";
import { recordMachineAct } from "./machine-acts.ts";

/** @returns 0 when every channel took the test, 1 when one did not */
export async function alertsTest(options: DeskOptions): Promise<number> {
  const { alerts, settings } = withAlerts(configOf(options));
  const status = await tell(testAlerts(alerts, settings.aeTitle));
  await recordMachineAct(options, "alerts-tested", settings.aeTitle, { failed: status !== 0 });
  return status;
}

/** For whoever watches the gate (packaging/scanseal-down.service). @returns 0 when every channel took it, 1 when one did not; 1 when a gate is running: then nobody is woken */
export async function alertsDown(options: DeskOptions): Promise<number> {
  const config = withAlerts(configOf(options));
  if (isFileLockHeld(dataPaths(config).lock)) {
    process.stdout.write("A gate is running with this data folder: nobody was woken.\n");
    return 1;
  }
  return tell(alertDown(config.alerts, config.settings.aeTitle));
}

type Alerted = GatewayConfig & { readonly alerts: NonNullable<GatewayConfig["alerts"]> };

function withAlerts(config: GatewayConfig): Alerted {
  const { alerts } = config;
  if (alerts) return { ...config, alerts };
  throw new ScansealError(
    "usage",
    'the configuration has no section "alerts": nobody is woken (docs/alarms.md)',
  );
}

async function tell(rings: readonly Promise<ChannelTest>[]): Promise<number> {
  let status = 0;
  for (const ring of rings) {
    const { channel, ms, problem } = await ring;
    if (problem !== undefined) status = 1;
    const result = problem === undefined ? `taken after ${ms} ms` : `not sent: ${problem}`;
    process.stdout.write(`${visibleText(`${channel.padEnd(8)} ${result}`)}\n`);
  }
  return status;
}
