/**
 * Records about objects that are kept beside them: a signed statement, and the opening of what it commits to.
 * Receipts, derivations, corrections, approved changes of an archive, series and study manifests (spec/records.md).
 */
import type { Bytes } from "../../foundation/bytes.ts";
import type { LateEntry } from "./late-evidence.ts";

export const recordKinds = [
  "receipt",
  "derivation",
  "correction",
  "archive-changes",
  "series",
  "study",
] as const;
export type RecordKind = (typeof recordKinds)[number];

export interface DetachedRecord {
  readonly kind: RecordKind;
  /** SHA-256 of the statement's payload, lower-case hexadecimal: its name. */
  readonly digest: string;
  /** DSSE with the signer's certificate, as in container xx00. Says nothing of a patient. */
  readonly envelope: Bytes;
  /** What the statement commits to: seeds, tables, UIDs, values. Private; empty for none. */
  readonly opening: Bytes;
}

/** What a record is about. `statement`: it names a manifest or another record by payload digest as its parent. */
export const subjectKinds = ["instance", "series", "study", "statement", "archive"] as const;
export type SubjectKind = (typeof subjectKinds)[number];

export interface RecordSubject {
  readonly kind: SubjectKind;
  /** A UID, a payload digest in hexadecimal, or an archive's name. */
  readonly name: string;
}

/** What the verifier's own site keeps about objects. Nothing in it is trusted: every record is checked as if a stranger had brought it. */
export interface RecordLookup {
  /** Oldest first; at most 1,000. @throws ScansealError `io` */
  about(subject: RecordSubject): Promise<readonly DetachedRecord[]>;
  /** Late evidence kept beside the object. @throws ScansealError `io` */
  lateEvidence(payloadDigest: string): Promise<readonly LateEntry[]>;
  /** When this site first had that manifest or record in hands, in milliseconds since 1970 (time class T2). @throws ScansealError `io` */
  firstSeen(payloadDigest: string): Promise<number | undefined>;
  /** Payload digests that were seen under one number of a key, at most 8. @throws ScansealError `io` */
  counterUses(use: CounterUse): Promise<readonly string[]>;
}

export interface CounterUse {
  /** SHA-256 of the signer's SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly keyFingerprint: string;
  readonly keyEpoch: string;
  readonly counter: number;
}
