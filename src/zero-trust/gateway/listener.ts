/** An open port of the gateway. */
import type { ConnectionLimits } from "../../dicom-network/dimse/connection-table.ts";
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

/** Of any listener, whatever its protocol. */
export function listenerLimits({ limits, sources, reading }: GatewaySettings): ConnectionLimits {
  const peers = [...sources, ...(reading?.readers ?? [])];
  const ofOne = Math.max(0, ...peers.map(({ associationsMax }) => associationsMax));
  return {
    connectionsMax: limits.associationsMax + strangersMax,
    connectionsPerAddressMax: Math.min(limits.associationsMax, 2 * ofOne) + strangersPerAddressMax,
  };
}

/** @throws ScansealError `network` when the port cannot be had, `key-unusable` */
export async function startListener(
  listener: ListenerSettings,
  provider: DimseProvider,
  settings: GatewaySettings,
): Promise<OpenListener> {
  const server = await startDimseServer(listener, provider, listenerLimits(settings));
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
