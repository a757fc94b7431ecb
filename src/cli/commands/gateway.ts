/** `scanseal gateway`: runs a gateway as a service; its log is JSON lines on stdout. */
import { ScansealError } from "../../foundation/errors.ts";
import { gatewayLog } from "../../operations/gateway-log.ts";
import { loadConfig } from "../../site/gateway/config.ts";
import { openHome } from "../../site/home.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { runUntilSignal } from "../gateway-process.ts";
import { reportConfigProblems } from "./config.ts";

const standardOutput = 1;

/** @returns 0 when a signal ended it and it was drained; 2 for a configuration with errors */
export async function gateway(options: { readonly config: string }): Promise<number> {
  const { config, problems } = loadConfig(options.config);
  reportConfigProblems(options.config, problems);
  if (!config)
    throw new ScansealError("config-invalid", "the configuration has errors: the gateway does not start");
  reportExpiry(openHome(config.home));
  return runUntilSignal(config, {
    events: gatewayLog(standardOutput, config.log),
    onReady: () => undefined,
    onStopping: () => undefined,
    hangUp: "reload",
  });
}
