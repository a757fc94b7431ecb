/** Port: two people's decisions on held objects, a part of the journal. */
import type { ActRecord, JudgedObject } from "./journal.ts";

/** Who may read what was released, and for how long after it was approved. */
export interface ReaderTerms {
  /** Names of the configuration: 1 to 20. */
  readonly names: readonly string[];
  /** Milliseconds. */
  readonly ms: number;
}

export interface QuarantineRequest {
  readonly id: string;
  readonly act: "release" | "purge";
  readonly objectIds: readonly string[];
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedAt: number;
  /** For a release, unless it is for readers. */
  readonly destination: string | undefined;
  /** For a release that goes nowhere: readers that ask are given it. */
  readonly forReaders?: ReaderTerms | undefined;
  readonly state: "pending" | "approved" | "withdrawn";
  readonly approvedBy: string | undefined;
  readonly approvedAt: number | undefined;
}

export interface QuarantineRequests {
  /** 1 to 20,000 objects. @throws ScansealError `usage` for a request that could not be carried out */
  addRequest(request: QuarantineRequest, record: ActRecord): Promise<void>;
  request(id: string): Promise<QuarantineRequest | undefined>;
  /** Newest first. */
  requests(state: QuarantineRequest["state"], limit: number): Promise<readonly QuarantineRequest[]>;
  /** Those that name the object, in any state; newest first. */
  requestsOf(objectId: string): Promise<readonly QuarantineRequest[]>;
  /** Approved releases to this reader whose time is not over; newest first. */
  releasesTo(reader: string, now: number): Promise<readonly QuarantineRequest[]>;
  /**
   * Carries out a pending request in one transaction: a release adds a delivery (released: true) per object to its destination, where it has one;
   * a purge sets the objects `purged` and returns those whose bytes nothing else refers to, for deletion. Objects no longer held are left alone.
   * Undefined when the request is not pending any more.
   *
   * A release gives an empty list. An object has one released delivery for a destination: a later release of it makes that one due again. Purged
   * objects come as they were (`stored` and `location` say where the bytes are), but for their state; what was still to be delivered of them is dead.
   * @throws ScansealError `usage` when `by` is who asked, in whatever spelling: nothing changes
   */
  approveRequest(
    id: string,
    by: string,
    at: number,
    record: ActRecord,
  ): Promise<readonly JudgedObject[] | undefined>;
  /** A pending one, or a release to readers, which ends with that. False: neither; nothing changes. */
  withdrawRequest(id: string, record: ActRecord): Promise<boolean>;
  /**
   * Of digests that a purge gave out for deletion, those that still nothing refers to, given out once more: for a deletion that was cut off.
   * @param digests of purged objects
   */
  renewPurge(digests: readonly string[], at: number): Promise<readonly string[]>;
}
