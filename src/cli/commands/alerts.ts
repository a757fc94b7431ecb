/** `scanseal alerts test`: does anybody hear this gate? */
import { ScansealError } from "../../foundation/errors.ts";
import { testAlerts } from "../../site/gateway/alerts.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { configOf, type DeskOptions } from "./gateway-desk.ts";

/** @returns 0 when every channel took the test, 1 when one did not */
export async function alertsTest(options: DeskOptions): Promise<number> {
  const { alerts, settings } = configOf(options);
  if (!alerts)
    throw new ScansealError(
      "usage",
      'the configuration has no section "alerts": nobody is woken (docs/alarms.md)',
    );
  let status = 0;
  for (const test of testAlerts(alerts, settings.aeTitle)) {
    const { channel, ms, problem } = await test;
    if (problem !== undefined) status = 1;
    const result = problem === undefined ? `taken after ${ms} ms` : `not sent: ${problem}`;
    process.stdout.write(`${visibleText(`${channel.padEnd(8)} ${result}`)}\n`);
  }
  return status;
}
