/** An open port of the gateway. */

import { startDimseServer } from "../../dicom-network/dimse/server.ts";
import type { DimseProvider } from "../../dicom-network/dimse/service.ts";
import type { GatewaySettings, ListenerSettings } from "./settings.ts";

export interface OpenListener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly isTls: boolean;
  /** False once its port is closed, by whomever. */
  readonly isListening: boolean;
  /** Shows another certificate to whoever connects from now on. @throws ScansealError `key-unusable`: nothing changes */
  renewTls(tls: NonNullable<ListenerSettings["tls"]>): void;
  /** Takes nothing new; what is arriving may end within `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Connections beside the associations: those that have not said who they are, and those being rejected. */
const strangersMax = 128;
/** From one address beside a source's associations. */
const strangersPerAddressMax = 32;

/** @throws ScansealError `network` when the port cannot be had, `key-unusable` */
export async function startListener(
  listener: ListenerSettings,
  provider: DimseProvider,
  { limits, sources }: GatewaySettings,
): Promise<OpenListener> {
  const ofOneSource = Math.max(0, ...sources.map(({ associationsMax }) => associationsMax));
  const server = await startDimseServer(listener, provider, {
    connectionsMax: limits.associationsMax + strangersMax,
    connectionsPerAddressMax: Math.min(limits.associationsMax, 2 * ofOneSource) + strangersPerAddressMax,
  });
  return {
    name: listener.name,
    address: listener.host,
    port: server.port,
    isTls: listener.tls !== undefined,
    get isListening() {
      return server.isListening;
    },
    renewTls: (tls) => server.renewTls(tls),
    close: (graceMs) => server.drain(graceMs),
  };
}
