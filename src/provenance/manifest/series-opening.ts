/** What series and study manifests commit to, kept beside them: spec/series-manifests.md. Private: UIDs are in it. */
import { uidForm } from "../../dicom/uid.ts";
import { type Bytes, fromHex, fromLatin1, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { saltedRoot } from "../disclosure/salted-list.ts";
import { seriesEntriesMax, versionMax } from "./series-statement.ts";
import { arrayAt, badField, integerAt, type JsonObject, sha256Pattern, textAt } from "./statement-fields.ts";
import { isArray, isObject, type JsonValue, parseJson } from "./strict-json.ts";

/** One instance of a series. */
export interface SeriesEntry {
  readonly sopInstanceUid: string;
  /** Of its capture manifest's payload, hexadecimal. */
  readonly payloadDigest: string;
  /** (0020,0013) as it was sealed; null where it has none that is a number. */
  readonly instanceNumber: number | null;
}

export interface SeriesOpening {
  /** 32 bytes. */
  readonly seed: Bytes;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** In the order of the series; no UID twice. */
  readonly entries: readonly SeriesEntry[];
}

/** One series of a study: its newest closed manifest. */
export interface StudyEntry {
  readonly seriesInstanceUid: string;
  /** Payload digest of the series manifest, hexadecimal. */
  readonly manifest: string;
  readonly version: number;
  /** Instances. */
  readonly count: number;
}

export interface StudyOpening {
  /** 32 bytes. */
  readonly seed: Bytes;
  readonly studyInstanceUid: string;
  /** By ascending UID; none twice. */
  readonly entries: readonly StudyEntry[];
}

/** 100,000 entries with the longest UIDs and numbers are 15.3 MB. */
const openingBytesMax = 16 << 20;
const numberMin = -(2 ** 31);
const numberMax = 2 ** 31 - 1;

/** @throws ScansealError `seal-structure` for what no reader would take */
export function encodeSeriesOpening(opening: SeriesOpening): Bytes {
  const bytes = fromLatin1(JSON.stringify(seriesDocument(opening)));
  decodeSeriesOpening(bytes);
  return bytes;
}

function seriesDocument({ seed, studyInstanceUid, seriesInstanceUid, entries }: SeriesOpening): JsonValue {
  return {
    seed: toHex(seed),
    study: studyInstanceUid,
    series: seriesInstanceUid,
    entries: entries.map((entry) => [entry.sopInstanceUid, entry.payloadDigest, entry.instanceNumber]),
  };
}

/** Reads an opening; its bytes must be those that `encodeSeriesOpening` writes. @throws ScansealError `seal-structure` */
export function decodeSeriesOpening(bytes: Bytes): SeriesOpening {
  const { written, document, seed } = documentIn(bytes);
  const opening: SeriesOpening = {
    seed,
    studyInstanceUid: textAt(document, "study", uidForm),
    seriesInstanceUid: textAt(document, "series", uidForm),
    entries: arrayAt(document, "entries", seriesEntriesMax).map(seriesEntryOf),
  };
  const uids = new Set(opening.entries.map(({ sopInstanceUid }) => sopInstanceUid));
  if (uids.size !== opening.entries.length) badField("entries");
  if (written !== JSON.stringify(seriesDocument(opening))) badField("encoding");
  return opening;
}

function seriesEntryOf(value: JsonValue): SeriesEntry {
  const [uid, digest, number] = isArray(value) ? value : [];
  const fields = { uid: uid ?? null, digest: digest ?? null };
  const isNumber = Number.isSafeInteger(number) && (number as number) >= numberMin;
  if (number !== null && !(isNumber && (number as number) <= numberMax)) badField("entries");
  return {
    sopInstanceUid: textAt(fields, "uid", uidForm),
    payloadDigest: textAt(fields, "digest", sha256Pattern),
    instanceNumber: number as number | null,
  };
}

/** @throws ScansealError `seal-structure` for what no reader would take */
export function encodeStudyOpening(opening: StudyOpening): Bytes {
  const bytes = fromLatin1(JSON.stringify(studyDocument(opening)));
  decodeStudyOpening(bytes);
  return bytes;
}

function studyDocument({ seed, studyInstanceUid, entries }: StudyOpening): JsonValue {
  return {
    seed: toHex(seed),
    study: studyInstanceUid,
    entries: entries.map((entry) => [entry.seriesInstanceUid, entry.manifest, entry.version, entry.count]),
  };
}

/** Reads an opening; its bytes must be those that `encodeStudyOpening` writes. @throws ScansealError `seal-structure` */
export function decodeStudyOpening(bytes: Bytes): StudyOpening {
  const { written, document, seed } = documentIn(bytes);
  const opening: StudyOpening = {
    seed,
    studyInstanceUid: textAt(document, "study", uidForm),
    entries: arrayAt(document, "entries", seriesEntriesMax).map(studyEntryOf),
  };
  const uids = opening.entries.map(({ seriesInstanceUid }) => seriesInstanceUid);
  if (uids.some((uid, i) => i > 0 && uids[i - 1]! >= uid)) badField("entries");
  if (written !== JSON.stringify(studyDocument(opening))) badField("encoding");
  return opening;
}

function studyEntryOf(value: JsonValue): StudyEntry {
  const [series, manifest, version, count] = isArray(value) ? value : [];
  const fields = {
    series: series ?? null,
    manifest: manifest ?? null,
    version: version ?? null,
    count: count ?? null,
  };
  const entry = {
    seriesInstanceUid: textAt(fields, "series", uidForm),
    manifest: textAt(fields, "manifest", sha256Pattern),
    version: integerAt(fields, "version"),
    count: integerAt(fields, "count"),
  };
  if (entry.version < 1 || entry.version > versionMax) badField("entries");
  if (entry.count < 1 || entry.count > seriesEntriesMax) badField("entries");
  return entry;
}

function documentIn(bytes: Bytes): {
  readonly written: string;
  readonly document: JsonObject;
  readonly seed: Bytes;
} {
  if (bytes.length > openingBytesMax) badField("opening");
  const { text: written, value: document } = parseJson(bytes);
  if (!isObject(document)) badField("opening");
  return { written, document, seed: fromHex(textAt(document, "seed", sha256Pattern)) };
}

/** The root that a series manifest signs: which series it is, then its entries. */
export function seriesRoot(crypto: Crypto, opening: SeriesOpening): string {
  const { seed, studyInstanceUid, seriesInstanceUid, entries } = opening;
  const texts = entries.map(({ sopInstanceUid, payloadDigest, instanceNumber }) => [
    sopInstanceUid,
    payloadDigest,
    instanceNumber === null ? "" : String(instanceNumber),
  ]);
  return saltedRoot(crypto, seed, [[studyInstanceUid, seriesInstanceUid], ...texts]);
}

/** The root that a study manifest signs. */
export function studyRoot(crypto: Crypto, { seed, studyInstanceUid, entries }: StudyOpening): string {
  const texts = entries.map(({ seriesInstanceUid, manifest, version, count }) => [
    seriesInstanceUid,
    manifest,
    String(version),
    String(count),
  ]);
  return saltedRoot(crypto, seed, [[studyInstanceUid], ...texts]);
}
