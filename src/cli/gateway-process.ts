/** A gateway in the foreground: from its start to the signal that ends it. */
import { ScansealError } from "../foundation/errors.ts";
import type { EventSink } from "../operations/event.ts";
import type { GatewayConfig } from "../site/gateway/config.ts";
import { type RunningGateway, runGateway } from "../site/gateway/run.ts";
import { packageVersion } from "./package-version.ts";

/** systemd waits 90 seconds before it kills, Kubernetes 30. */
const drainMsMax = 25_000;
const signalNumbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

export interface ProcessOptions {
  readonly events: EventSink;
  /** Once it takes objects. */
  readonly onReady: (gateway: RunningGateway) => void;
  /** The first signal arrived. */
  readonly onStopping: () => void;
  /** SIGHUP is a terminal that was closed, or a request to read the configuration again. */
  readonly hangUp: "stop" | "reload";
}

/**
 * Runs until SIGINT or SIGTERM, then drains; a second signal ends the process at once: what was acknowledged is durable.
 * @returns 0 when it was drained
 * @throws ScansealError when it cannot start
 */
export async function runUntilSignal(config: GatewayConfig, options: ProcessOptions): Promise<number> {
  const stop = Promise.withResolvers<void>();
  let isStopping = false;
  let running: RunningGateway | undefined;
  const onSignal = (signal: keyof typeof signalNumbers): void => {
    if (signal === "SIGHUP" && options.hangUp === "reload") {
      void running?.reload();
      return;
    }
    if (isStopping) process.exit(128 + signalNumbers[signal]);
    isStopping = true;
    options.onStopping();
    stop.resolve();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  try {
    running = await runGateway(config, { version: packageVersion(), events: options.events });
    if (!isStopping) options.onReady(running);
    await stop.promise;
    await running.stop(drainMsMax);
    return 0;
  } catch (error) {
    throw withAdvice(error, config);
  } finally {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, onSignal);
  }
}

function withAdvice(error: unknown, { path }: GatewayConfig): unknown {
  if (!(error instanceof ScansealError) || error.code !== "network") return error;
  const hint = `stop the program that has it, or change the port in ${path}`;
  return new ScansealError("network", `${error.message}; ${hint}`, { cause: error });
}
