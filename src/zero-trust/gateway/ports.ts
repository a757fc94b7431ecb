/** What the gateway needs from outside and does not make itself. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { Clock, Crypto } from "../../foundation/crypto.ts";
import type { MalformedCode } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import type { Copies } from "../../store/journal/copies.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { ObjectStore } from "../../store/objects/object-store.ts";
import type { FileExtent, Spool } from "../../store/spool/spool.ts";
import type { Evidence } from "../evidence/evidence.ts";
import type { AskingDesk } from "./commitment/asking-desk.ts";
import type { CommitmentDesk } from "./commitment/commitment-desk.ts";
import type { Intake } from "./intake.ts";
import type { OpenListener } from "./listener.ts";
import type { DimseReading } from "./reading/dimse-reading.ts";
import type { SealingParts } from "./sealer/sealing-stage.ts";
import type { ListenerSettings } from "./settings.ts";
import type { WebReception } from "./web-reception.ts";

/** One object to be examined: where its Part 10 file lies. Plain data. */
export interface ExaminedObject {
  readonly extents: readonly FileExtent[];
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal: what is examined must be what was acknowledged. */
  readonly digest: string;
  readonly tolerate: readonly MalformedCode[];
  /** Name of the source that sent it: what a person approved that it changes is explained. */
  readonly readFrom?: string | undefined;
  /** Its attributes are asked for too. */
  readonly isForIndex?: boolean | undefined;
}

/** What is found of an object; the facts, and what the index is to know. */
export interface ExaminedEvidence extends Evidence {
  /** Where they were asked for: all but bulk values, packed as the index takes them. Undefined where they could not be had. */
  readonly packedAttributes?: Bytes | undefined;
}

/** Collects evidence off the network thread, in workers that can be ended. */
export interface Examiner {
  /**
   * @throws ScansealError `timeout`, `internal` (a worker died), `io`, `peer-protocol` never: what is wrong with the object is evidence
   */
  examine(object: ExaminedObject): Promise<ExaminedEvidence>;
  /** How many objects are examined at once. */
  readonly width: number;
  close(): Promise<void>;
}

/** Gives receipts for what is let in without a seal (spec/receipts.md, basis `admission`). */
export interface AdmissionReceipts {
  /**
   * Before the object is admitted, while its bytes are there.
   * @param source its name in the configuration
   * @returns what keeps the receipt, once the object is admitted; undefined where it gets none @throws ScansealError
   */
  prepare(
    extents: readonly FileExtent[],
    evidence: Evidence,
    source: string,
  ): Promise<(() => Promise<void>) | undefined>;
}

/** What every part of the gateway works with; whoever made it closes it, after the gateway is drained. */
export interface GatewayPorts {
  readonly journal: Journal;
  readonly objects: ObjectStore;
  /** Where this is absent no copies are kept of what every archive has. */
  readonly copies?: Copies | undefined;
  readonly spool: Spool;
  /** What sources sent before; where this is absent they begin anew. */
  readonly intake?: Intake | undefined;
  readonly examiner: Examiner;
  /** Where this is absent nothing gets a receipt. */
  readonly receipts?: AdmissionReceipts | undefined;
  /** Where this is absent nothing is sealed here, and what would have to be is held. */
  readonly sealing?: SealingParts | undefined;
  /** Where this is absent no storage commitment is given. */
  readonly commitment?: Pick<CommitmentDesk, "take"> | undefined;
  /** Takes reports of archives; where this is absent none is asked. */
  readonly asking?: Pick<AskingDesk, "take"> | undefined;
  /** Where this is absent nobody reads through this gate. */
  readonly reading?: DimseReading | undefined;
  /** Opens a listener for DICOMweb. @throws ScansealError `network`, `key-unusable` */
  readonly webListener?:
    | ((settings: ListenerSettings, reception: WebReception) => Promise<OpenListener>)
    | undefined;
  readonly crypto: Crypto;
  readonly clock: Clock;
  /** UUIDv7 text, so that ids ascend with time. */
  readonly newId: () => string;
  readonly events: EventSink;
  /** Told when something waits for the index. Where this is absent there is none. */
  readonly onToIndex?: (() => void) | undefined;
  /** Whether a peer's certificate (DER) is revoked, as of now; where this is absent none is. Never throws. */
  readonly isRevoked?: (certificate: Bytes) => boolean;
  /** Names this gateway in leases; the same after a restart, so that it takes up its own work at once. */
  readonly owner: string;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
}
