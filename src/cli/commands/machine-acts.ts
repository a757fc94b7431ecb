/**
 * What whoever has the machine does without proving to be anybody: backups, keys, tests of alarms. Recorded in the gate's journal, where the site has a
 * gate, so that its audit tells of it.
 */
import { userInfo } from "node:os";
import { ScansealError } from "../../foundation/errors.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { loadConfig } from "../../site/gateway/config.ts";
import type { ActRecord } from "../../store/journal/journal.ts";
import { configPathOf, type DeskOptions } from "./gateway-desk.ts";
import { recordAct } from "./source-desk.ts";

/** In the records; nobody can be named so. */
const actor = { name: "machine", isProven: false } as const;

/** Of what is done already: that it cannot be recorded is told, and undoes nothing. */
export async function recordMachineAct(
  options: DeskOptions,
  act: "backup-made" | "backup-restored" | "key-rotated" | "key-revoked" | "alerts-tested",
  subject: string,
  detail: ActRecord["detail"] = {},
): Promise<void> {
  const path = configPathOf(options);
  if (!fileExists(path)) return;
  try {
    const { config } = loadConfig(path);
    if (!config) throw new ScansealError("config-invalid", "the gate's configuration has errors");
    await recordAct(config, actor, `machine.${act}`, subject, { ...detail, account: account() });
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
    process.stderr.write(`It is not in the gate's records: ${error.message}\n`);
  }
}

/** Of the operating system. */
function account(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}
