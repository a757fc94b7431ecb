/** What a gateway is told to do: plain data, made from the site's configuration file (site/gateway). */
import type { MalformedCode } from "../../foundation/errors.ts";
import type { Mode } from "../policy/decide.ts";

/** PEM texts. `clientAuthorities`: peers must show a certificate one of these issued: mutual TLS. */
export interface ServerTlsSettings {
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthorities: string;
}

/** PEM texts: authorities we accept the other side's certificate from, and what we show. */
export interface ClientTlsSettings {
  readonly authorities: string;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
}

/** A port that peers connect to. */
export interface ListenerSettings {
  readonly name: string;
  /** Absent: DIMSE. */
  readonly protocol?: "dimse" | "dicomweb" | undefined;
  /** Of DICOMweb in clear: host names that it is asked by, beside addresses. */
  readonly names?: readonly string[] | undefined;
  readonly host: string;
  readonly port: number;
  readonly tls?: ServerTlsSettings | undefined;
}

/** Who a peer is. On a TLS listener the certificate is the identity; on a plain one address and AE title are all there is. */
export interface PeerSettings {
  readonly name: string;
  readonly listener: string;
  /** SHA-256 of client certificates, lower-case hexadecimal. For TLS listeners, where it is required. */
  readonly certificates: readonly string[];
  /** Calling AE titles taken; empty: any. On a TLS listener a label: another title is taken and reported. DICOMweb knows none. */
  readonly aeTitles: readonly string[];
  /** Networks in CIDR notation; empty: any. */
  readonly networks: readonly string[];
}

/** Where a modality takes reports of storage commitment. */
export interface CommitmentPlaceSettings {
  readonly host: string;
  readonly port: number;
  /** Undefined: the title that asked. */
  readonly aeTitle?: string | undefined;
  readonly tls?: ClientTlsSettings | undefined;
}

/** Patient and order of what is sealed must be on it: a folder of worklist files, or a server. */
export type WorklistSettings = { readonly folder: string } | { readonly server: WorklistServerSettings };

export interface WorklistServerSettings {
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string;
  /** Ours. */
  readonly callingAeTitle: string;
  readonly tls?: ClientTlsSettings | undefined;
}

/** What a modality's images say of the equipment; the serial number is the one that the device was enrolled with. */
export interface EquipmentSettings {
  readonly modalities: readonly string[];
  readonly manufacturer: string;
  readonly model: string;
  readonly station?: string | undefined;
  readonly deviceUid?: string | undefined;
}

/** What a source sends unsealed is sealed here, by the device of a sealer beside it. */
export interface SealingSettings {
  /** Enrolled as `beside-device`. */
  readonly device: string;
  readonly equipment: EquipmentSettings;
  readonly worklist?: WorklistSettings | undefined;
  /** A series in which nothing was sealed for so long is closed. Undefined: by hand. */
  readonly closeAfterMs?: number | undefined;
}

/** At least one of them. */
export interface IntakeLimit {
  readonly objects?: number | undefined;
  readonly bytes?: number | undefined;
}

/** Who may send. */
export interface SourceSettings extends PeerSettings {
  readonly mode: Mode;
  readonly tolerate: readonly MalformedCode[];
  /** Enrolled devices that this source stands for: whoever sends an object that claims one of them, this source's mode applies too. */
  readonly devices: readonly string[];
  /** What it sends unsealed and the mode lets in gets a receipt: unchanged since admission. */
  readonly receipts?: boolean | undefined;
  /** Where its reports of storage commitment go; without it the service is not offered to it. */
  readonly commitment?: CommitmentPlaceSettings | undefined;
  /** This gateway is the sealer beside it: nothing it sends passes unsealed. */
  readonly sealing?: SealingSettings | undefined;
  readonly associationsMax: number;
  /** Bytes in the spool and not yet judged. */
  readonly quotaBytes: number;
  /** What it may send in an hour and a day; undefined: as much as there is room for. */
  readonly intake?:
    | { readonly hour?: IntakeLimit | undefined; readonly day?: IntakeLimit | undefined }
    | undefined;
}

/** An archive that is asked whether it keeps what it got. */
export interface CommitmentAskSettings {
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string;
  readonly tls?: ClientTlsSettings | undefined;
  /** Whose associations bring its reports; undefined: they come on the one that asked. Its name is the destination's. */
  readonly reports?: PeerSettings | undefined;
  /** The first pause without an answer; it doubles. */
  readonly askAgainMs: number;
  /** So many requests without an answer are told. */
  readonly alarmAfter: number;
  /** How often what it refused is delivered again. */
  readonly sendAgainMax: number;
}

export interface DestinationSettings {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string;
  readonly tls?: ClientTlsSettings | undefined;
  /** `admitted`: an archive, gets what the policy admits. `released`: a reading place, gets only what two people released. */
  readonly takes: "admitted" | "released";
  readonly associationsMax: number;
  /** Undefined: that it has answered is enough. */
  readonly commitment?: CommitmentAskSettings | undefined;
}

/** A place that C-MOVE may send to, by the AE title that the reader names. */
export interface MoveDestinationSettings {
  readonly aeTitle: string;
  readonly host: string;
  readonly port: number;
  readonly tls?: ClientTlsSettings | undefined;
}

/** Who may ask for objects. */
export interface ReaderSettings extends PeerSettings {
  /** What is not proven reaches this reader, with a notice, or not at all. */
  readonly mode: Mode;
  readonly associationsMax: number;
  readonly moveTo: readonly MoveDestinationSettings[];
}

/** Where readers' objects are fetched from. */
export interface ArchiveSettings {
  readonly name: string;
  /** The destination that it is; undefined: the one with its address, or the only one. */
  readonly destination?: string | undefined;
  /** Let pass in what it returns. */
  readonly tolerate: readonly MalformedCode[];
  readonly through:
    | {
        readonly protocol: "dicomweb";
        /** Of the service's root. */
        readonly url: string;
        /** An `Authorization` header; never shown. */
        readonly authorization?: string | undefined;
        readonly tls?: ClientTlsSettings | undefined;
      }
    | {
        readonly protocol: "dimse";
        readonly host: string;
        readonly port: number;
        readonly aeTitle: string;
        readonly tls?: ClientTlsSettings | undefined;
      };
}

/** The way out, to readers. */
export interface ReadingSettings {
  readonly readers: readonly ReaderSettings[];
  /** Undefined: the gate's own copies are all that readers get. */
  readonly archive: ArchiveSettings | undefined;
  /** Bytes of what stays in the object store when every archive has it; 0: nothing does. */
  readonly copiesMax: number;
}

export interface GatewaySettings {
  /** Our AE title; the called title of associations must be this. */
  readonly aeTitle: string;
  readonly listeners: readonly ListenerSettings[];
  readonly sources: readonly SourceSettings[];
  readonly destinations: readonly DestinationSettings[];
  /** Undefined: nobody reads through this gate. */
  readonly reading?: ReadingSettings | undefined;
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
