/** What a gateway is told to do: plain data, made from the site's configuration file (site/gateway). */
import type { MalformedCode } from "../../foundation/errors.ts";
import type { Mode } from "../policy/decide.ts";

/** A port that peers connect to. */
export interface ListenerSettings {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** PEM texts. `clientAuthorities`: peers must show a certificate one of these issued: mutual TLS. */
  readonly tls?:
    | { readonly certificate: string; readonly key: string; readonly clientAuthorities: string }
    | undefined;
}

/** Who may send. On a TLS listener the certificate is the identity; on a plain one address and AE title are all there is. */
export interface SourceSettings {
  readonly name: string;
  readonly listener: string;
  /** SHA-256 of client certificates, lower-case hexadecimal. For TLS listeners, where it is required. */
  readonly certificates: readonly string[];
  /** Calling AE titles taken; empty: any. On a TLS listener a label: another title is taken and reported. */
  readonly aeTitles: readonly string[];
  /** Networks in CIDR notation; empty: any. */
  readonly networks: readonly string[];
  readonly mode: Mode;
  readonly tolerate: readonly MalformedCode[];
  /** Enrolled devices that this source stands for: whoever sends an object that claims one of them, this source's mode applies too. */
  readonly devices: readonly string[];
  /** What it sends unsealed and the mode lets in gets a receipt: unchanged since admission. */
  readonly receipts?: boolean | undefined;
  readonly associationsMax: number;
  /** Bytes in the spool and not yet judged. */
  readonly quotaBytes: number;
}

export interface DestinationSettings {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string;
  /** PEM texts: authorities we accept the archive's certificate from, and what we show. */
  readonly tls?:
    | {
        readonly authorities: string;
        readonly certificate?: string | undefined;
        readonly key?: string | undefined;
        readonly serverName?: string | undefined;
      }
    | undefined;
  /** `admitted`: an archive, gets what the policy admits. `released`: a reading place, gets only what two people released. */
  readonly takes: "admitted" | "released";
  readonly associationsMax: number;
}

export interface GatewaySettings {
  /** Our AE title; the called title of associations must be this. */
  readonly aeTitle: string;
  readonly listeners: readonly ListenerSettings[];
  readonly sources: readonly SourceSettings[];
  readonly destinations: readonly DestinationSettings[];
  readonly limits: GatewayLimits;
}

export interface GatewayLimits {
  readonly associationsMax: number;
  /** Of one arriving object; above it the object is refused. */
  readonly objectBytesMax: number;
  /** From the first to the last byte of one object. */
  readonly objectMs: number;
  /** Evidence on one object, decoding included; then the worker is ended and the object held. */
  readonly evidenceMs: number;
  /** First retry; doubles up to `retryMsMax`. */
  readonly retryMs: number;
  readonly retryMsMax: number;
  /** Age of a delivery at which it becomes a dead letter. */
  readonly deliveryMsMax: number;
}
