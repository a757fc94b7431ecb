/** What quarantine needs from outside. */
import type { Clock, Crypto } from "../../foundation/crypto.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { ObjectStore, OpenObject } from "../../store/objects/object-store.ts";
import type { SpoolLocation } from "../../store/spool/spool.ts";

export interface QuarantinePorts {
  readonly journal: Journal;
  readonly objects: ObjectStore;
  /** A held object that could not be put into the object store is still in the spool. @throws ScansealError `io` */
  readonly openSpooled: (location: SpoolLocation) => Promise<OpenObject>;
  readonly crypto: Pick<Crypto, "createHash">;
  readonly clock: Clock;
  /** UUIDv7 text. */
  readonly newId: () => string;
}

/** Where something may go, as the configuration has it. */
export interface Place {
  readonly name: string;
  readonly takes: "admitted" | "released";
}
