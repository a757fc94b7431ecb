/** Port: admitted objects that are not in the index yet. The judgement's transaction puts them here, so that none is forgotten. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { JudgedObject } from "../journal/journal.ts";

/** Part of a judgement. */
export interface ToIndex {
  /** `packedJson` of all of the data set but bulk values; undefined: to be read from the kept bytes. */
  readonly attributes: Bytes | undefined;
  /** SHA-256 of the manifest's payload, of a trusted seal, also where entries were corrected since. */
  readonly payloadDigest: string | undefined;
}

export interface WaitingObject {
  readonly object: JudgedObject;
  /** Of its trusted seal. */
  readonly payloadDigest: string | undefined;
  /** As the examiner read them (`packedJson`); undefined: the kept bytes are to be read. */
  readonly attributes: Bytes | undefined;
}

export interface IndexQueueCounts {
  readonly waiting: number;
  /** By the reason why they cannot be put into the index. */
  readonly problems: Readonly<Record<string, number>>;
}

/** Every method: @throws ScansealError `io`, `storage-full` */
export interface IndexQueue {
  /** Oldest first. 1 to 1,000. */
  waiting(limit: number): Promise<readonly WaitingObject[]>;
  /** They are in the index. */
  settled(objectIds: readonly string[]): Promise<void>;
  /** It waits no more, and stays listed. @param problem one of few sentences, without patient data */
  failed(objectId: string, problem: string): Promise<void>;
  /** What failed waits once more. @returns how many */
  retry(): Promise<number>;
  /** Admitted objects that are neither in the index nor here: admitted before there was an index, say. In pieces. @returns how many it added */
  addMissing(): Promise<number>;
  counts(): Promise<IndexQueueCounts>;
}
