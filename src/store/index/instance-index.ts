/**
 * Port: the gate's index of verified attributes. It answers queries and gives metadata; for bytes it is never trusted. One row for an instance:
 * of two versions the one admitted later stands.
 */

import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import type { Query, QueryLevel } from "../../dicom-network/query/query.ts";

/** What the gate admitted, and what was read of it when it was verified. */
export interface IndexEntry {
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** Of the journal. */
  readonly objectId: string;
  /** SHA-256 of the admitted file, hexadecimal. */
  readonly digest: string;
  /** SHA-256 of the manifest's payload; undefined without a trusted seal. */
  readonly payloadDigest: string | undefined;
  readonly verdict: string;
  readonly basis: string;
  readonly assurance: string | undefined;
  readonly admittedAt: number;
  /** All of the data set but bulk values. */
  readonly attributes: JsonDataSet;
}

export interface IndexedInstance extends Omit<IndexEntry, "attributes"> {
  readonly instanceNumber: number | undefined;
  /** (0028,0008), (0028,0010), (0028,0011). */
  readonly frames: number | undefined;
  readonly rows: number | undefined;
  readonly columns: number | undefined;
}

export interface Superseded {
  readonly sopInstanceUid: string;
  readonly objectId: string;
  /** The version that stands. */
  readonly by: string;
}

/** UIDs. Without a series the whole study, without an instance the whole series. */
export interface IndexScope {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string | undefined;
  readonly sopInstanceUid?: string | undefined;
}

export interface IndexCounts {
  readonly patients: number;
  readonly studies: number;
  readonly series: number;
  readonly instances: number;
  /** Instances that say something else of their patient or study than the study's first instance, and of their series than its first: it stands. */
  readonly differingFromStudy: number;
  readonly differingFromSeries: number;
}

/** Makes of a match, or of an instance's metadata, what says that it was never verified. */
export type UnprovenForm = (match: JsonDataSet, level: QueryLevel) => JsonDataSet;

/** Every method: @throws ScansealError `io`, `storage-full`; `usage` for what cannot be kept or asked. */
export interface InstanceIndex {
  /**
   * In one transaction. An object that is here already is left alone. Whatever the order of the calls, the version admitted last stands.
   * @returns the other versions
   */
  put(entries: readonly IndexEntry[]): Promise<readonly Superseded[]>;
  /** Instances, by SOP Instance UID. Their series and study are derived from what is left. */
  remove(sopInstanceUids: readonly string[]): Promise<void>;
  /**
   * Matches in order: study date (latest first) and UID, series number and UID, instance number and UID; patients by ID. Attributes of patient and
   * study are those of the study's first instance, of a series those of its first: the best proven, of these the oldest. Keys of lower levels than the query's are not looked at.
   * @param unproven as those are given that were let in and never verified; undefined: as the others
   * @throws ScansealError `usage` where more than 100,000 rows would have to be looked at one by one: what was given so far is not all
   */
  search(query: Query, unproven?: UnprovenForm): AsyncIterable<JsonDataSet>;
  /** By series (number, UID), instance number, UID. */
  instancesOf(scope: IndexScope): AsyncIterable<IndexedInstance>;
  /** What each instance says itself, in the order of `instancesOf`. @param unproven as of `search` */
  metadataOf(scope: IndexScope, unproven?: UnprovenForm): AsyncIterable<JsonDataSet>;
  counts(): Promise<IndexCounts>;
  /** All rows made anew from the attributes that were kept: after a program that derives them otherwise. @returns how many instances */
  rederive(): Promise<number>;
}
