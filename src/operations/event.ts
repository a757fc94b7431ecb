/**
 * What happens in a gateway, as data: logs, metrics and the terminal are made from it. No patient data: objects are named by their journal
 * id, never by UIDs, names or numbers from the data set.
 */
export type GatewayEvent =
  | { readonly kind: "listening"; readonly listener: string; readonly address: string; readonly port: number }
  | {
      readonly kind: "association-accepted";
      readonly association: string;
      readonly source: string;
      readonly peerAddress: string;
      readonly peerTitle: string;
      /** The certificate is the source's, the AE title is not one that the source is known by. */
      readonly titleDiffers?: boolean;
    }
  | {
      readonly kind: "association-rejected";
      readonly listener: string;
      readonly peerAddress: string;
      readonly peerTitle: string;
      readonly why: string;
      /** That were not told: of this listener and address, or where there are a thousand, of others (fewer-rejections.ts). */
      readonly more?: number;
    }
  | {
      readonly kind: "association-ended";
      readonly association: string;
      readonly how: "released" | "rejected" | "aborted" | "lost";
      readonly why?: string;
    }
  | {
      readonly kind: "object-acknowledged";
      readonly object: string;
      readonly source: string;
      readonly bytes: number;
      /** From the first byte of the data set to the response. */
      readonly ms: number;
    }
  | {
      readonly kind: "object-refused";
      readonly source: string;
      readonly status: number;
      /** A code: "limit-depth", "storage-full", ... */
      readonly why: string;
      /** That were not told: of this source and reason (fewer-rejections.ts). */
      readonly more?: number;
    }
  | {
      readonly kind: "object-judged";
      readonly object: string;
      readonly source: string;
      /** "none" where the check could not be completed. */
      readonly verdict: string;
      readonly state: string;
      /** Codes of the findings that are errors. */
      readonly codes: readonly string[];
      /** From the acknowledgement to the verdict. */
      readonly ms: number;
    }
  /** Of what a modality sent (`original`); it is judged next. */
  | {
      readonly kind: "object-sealed";
      readonly object: string;
      readonly original: string;
      readonly device: string;
      /** From the acknowledgement to the seal. */
      readonly ms: number;
    }
  | {
      readonly kind: "delivered";
      readonly object: string;
      readonly destination: string;
      readonly bytes: number;
      readonly ms: number;
    }
  | {
      readonly kind: "delivery-failed";
      readonly object: string;
      readonly destination: string;
      readonly why: string;
      readonly isDead: boolean;
      /** Milliseconds until the next attempt. */
      readonly retryInMs: number | undefined;
    }
  /** An archive answered what it was asked to commit to: instances. `resent`: refused, and delivered again; `failed`: once too often. */
  | {
      readonly kind: "commitment-reported";
      readonly destination: string;
      readonly committed: number;
      readonly resent: number;
      readonly failed: number;
      /** Asked for, and not named. */
      readonly missing: number;
      /** The first that failed, and its reason (0008,1197). */
      readonly object?: string;
      readonly reason?: number;
    }
  /** An archive did not answer so many requests; told at each further one. */
  | {
      readonly kind: "commitment-late";
      readonly destination: string;
      readonly waiting: number;
      readonly asks: number;
    }
  /** It cannot be reached; told at each try. */
  | {
      readonly kind: "destination-down";
      readonly destination: string;
      readonly why: string;
      /** Deliveries; undefined where the journal did not say. */
      readonly waiting: number | undefined;
      readonly retryInMs: number;
    }
  | {
      readonly kind: "destination-back";
      readonly destination: string;
      readonly waiting: number | undefined;
      readonly downMs: number;
    }
  /** What an archive returned to a reader does not pass: it is held under this id. `admitted`: what the gate admitted under its UID. */
  | {
      readonly kind: "read-withheld";
      readonly object: string;
      readonly archive: string;
      readonly verdict: string;
      readonly codes: readonly string[];
      readonly admitted?: string;
    }
  /** Admitted once, and the archive has it no more. */
  | { readonly kind: "read-missing"; readonly object: string; readonly archive: string }
  /** Admitted once, and the archive gives nothing for it now; or, without an object, it does not answer a search. `code` of a ScansealError. */
  | {
      readonly kind: "read-failed";
      readonly object?: string;
      readonly archive: string;
      readonly code: string;
    }
  /** What would be withheld was given, because somebody opened the study (`grant`). `object`: what was admitted under its UID. */
  | {
      readonly kind: "read-emergency";
      readonly grant: string;
      readonly reader: string;
      readonly verdict: string;
      readonly object?: string;
    }
  /** What is held was given, because two people released it to this reader (`request`). */
  | {
      readonly kind: "read-released";
      readonly request: string;
      readonly reader: string;
      readonly verdict: string;
      readonly object?: string;
    }
  /** Of one study a reader was given so many instances, and so many were withheld; `objects`: what was admitted as them, the first hundred. */
  | {
      readonly kind: "read-given";
      readonly reader: string;
      readonly given: number;
      readonly withheld: number;
      readonly objects: readonly string[];
    }
  /** A notice was offered to a reader: of `total` instances of a study that it asked for, so many are withheld. */
  | {
      readonly kind: "read-notice";
      readonly reader: string;
      readonly withheld: number;
      readonly total: number;
    }
  /** The archive has an instance of a study that a reader asked for, and the gate never admitted it. */
  | { readonly kind: "read-unknown"; readonly archive: string }
  /** A study of an archive was verified again. `held`, `missing`, `unavailable`: instances. */
  | {
      readonly kind: "study-checked";
      readonly by: "sweep" | "sentinel";
      readonly archive: string;
      readonly objects: number;
      readonly bytes: number;
      readonly held: number;
      readonly missing: number;
      readonly unavailable: number;
      readonly ms: number;
    }
  /** The archive has nothing of a study of which the gate admitted so many instances. */
  | {
      readonly kind: "study-missing";
      readonly by: "sweep" | "sentinel";
      readonly archive: string;
      readonly instances: number;
    }
  /** Of one study: sealed at this site, and neither admitted by the gate nor in the archive; 0: the whole study. */
  | { readonly kind: "sealed-missing"; readonly archive: string; readonly instances: number }
  /** Instances of a study that came into the archive past the gate: proven by a seal or receipt, or not. What fails its checks is told by itself. */
  | {
      readonly kind: "study-unadmitted";
      readonly archive: string;
      readonly proven: number;
      readonly unproven: number;
    }
  | {
      readonly kind: "sweep-begun";
      readonly archive: string;
      readonly studies: number;
      /** It goes on where an earlier one was cut off. */
      readonly isResumed: boolean;
    }
  /** Everything was looked at. Instances; of `sealedMissing` and `unknown` also whole studies, each once. `ms`: from its begin, pauses included. */
  | {
      readonly kind: "sweep-ended";
      readonly archive: string;
      readonly studies: number;
      readonly objects: number;
      readonly held: number;
      readonly missing: number;
      readonly unavailable: number;
      readonly unknown: number;
      readonly sealedMissing: number;
      readonly ms: number;
    }
  /** In place of what the archive lost, changed or cannot give, a reader was given the gate's own copy; that of the archive is told by itself. */
  | {
      readonly kind: "read-replaced";
      readonly object: string;
      readonly archive: string;
      readonly why: "held" | "missing" | "unavailable";
    }
  /** The gate's own bytes of an object are not those that were acknowledged. Nobody is given them. */
  | {
      readonly kind: "copy-damaged";
      readonly object: string;
      /** Every archive has the object: they are deleted. Otherwise they are replaced when it is sent again. */
      readonly isDropped: boolean;
    }
  /** Copies of what every archive has: above their limit, in the way of what arrives, or not wanted any more. */
  | {
      readonly kind: "copies-dropped";
      readonly why: "limit" | "disk" | "off";
      readonly objects: number;
      readonly bytes: number;
    }
  | { readonly kind: "stored"; readonly object: string; readonly bytes: number }
  | { readonly kind: "recovered"; readonly objects: number; readonly bytes: number }
  | { readonly kind: "worker-ended"; readonly why: string }
  | { readonly kind: "trust-reloaded"; readonly devices: number }
  /** The configuration file was changed, and holds from now on. */
  | { readonly kind: "settings-applied"; readonly sources: number; readonly destinations: number }
  /** By the configuration file, not by a command: added without `from`, removed without `to`. Modes. */
  | {
      readonly kind: "source-changed";
      readonly source: string;
      readonly from?: string;
      readonly to?: string;
    }
  /** The data folder's disk has less free than the spool needs for another segment. */
  | { readonly kind: "disk-low"; readonly freeBytes: number; readonly neededBytes: number }
  /** Admitted before there was a destination for them: nobody sends them there by itself. */
  | { readonly kind: "kept-only"; readonly objects: number; readonly destination: string }
  /** It ends within 60 days; told twice a day. `of`: "device", "listener", ...; `days` is negative when it ended. */
  | { readonly kind: "certificate-ending"; readonly of: string; readonly name: string; readonly days: number }
  /** Emergencies that are over for more than a day, and nobody has reviewed; told twice a day. */
  | { readonly kind: "emergency-unreviewed"; readonly grants: number }
  | { readonly kind: "draining"; readonly associations: number }
  | { readonly kind: "stopped" }
  /** Something that should not happen; `code` of a ScansealError. */
  | { readonly kind: "fault"; readonly where: string; readonly code: string; readonly why: string };

/** Never throws; never waits. */
export type EventSink = (event: GatewayEvent) => void;
