/** The signed statement of a series manifest: spec/series-manifests.md. It names no identifier; its opening does (series-opening.ts). */
import type { Bytes } from "../../foundation/bytes.ts";
import { type RecordSigner, signerAt, signerDocument } from "./record-envelope.ts";
import type { CaptureType } from "./statement.ts";
import {
  badField,
  integerAt,
  type JsonObject,
  oneOf,
  sha256Pattern,
  textAt,
  timeAt,
} from "./statement-fields.ts";
import {
  decodeForm,
  encodeForm,
  type SoftwareName,
  type StatementForm,
  softwareAt,
  softwareDocument,
} from "./statement-form.ts";

/** A list under a salted root, in numbered versions that each name the one before. */
export interface VersionedList {
  readonly signer: RecordSigner;
  /** Of the salted list, hexadecimal. */
  readonly root: string;
  /** SHA-256 of the seed, hexadecimal. */
  readonly seed: string;
  /** From 1. */
  readonly version: number;
  /** Payload digest of the version before, hexadecimal: from version 2 on. */
  readonly previous?: string;
  /** Entries. */
  readonly count: number;
  readonly software: SoftwareName;
  /** The signer's clock: 2026-01-31T23:59:59.123Z. */
  readonly madeAt: string;
}

/** open: what there was so far. closed: all that the device sealed in this series. */
const seriesStates = ["open", "closed"] as const;
export type SeriesManifestState = (typeof seriesStates)[number];

export interface SeriesStatement extends VersionedList {
  /** How the device seals; its role must be the same. */
  readonly type: CaptureType;
  readonly state: SeriesManifestState;
}

/** Versions of one series: a lookup gives 1,000 records at most, and a series that closes every minute for a day is no series. */
export const versionMax = 500;
/** The reader of folders and the log's batches know no longer ones. */
export const seriesEntriesMax = 100_000;

/** @throws ScansealError `seal-structure` for what its reader would refuse */
export function encodeSeriesStatement(statement: SeriesStatement): Bytes {
  return encodeForm(seriesForm, statement);
}

/** @throws ScansealError `seal-structure` */
export function decodeSeriesStatement(bytes: Bytes): SeriesStatement {
  return decodeForm(seriesForm, bytes);
}

const seriesForm: StatementForm<SeriesStatement> = {
  subject: "series",
  kind: "series",
  predicateOf: (s) => listDocument(s, { type: s.type, state: s.state }),
  read: (predicate, root) => ({
    ...listAt(predicate, root),
    type: oneOf(predicate, "type", ["capture", "beside-device"] as const),
    state: oneOf(predicate, "state", seriesStates),
  }),
};

/** What series and study manifests have in common, as a predicate. @param own fields of the kind, after the signer */
export function listDocument(s: VersionedList, own: JsonObject): JsonObject {
  return {
    signer: signerDocument(s.signer),
    ...own,
    version: s.version,
    ...(s.previous === undefined ? {} : { previous: s.previous }),
    count: s.count,
    seed: s.seed,
    software: softwareDocument(s.software),
    madeAt: s.madeAt,
  };
}

/** The same read. @throws ScansealError `seal-structure` */
export function listAt(predicate: JsonObject, root: string): VersionedList {
  const version = integerAt(predicate, "version");
  const count = integerAt(predicate, "count");
  if (version < 1 || version > versionMax) badField("version");
  if (count < 1 || count > seriesEntriesMax) badField("count");
  // The first names none, and every other one does.
  if ((version === 1) !== (predicate.previous === undefined)) badField("previous");
  return {
    signer: signerAt(predicate),
    root,
    version,
    ...(version === 1 ? {} : { previous: textAt(predicate, "previous", sha256Pattern) }),
    count,
    seed: textAt(predicate, "seed", sha256Pattern),
    software: softwareAt(predicate, "software"),
    madeAt: timeAt(predicate, "madeAt"),
  };
}
