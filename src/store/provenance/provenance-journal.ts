/** Port: what a site keeps about the origin of objects, beside them. Names and values of patients are in it: it never leaves the site by itself. */
import type { Bytes } from "../../foundation/bytes.ts";

export interface KeyNumber {
  /** SHA-256 of the signer's SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly keyFingerprint: string;
  readonly keyEpoch: string;
  readonly counter: number;
}

/** Numbers of one key that were neither sealed here nor seen, with a later one that was. */
export interface NumberGap extends Omit<KeyNumber, "counter"> {
  readonly first: number;
  readonly last: number;
  /** When the first number above the gap was sealed or seen, in milliseconds since 1970. */
  readonly since: number;
}

export interface SealRecord extends KeyNumber {
  /** SHA-256 of the manifest's payload, lower-case hexadecimal. */
  readonly payloadDigest: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly device: string;
  /** Milliseconds since 1970, by the device's clock. */
  readonly sealedAt: number;
  /** (0020,0013) as it was sealed. */
  readonly instanceNumber?: number | undefined;
  /** Of the envelope: what time stamps are over. */
  readonly signature: Bytes;
  /** DER. */
  readonly certificate: Bytes;
}

/** A series with seals. */
export interface SealedSeries {
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seals: number;
  /** Milliseconds since 1970. */
  readonly lastSealedAt: number;
}

/** Series after that UID, ascending; with `lastSealedBefore` those that are quiet since then and whose last seal no series manifest was filed for: it is filed at the time of the last seal that it lists. */
export interface SeriesQuestion {
  readonly after: string;
  readonly limit: number;
  readonly lastSealedBefore?: number;
}

export interface KeptRecord {
  /** SHA-256 of the statement's payload, lower-case hexadecimal. */
  readonly digest: string;
  /** A `RecordKind` of provenance/manifest. */
  readonly kind: string;
  readonly envelope: Bytes;
  readonly opening: Bytes;
}

export interface Subject {
  readonly kind: string;
  readonly name: string;
}

export interface KeptEvidence {
  readonly type: string;
  readonly bytes: Bytes;
}

export interface EvidenceQuestion {
  readonly type: string;
  readonly has: boolean;
  readonly after: string;
  readonly limit: number;
}

/** An entry of the transparency log, waiting or logged. */
export interface QueuedEntry {
  readonly id: string;
  readonly kind: string;
  /** 32 bytes. */
  readonly salt: Bytes;
  readonly content: Bytes;
  /** One line for people, at most 200 characters: never a patient's. */
  readonly summary: string;
  readonly queuedAt: number;
  /** It was appended to a log that had this many entries before, at this time; whether it got there is not known while it has no index. */
  readonly tried?: { readonly from: number; readonly at: number };
  readonly origin?: string;
  readonly index?: number;
  readonly proof?: string;
}

export type NewEntry = Pick<QueuedEntry, "id" | "kind" | "salt" | "content" | "summary" | "queuedAt">;

/** What resolves is durable. Errors: ScansealError `io`, `storage-full`, `usage`; others where said. */
export interface ProvenanceJournal {
  /**
   * Remembers a seal that was made. The same one again changes nothing.
   * @param seenAt by this site's clock: then it is a first sight too
   * @throws ScansealError `counter-conflict` when another manifest has the key's number
   */
  addSeal(seal: SealRecord, seenAt?: number): Promise<void>;
  seal(payloadDigest: string): Promise<SealRecord | undefined>;
  sealsOfInstance(sopInstanceUid: string): Promise<readonly SealRecord[]>;
  /** In the order of device, key epoch, counter and payload digest. */
  sealsOfSeries(seriesInstanceUid: string): Promise<readonly SealRecord[]>;
  sealedSeries(question: SeriesQuestion): Promise<readonly SealedSeries[]>;
  /** Series of a study that have seals, ascending. */
  seriesOfStudy(studyInstanceUid: string): Promise<readonly string[]>;
  /** Series with seals that no log entry names, whose last seal is older than that; at most `limit`. */
  unloggedSeries(sealedBefore: number, limit: number): Promise<readonly string[]>;
  /** Of one series, in the order of `sealsOfSeries`: those that no log entry names. */
  unloggedSeals(seriesInstanceUid: string): Promise<readonly SealRecord[]>;

  /**
   * A record and what it is about, at one time. The same again adds subjects only.
   * @param at when it is kept, by this site's clock: class T2, so never a time that something claims
   * @param toldUntil of a list: what came later is not in it; `at` unless said otherwise
   */
  addRecord(record: KeptRecord, subjects: readonly Subject[], at: number, toldUntil?: number): Promise<void>;
  record(digest: string): Promise<KeptRecord | undefined>;
  /** When this site first kept it, in milliseconds since 1970. */
  recordKeptAt(digest: string): Promise<number | undefined>;
  /** Ascending by kind and name. */
  subjectsOf(digest: string): Promise<readonly Subject[]>;
  /** Oldest first; at most 1,000. */
  recordsAbout(subject: Subject): Promise<readonly KeptRecord[]>;
  /** Of one kind, newest first; at most `limit`. */
  recordsOfKind(kind: string, limit: number): Promise<readonly KeptRecord[]>;

  /** The same again changes nothing. */
  addLateEvidence(payloadDigest: string, evidence: KeptEvidence, at: number): Promise<void>;
  lateEvidence(payloadDigest: string): Promise<readonly KeptEvidence[]>;
  /** Seals that have evidence of a type beside them, or have none: ascending by payload digest, after that one; at most `limit`. */
  sealsByEvidence(question: EvidenceQuestion): Promise<readonly SealRecord[]>;

  /** The first time that a manifest was in this site's hands. @returns the time that counts: the earliest */
  sight(payloadDigest: string, number: KeyNumber, at: number): Promise<number>;
  firstSeen(payloadDigest: string): Promise<number | undefined>;
  /** Payload digests seen or sealed under one number, ascending, at most 8. Two are an equivocation. */
  usesOf(number: KeyNumber): Promise<readonly string[]>;
  /** The highest number seen or sealed of a key epoch; 0 without any. */
  highestCounter(keyFingerprint: string, keyEpoch: string): Promise<number>;
  /** Oldest first; at most `limit`. */
  numberGaps(limit: number): Promise<readonly NumberGap[]>;

  /**
   * An entry to be logged. With `seals`, these become its.
   * @returns false, and changes nothing, when there is one of that id
   * @throws ScansealError `usage` when one of the seals is another entry's already
   */
  queueEntry(entry: NewEntry, seals?: readonly string[]): Promise<boolean>;
  /** Not yet in the log, oldest first. */
  waitingEntries(limit: number): Promise<readonly QueuedEntry[]>;
  /** In the log of that name and without a proof, oldest first. */
  unprovenEntries(origin: string, limit: number): Promise<readonly QueuedEntry[]>;
  /** Before entries are appended for the first time, or once more. */
  setTried(ids: readonly string[], from: number, at: number): Promise<void>;
  setLogged(id: string, origin: string, index: number): Promise<void>;
  setProof(id: string, proof: string): Promise<void>;
  entry(id: string): Promise<QueuedEntry | undefined>;
  /** Payload digests that an entry names, in the order they were sealed. */
  sealsOfEntry(id: string): Promise<readonly string[]>;
  /** The newest entries, whatever their state. */
  newestEntries(limit: number): Promise<readonly QueuedEntry[]>;
  /** The entry that names a seal, and the payload digests it names, in the order they were sealed. */
  entryOfSeal(
    payloadDigest: string,
  ): Promise<{ readonly entry: QueuedEntry; readonly payloadDigests: readonly string[] } | undefined>;

  close(): Promise<void>;
}
