/** What the reading desk needs from outside: archives, what was admitted, a place for what is fetched. */
import type { Bytes } from "../../../foundation/bytes.ts";
import type { MalformedCode } from "../../../foundation/errors.ts";
import type { FileExtent } from "../../../store/spool/spool.ts";
import type { Opened } from "../../quarantine/opened.ts";
import type { VerifiedObject } from "./read.ts";

/** An instance by its place: UIDs of digits and dots, at most 64 characters each. */
export interface InstanceName {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  /** Where it is known: some archives are asked class by class. */
  readonly sopClassUid?: string | undefined;
}

/** A study, one of its series, or one instance. */
export interface ReadScope {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string | undefined;
  readonly sopInstanceUid?: string | undefined;
}

/** What the gate admitted under an instance's UID, from its index. */
export interface AdmittedEntry extends InstanceName {
  readonly sopClassUid: string;
  /** Journal id. */
  readonly objectId: string;
  /** SHA-256 of the admitted file, hexadecimal; the key of a replica. */
  readonly digest: string;
  /** SHA-256 of the manifest's payload; undefined for what was admitted without a trusted seal. */
  readonly payloadDigest: string | undefined;
  readonly verdict: string;
  readonly instanceNumber?: number | undefined;
}

export interface AdmittedInstances {
  /** In the order of the study: by series, then instance number. @throws ScansealError `io` */
  entriesOf(scope: ReadScope): AsyncIterable<AdmittedEntry>;
}

/** What the journal knows of admissions: the index and the archives are a moment behind it. */
export interface Admissions {
  /** What was admitted under this name; undefined where nothing was. @throws ScansealError `io` */
  entryOf(instance: InstanceName): Promise<AdmittedEntry | undefined>;
  /** False where it was still on its way to a destination at this moment (milliseconds since 1970): nobody need have it. @throws ScansealError `io` */
  wasDelivered(objectId: string, before: number): Promise<boolean>;
}

/** An archive to read from. Nothing that it says or gives is believed. */
export interface ReadableArchive {
  /** As the configuration has it. */
  readonly name: string;
  /** Non-conformances let pass in what it returns. */
  readonly tolerate: readonly MalformedCode[];
  /** What it says it has. Names are well formed and within the scope, each once. @throws ScansealError `network`, `timeout`, `peer-*` */
  list(scope: ReadScope): AsyncIterable<InstanceName>;
  /**
   * The Part 10 file, in the transfer syntax it is kept in. Undefined where it has no such instance. Resolves when its bytes begin.
   * @param onAsked called when its turn has come, and the archive is asked
   * @throws ScansealError `network`, `timeout`, `peer-*`, also while the bytes come
   */
  fetch(instance: InstanceName, onAsked?: () => void): Promise<AsyncIterable<Bytes> | undefined>;
}

/** A file that was fetched, in a private place, to be examined and sent; plain data but for `free`. */
export interface StagedObject {
  readonly extents: readonly FileExtent[];
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
  /** Its bytes again, hashed as they leave: the last piece comes only when they are those that were staged. @throws ScansealError `io` */
  read(offset?: number): AsyncIterable<Bytes>;
  /** Its place is used for others. Idempotent. */
  free(): Promise<void>;
}

export interface Staging {
  /** @throws ScansealError `storage-full` without room, `limit-*` above the largest object, `io`; what `bytes` throws: nothing stays */
  stage(bytes: AsyncIterable<Bytes>): Promise<StagedObject>;
}

/** Copies that the gate keeps of what it admitted. */
export interface Replicas {
  /** Without a look at its bytes. @throws ScansealError `io` */
  has(admitted: Pick<AdmittedEntry, "objectId" | "digest">): Promise<boolean>;
  /**
   * Undefined where none is kept. @throws ScansealError `io`; while the bytes come also `internal`: they are not those that were admitted, which is
   * told already
   */
  open(admitted: Pick<AdmittedEntry, "objectId" | "digest">): Promise<AsyncIterable<Bytes> | undefined>;
}

/** Who asks: a reader of the configuration. */
export interface Reader {
  readonly name: string;
}

/** In quarantine. */
export interface HeldInstance extends InstanceName {
  readonly objectId: string;
  readonly digest: string;
  readonly verdict: string;
  /** Of its findings that are errors. */
  readonly codes: readonly string[];
}

/** What is in quarantine, and for whom people opened it (quarantine/opened.ts). Every method: @throws ScansealError `io` */
export interface Quarantine {
  /** Held when it arrived, and never admitted. Each SOP Instance UID once, the one that came last. */
  held(scope: ReadScope): Promise<readonly HeldInstance[]>;
  /** In whatever way it came into quarantine: what two people released to this reader. */
  releasedTo(reader: string, instance: InstanceName): Promise<HeldInstance | undefined>;
  /**
   * Undefined where nobody opened it for this reader at this moment. @param held whose bytes it is; undefined for what was returned just now, which
   * only an emergency opens
   */
  openerFor(reader: string, studyInstanceUid: string, held?: HeldInstance): Promise<Opener | undefined>;
}

/** Makes the proof. Undefined where it is not what was opened, or the time is over. */
export type Opener = (object: VerifiedObject) => Opened<VerifiedObject> | undefined;
