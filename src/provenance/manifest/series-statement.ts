/** The signed statement of a series manifest: spec/series-manifests.md. It names no identifier; its opening does (series-opening.ts). */
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";
import { type RecordSigner, signerAt } from "./record-envelope.ts";
import type { CaptureType } from "./statement.ts";
import {
  badField,
  integerAt,
  type JsonObject,
  labelPattern,
  objectAt,
  oneOf,
  sha256Pattern,
  textAt,
  timeAt,
} from "./statement-fields.ts";
import { isArray, isObject, type JsonValue, parseJson } from "./strict-json.ts";

const statementType = "https://in-toto.io/Statement/v1";

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
  readonly software: { readonly name: string; readonly version: string };
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

/** The payload's bytes: one line of JSON in the order of the specification, ASCII only. @throws ScansealError `seal-structure` */
export function encodeSeriesStatement(statement: SeriesStatement): Bytes {
  const bytes = fromLatin1(JSON.stringify(documentOf(statement)));
  // What is written can be read: the checks of the reader are the checks of the writer.
  decodeSeriesStatement(bytes);
  return bytes;
}

function documentOf(s: SeriesStatement): JsonValue {
  return listDocument("series", s, { type: s.type, state: s.state });
}

/** Reads a payload; its bytes must be those that `encodeSeriesStatement` writes. @throws ScansealError `seal-structure` */
export function decodeSeriesStatement(bytes: Bytes): SeriesStatement {
  const { text: written, value: document } = parseJson(bytes);
  const predicate = objectAt(document, "predicate");
  const statement: SeriesStatement = {
    ...listAt(document, predicate),
    type: oneOf(predicate, "type", ["capture", "beside-device"] as const),
    state: oneOf(predicate, "state", seriesStates),
  };
  if (written !== JSON.stringify(documentOf(statement))) badField("encoding");
  return statement;
}

/** What series and study manifests have in common, as a document. @param own fields of the kind, after the signer */
export function listDocument(
  name: "series" | "study",
  s: VersionedList,
  own: Readonly<Record<string, JsonValue>>,
): JsonValue {
  return {
    _type: statementType,
    subject: [{ name, digest: { scansealRoot: s.root } }],
    predicateType: `https://scanseal.org/${name}/v1`,
    predicate: {
      signer: { certificate: s.signer.certificate, hash: s.signer.hash },
      ...own,
      version: s.version,
      ...(s.previous === undefined ? {} : { previous: s.previous }),
      count: s.count,
      seed: s.seed,
      software: { name: s.software.name, version: s.software.version },
      madeAt: s.madeAt,
    },
  };
}

/** The same read. @throws ScansealError `seal-structure` */
export function listAt(document: JsonValue, predicate: JsonObject): VersionedList {
  const subjects = isObject(document) ? document.subject : undefined;
  const subject = isArray(subjects) ? subjects[0] : undefined;
  const software = objectAt(predicate, "software");
  const version = integerAt(predicate, "version");
  const count = integerAt(predicate, "count");
  if (version < 1 || version > versionMax) badField("version");
  if (count < 1 || count > seriesEntriesMax) badField("count");
  // The first names none, and every other one does.
  if ((version === 1) !== (predicate.previous === undefined)) badField("previous");
  return {
    signer: signerAt(predicate),
    root: textAt(objectAt(subject, "digest"), "scansealRoot", sha256Pattern),
    version,
    ...(version === 1 ? {} : { previous: textAt(predicate, "previous", sha256Pattern) }),
    count,
    seed: textAt(predicate, "seed", sha256Pattern),
    software: {
      name: textAt(software, "name", labelPattern),
      version: textAt(software, "version", labelPattern),
    },
    madeAt: timeAt(predicate, "madeAt"),
  };
}
