/**
 * Port: copies of objects that every archive has, kept in the object store to be read in place of what an archive lost or changed. In the journal's
 * database: what becomes a copy and what is let go is one transaction with the rest.
 */
import type { SpoolLocation } from "../spool/spool.ts";
import type { ActRecord } from "./journal.ts";

export interface CopyUsage {
  readonly objects: number;
  readonly bytes: number;
}

export interface DroppedCopies extends CopyUsage {
  /** That were looked at: without a name 0 where there are none. */
  readonly listed: number;
  /** Where it has more: to be gone on with. */
  readonly study: string | undefined;
}

/** Every method: @throws ScansealError `io` (the database), `storage-full`, `usage` (a value that cannot be kept). */
export interface Copies {
  /** From now on, also for commands beside the gateway. @param bytesMax 0: no copies are kept; those that are stay until they are dropped */
  keepUpTo(bytesMax: number): Promise<void>;
  usage(): Promise<CopyUsage>;
  /**
   * Lets go of copies of one study: of the one named, else of the one with the copy that was delivered longest ago. What is needed again stays, and is
   * a copy no more. Bytes are to be deleted (`Journal.claimDeletions`).
   * @param objectsMax 1 to 500
   */
  dropOldest(objectsMax: number, study?: string | undefined): Promise<DroppedCopies>;
  /**
   * As `Journal.markDelivered`, for an object whose bytes may be in the object store beside the spool: they are to be deleted.
   * @param isPressed no copy of it is kept, whatever is kept of others
   */
  leave(id: string, isPressed: boolean): Promise<SpoolLocation | undefined>;
  /**
   * The kept bytes of the record's subject are not what was acknowledged. `dropped`: every archive has it, and they are to be deleted. `needed`: they
   * wait for the same object to be sent again. `known`: that was reported before, or nothing is kept; nothing changes.
   */
  damaged(record: ActRecord): Promise<"dropped" | "needed" | "known">;
}
