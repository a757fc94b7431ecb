/** The sealer's role in a running gateway. */
import { join } from "node:path";
import type { EventSink } from "../../../operations/event.ts";
import type { Originals } from "../../../store/journal/originals.ts";
import type { SealingParts } from "../../../zero-trust/gateway/sealer/sealing-stage.ts";
import type { GatewayConfig } from "../config.ts";
import type { TrustWatch } from "../trust-watch.ts";
import { DeviceSealer } from "./device-sealer.ts";

/** Marking takes longer than looking at marks. */
const sealingTimes = 5;

export interface OpenSealing extends SealingParts {
  close(): Promise<void>;
}

/** Threads are started when a source is sealed. @throws ScansealError `io` */
export async function openSealing(
  { home, data, settings }: GatewayConfig,
  parts: {
    readonly trust: Pick<TrustWatch, "current">;
    readonly events: EventSink;
    readonly originals: Originals;
    readonly version: string;
  },
): Promise<OpenSealing> {
  const { originals, ...rest } = parts;
  const sealingMs = sealingTimes * settings.limits.evidenceMs;
  const sealer = await DeviceSealer.open({ home, folder: join(data, "sealing"), sealingMs, ...rest });
  return { sealer, originals, close: () => sealer.close() };
}
