/** Whether a running gateway has taken up what a command changed: it writes down the modes that are in force, and holds its lock while it runs. */
import { setTimeout as pause } from "node:timers/promises";
import { isFileLockHeld } from "../../platform/node/private-files.ts";
import type { GatewayConfig } from "./config.ts";
import { recordedModes } from "./source-changes.ts";
import { dataPaths } from "./stores.ts";

/** The file is looked at every two seconds. */
const waitMsMax = 10_000;
const lookMs = 100;

/** `no-gate`: none is running with this data folder; the next start has it in force. `not-confirmed`: one is running, and did not say so in time. */
export type Uptake = "in-force" | "no-gate" | "not-confirmed";

/** @throws ScansealError `io` */
export async function whenInForce(
  config: GatewayConfig,
  { name, mode }: { readonly name: string; readonly mode: string },
  msMax: number = waitMsMax,
): Promise<Uptake> {
  const until = performance.now() + msMax;
  while (isFileLockHeld(dataPaths(config).lock)) {
    if (recordedModes(config.data).get(name) === mode) return "in-force";
    if (performance.now() >= until) return "not-confirmed";
    await pause(lookMs);
  }
  return "no-gate";
}
