/**
 * Port: what the gateway knows and owes. Every state change is one durable transaction; work is claimed by lease with a fencing token: a
 * worker that lost it cannot commit. One gateway for a journal: its rows point into that gateway's own spool. Times are integer milliseconds since 1970, ids are UUIDv7 text (DESIGN 5).
 * Rows hold UIDs and source names, never names or numbers of patients.
 */
import type { ToIndex } from "../index/index-queue.ts";
import type { SpoolLocation } from "../spool/spool.ts";
import type { ActFilter } from "./act-queries.ts";
import type { LaterDeliveries } from "./added-deliveries.ts";
import type { ArrivalFacts } from "./arrival-facts.ts";
import type { CopyUsage } from "./copies.ts";
import type { QuarantineRequests } from "./requests.ts";
import type { SourceRecord } from "./source-record.ts";

/** A finding as the policy made it; the journal keeps it as JSON. */
export interface StoredFinding {
  readonly code: string;
  readonly severity: "error" | "warning" | "info";
  readonly layer: string;
  readonly location: Readonly<Record<string, unknown>>;
  readonly message: string;
  readonly detail: string;
}

/** What is known when an object was acknowledged. UIDs other than the command's are absent where the data set could not be read. */
export interface ReceivedObject {
  readonly id: string;
  readonly receivedAt: number;
  /** Name of the source in the configuration. */
  readonly source: string;
  /** Calling AE title: a label. */
  readonly peerTitle: string;
  readonly peerAddress: string;
  /** Of the C-STORE command. */
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly seriesInstanceUid?: string | undefined;
  readonly studyInstanceUid?: string | undefined;
  readonly modality?: string | undefined;
  /** Of the Part 10 file that is kept, and its SHA-256 in hexadecimal: the object's identity, and its key in the object store. */
  readonly bytes: number;
  readonly digest: string;
  /** File offset of the data set: what leaves in a C-STORE begins here. */
  readonly dataSetOffset: number;
  /** Found while it arrived, for the evidence. */
  readonly arrival: ArrivalFacts;
  readonly location: SpoolLocation;
}

/**
 * received: acknowledged, not judged. admitted: policy let it pass (deliveries say where it is). held: in quarantine.
 * resent: the same bytes, or the same sealed object, are here already: kept as a row, its bytes are not. resolved: was held; a recheck or re-send
 * was admitted in its place. purged: was held, two people had its bytes deleted. sealed: an original, kept beside what was sealed of it (originals.ts).
 */
export type ObjectState = "received" | "admitted" | "held" | "resent" | "resolved" | "purged" | "sealed";

export interface JudgedObject extends Omit<ReceivedObject, "location"> {
  readonly state: ObjectState;
  /** In the spool; undefined once it lives in the object store (or nowhere: resent, purged). */
  readonly location: SpoolLocation | undefined;
  /** Its bytes are in the object store, under `digest`. */
  readonly stored: boolean;
  readonly judgedAt: number | undefined;
  /** Undefined while received, and where the check could not be completed. */
  readonly verdict: string | undefined;
  readonly disposition: "delivered" | "delivered-with-notice" | "held" | undefined;
  readonly assurance: string | undefined;
  /** Admitted on this basis. */
  readonly basis: string | undefined;
  /** The mode that was applied, after the device's and the study's policy. */
  readonly mode: "observe" | "warn" | "enforce" | undefined;
  /** What `enforce` would have done: for the dry run. */
  readonly enforced: "delivered" | "delivered-with-notice" | "held" | undefined;
  readonly findings: readonly StoredFinding[];
  /** For `resent`: whose bytes. For `resolved`: what was admitted in its place. */
  readonly relatedId: string | undefined;
}

/** A piece of work taken by one worker until the lease ends. */
export interface Lease<T> {
  readonly work: T;
  /** Grows with each claim: a worker whose lease ended cannot commit. */
  readonly fence: number;
  /** Claims so far, this one included. */
  readonly attempt: number;
}

export interface LeaseScope {
  readonly of: "objects" | "deliveries";
  /** Of deliveries. */
  readonly destination?: string;
  /** Ids of what is under way: these leases stay. */
  readonly underWay: readonly string[];
}

export interface Judgement {
  readonly verdict: string | undefined;
  readonly disposition: "delivered" | "delivered-with-notice" | "held";
  readonly assurance: string | undefined;
  readonly basis: string | undefined;
  readonly mode: "observe" | "warn" | "enforce";
  readonly enforced: "delivered" | "delivered-with-notice" | "held";
  readonly findings: readonly StoredFinding[];
  /** SHA-256 of the manifest payload, where there is a trusted seal: tells one sealed object in two encodings from two objects. */
  readonly payloadDigest: string | undefined;
  /** Name of the device whose trusted seal was verified. */
  readonly sealedBy: string | undefined;
  /** Of a verified object whose study the receiver could not read (deflated, with others under way): digits and dots. */
  readonly studyInstanceUid?: string | undefined;
  /** What the index is to know of it, once it is admitted; undefined without an index. */
  readonly toIndex?: ToIndex | undefined;
  /** Its bytes are in the object store already (held objects are put there first). */
  readonly stored: boolean;
  readonly judgedAt: number;
}

export type JudgementOutcome =
  /** The state that was written. `spoolFreed`: nothing refers to the spool's copy any more. */
  | {
      readonly result: "committed";
      readonly state: ObjectState;
      readonly spoolFreed: boolean;
      readonly relatedId?: string;
    }
  /** Admission would overwrite another object of this SOP Instance UID: judge again with `conflictWith`, as held. Nothing was written. */
  | { readonly result: "conflict"; readonly conflictWith: string }
  /**
   * The same object is here, but its kept copy is damaged (`reportDamage`): put these bytes into the object store, call `restoreCopy`, and commit
   * again. Nothing was written. Only for an object whose own copy is in the spool.
   */
  | { readonly result: "damaged"; readonly objectId: string }
  | { readonly result: "lease-lost" };

/** Why a delivery died of a damaged copy: it is due again when the copy is restored. */
export const damagedCopyError = "the kept bytes are not those that were judged";

/** Errors of deliveries begin so where the destination was not reached, or was lost before it answered: they are due when it is back. */
export const linkErrors: readonly string[] = ["network: ", "timeout: ", "peer-"];

/** What was admitted under a SOP Instance UID; there is at most one. */
export interface AdmittedInstance {
  readonly objectId: string;
  readonly digest: string;
  readonly payloadDigest: string | undefined;
}

export type DeliveryState = "due" | "delivered" | "dead";

export interface Delivery {
  readonly id: string;
  readonly objectId: string;
  /** Name of the destination in the configuration. */
  readonly destination: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly createdAt: number;
  readonly deliveredAt: number | undefined;
  /** One sentence without patient data. */
  readonly lastError: string | undefined;
  /** A release from quarantine, by two people: never to the archive. */
  readonly released: boolean;
}

/** An act of a person or of the gateway: who, what, when, on what. Never patient data. Rows are only ever added. */
export interface ActRecord {
  readonly id: string;
  readonly at: number;
  /** Operator's name, or "gateway". */
  readonly actor: string;
  /** "quarantine.release.requested", "quarantine.purge.approved", "source.mode.changed", "object.refused", "object.conflict", ... */
  readonly act: string;
  /** Object id, source name, ... */
  readonly subject: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

export interface ObjectFilter {
  readonly state?: ObjectState | undefined;
  readonly source?: string | undefined;
  readonly studyInstanceUid?: string | undefined;
  readonly seriesInstanceUid?: string | undefined;
  readonly sopInstanceUid?: string | undefined;
  readonly judgedSince?: number | undefined;
  /** How the id ends: 8 hexadecimal digits or more. Every row that fits the rest is looked at. */
  readonly idEnding?: string | undefined;
  /** Ids after this one (ids ascend with time). */
  readonly after?: string | undefined;
  /** 1 to 1,000. */
  readonly limit: number;
}

/** For the status page and the metrics. */
export interface JournalCounts {
  readonly objects: Readonly<Record<ObjectState, number>>;
  readonly deliveries: Readonly<Record<DeliveryState, number>>;
  /** By name of the destination: what waits, and what was given up. */
  readonly destinations: Readonly<Record<string, { readonly due: number; readonly dead: number }>>;
  /** Admitted objects that were never to be delivered anywhere, up to 100,000. */
  readonly keptOnly: number;
  /** Of objects that every archive has (copies.ts). */
  readonly copies: CopyUsage;
  /** received_at of the oldest object not judged, and of the oldest delivery due. */
  readonly oldestReceivedAt: number | undefined;
  readonly oldestDueAt: number | undefined;
}

export interface HeldStudy {
  readonly studyInstanceUid: string | undefined;
  readonly objects: number;
  /** Of them those that two people released: they stay here, and a reading place has them or will. */
  readonly released: number;
  readonly series: number;
  readonly verdicts: Readonly<Record<string, number>>;
  /** By verdict the id of one object. */
  readonly samples: Readonly<Record<string, string>>;
  readonly sources: readonly string[];
  readonly firstAt: number;
  readonly lastAt: number;
}

export interface Redirected {
  /** Due at the other destination now; or, without one, dead. */
  readonly moved: number;
  /** Gone, because the object has a delivery to the other destination of its own. */
  readonly merged: number;
}

/** Every method: @throws ScansealError `io` (the database), `storage-full`, `usage` (a value that cannot be kept, a limit out of its range). */
export interface Journal extends LaterDeliveries, QuarantineRequests {
  /** What each source sent, for commissioning. */
  bySource(): SourceRecord;
  /**
   * Adds rows in one transaction; a row whose id exists is left as it is (recovery repeats). UIDs and modality of a data set that no database can
   * keep (NUL, above 256 characters) are taken for unread. @throws ScansealError `usage` for any other value that cannot be kept; no row is added
   */
  addReceived(objects: readonly ReceivedObject[]): Promise<void>;
  /** Which of these spool records are still referred to: the rest can be released. For recovery. @param ids object ids */
  known(ids: readonly string[]): Promise<ReadonlyMap<string, { readonly inSpool: boolean }>>;

  /**
   * Received objects whose lease is free or over, oldest first (by id). Those with bytes that a purge gave out for deletion wait for a minute
   * after it: they would find the bytes in the object store, and lose them.
   */
  claimReceived(
    owner: string,
    limit: number,
    leaseMs: number,
    now: number,
  ): Promise<readonly Lease<JudgedObject>[]>;
  admittedInstance(sopInstanceUid: string): Promise<AdmittedInstance | undefined>;
  /** Sources of verified, sealed instances of a study, wherever they are: an object that claims the study takes their policy too. Sorted. */
  sealedStudySources(studyInstanceUid: string): Promise<readonly string[]>;
  /**
   * Writes the judgement, the state and, for what is admitted, one delivery per destination, in one transaction. The same digest or the same
   * trusted payload under an admitted SOP Instance UID becomes `resent`; the same digest in quarantine becomes `resent` when held again, and
   * `resolved` there when admitted now. Anything else under an admitted SOP Instance UID is a conflict.
   *
   * The same digest under an admitted UID is `resent` even when it would be held now: the bytes are here. The same payload only when it passes: a
   * forgery can carry an admitted seal, and is kept. In quarantine, "the same" is digest and SOP Instance UID. Destinations are counted once.
   * A lease that is over and was not given to anybody else still commits; one that was given back does not. After an `io` error the judgement may
   * stand: trying again then says `lease-lost`.
   */
  commitJudgement(
    id: string,
    fence: number,
    judgement: Judgement,
    destinations: readonly string[],
  ): Promise<JudgementOutcome>;
  /** The kept bytes of the record's subject are not what was acknowledged. */
  reportDamage(record: ActRecord): Promise<void>;
  /**
   * The object store has the bytes of the record's subject anew: they are its copy, and deliveries that died of the damage are due. Returns the spool
   * location that nothing refers to any more. Undefined, and nothing changes, where it is not damaged or not kept any more.
   */
  restoreCopy(record: ActRecord): Promise<SpoolLocation | undefined>;
  /** Held objects go back to `received`, to be judged again (after a new trust anchor, say); their judgement is forgotten. Returns how many. */
  recheck(ids: readonly string[]): Promise<number>;
  /**
   * The object store has it durably now. Returns the spool location that nothing refers to any more; undefined, and nothing changes, without one.
   * A copy that nobody needs (the object was delivered or purged while it was made) is to be deleted: `claimDeletions`.
   */
  markStored(id: string): Promise<SpoolLocation | undefined>;
  /**
   * An admitted object whose deliveries (at least one) are all delivered is kept no longer here. Returns the spool location that nothing refers to
   * any more; undefined where there is none, and for any other object, of which nothing is changed. Bytes in the object store are to be deleted.
   */
  markDelivered(id: string): Promise<SpoolLocation | undefined>;
  /**
   * Digests whose bytes in the object store are to be deleted now: of admitted objects with their last delivery, and of copies that nobody needs.
   * As after a purge, received objects with these bytes wait for a minute: delete within half of it, or not at all. Those that are needed again are
   * left out and forgotten; those that were claimed and not confirmed come again, after that minute. 1 to 1,000.
   */
  claimDeletions(limit: number, now: number): Promise<readonly string[]>;
  /** They are deleted. @param claimedAt `now` of their claim */
  confirmDeletions(digests: readonly string[], claimedAt: number): Promise<void>;
  /** Admitted objects still only in the spool, admitted before `before`, oldest first: to be moved to the object store. */
  unsettled(before: number, limit: number): Promise<readonly JudgedObject[]>;

  claimDeliveries(
    owner: string,
    destination: string,
    limit: number,
    leaseMs: number,
    now: number,
  ): Promise<readonly Lease<{ readonly delivery: Delivery; readonly object: JudgedObject }>[]>;
  /** False when the lease was lost (as for judgements). With the last one, an admitted object is kept no longer in the object store. */
  completeDelivery(id: string, fence: number, at: number): Promise<boolean>;
  /** `nextAttemptAt` undefined: a dead letter. `error` is shortened to 2,000 characters. False when the lease was lost. */
  failDelivery(id: string, fence: number, error: string, nextAttemptAt: number | undefined): Promise<boolean>;
  /** It was not tried: the claim was no attempt, and it is due as it was. `error` as for `failDelivery`. False when the lease was lost. */
  returnDelivery(id: string, fence: number, error: string): Promise<boolean>;
  /** What waits for a destination because it was not reached (`linkErrors`) is due now, in the order it was made. */
  hastenDeliveries(destination: string): Promise<void>;
  /** Dead letters (of one destination, or of all) become due now, attempts from 0; not those of purged objects. Returns how many. */
  reviveDeliveries(destination: string | undefined, now: number): Promise<number>;
  /**
   * Deliveries of admitted objects, due and dead, are due now at another destination; what two people released stays. Without another one, what is
   * due becomes dead, releases too. The record is added with the counts in its detail. Leases end. @throws ScansealError `usage` for `to` = `from`
   */
  redirectDeliveries(
    from: string,
    to: string | undefined,
    now: number,
    record: ActRecord,
  ): Promise<Redirected>;
  /**
   * Gives back every lease of an owner that is gone. With a scope, those of an owner that lives and does not know of them: where the database
   * failed, a claim may stand whose answer never came. Those claims were no attempts; the others were: a start that ends with its object counts.
   */
  releaseLeases(owner: string, scope?: LeaseScope): Promise<void>;
  deliveriesOf(objectId: string): Promise<readonly Delivery[]>;
  /** Newest first. */
  deadDeliveries(limit: number): Promise<readonly Delivery[]>;

  object(id: string): Promise<JudgedObject | undefined>;
  /** Ascending by id. */
  objects(filter: ObjectFilter): Promise<readonly JudgedObject[]>;
  /** Latest first. Objects without a verdict count under "undetermined". */
  heldStudies(limit: number): Promise<readonly HeldStudy[]>;
  counts(): Promise<JournalCounts>;
  /** How many of the held objects two people released, to whatever place. */
  releasedHeld(): Promise<number>;

  addRecord(record: ActRecord): Promise<void>;
  /** Newest first, unless a time is given that they begin at. */
  records(filter: ActFilter): Promise<readonly ActRecord[]>;

  /** A round trip to the database, for readiness. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
