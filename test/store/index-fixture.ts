/** Entries of the index and queries. */
import type { JsonDataSet, JsonElement, JsonPersonName } from "../../src/dicom/json/json-model.ts";
import type { Matching, Query, QueryKey, QueryLevel } from "../../src/dicom-network/query/query.ts";
import type { IndexedJournal } from "../../src/store/index/indexed-journal.ts";
import type { IndexEntry } from "../../src/store/index/instance-index.ts";

/** One empty database, opened once. */
export interface IndexHarness {
  readonly stores: IndexedJournal;
  close(): Promise<void>;
}

export function element(vr: string, ...values: readonly (string | number | JsonPersonName)[]): JsonElement {
  return values.length === 0 ? { vr } : { vr, Value: values };
}

export interface EntryChoice {
  readonly study?: number;
  readonly series?: number;
  readonly instance?: number;
  /** The order of admission, and the object's id. */
  readonly version?: number;
  readonly basis?: string;
  readonly attributes?: JsonDataSet;
}

export function uidOf(study: number, series?: number, instance?: number): string {
  return ["2.25", study, series, instance].filter((part) => part !== undefined).join(".");
}

export function entryOf({
  study = 1,
  series = 1,
  instance = 1,
  version = instance,
  basis = "verified",
  attributes = {},
}: EntryChoice): IndexEntry {
  const uids = {
    studyInstanceUid: uidOf(study),
    seriesInstanceUid: uidOf(study, series),
    sopInstanceUid: uidOf(study, series, instance),
    sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
  };
  const all: Record<string, JsonElement> = {
    "00080016": element("UI", uids.sopClassUid),
    "00080018": element("UI", uids.sopInstanceUid),
    "00080060": element("CS", "CT"),
    "00100010": element("PN", { Alphabetic: "Doe^Jane" }),
    "00100020": element("LO", `P${study}`),
    "0020000D": element("UI", uids.studyInstanceUid),
    "0020000E": element("UI", uids.seriesInstanceUid),
    "00200011": element("IS", series),
    "00200013": element("IS", instance),
    ...attributes,
  };
  return {
    ...uids,
    transferSyntaxUid: "1.2.840.10008.1.2.1",
    objectId: `object-${String(version).padStart(6, "0")}`,
    digest: String(version).padStart(64, "0"),
    payloadDigest: version % 2 === 0 ? "f".repeat(64) : undefined,
    verdict: "verified",
    basis,
    assurance: "in-device",
    admittedAt: 1_000 + version,
    attributes: Object.fromEntries(
      Object.keys(all)
        .sort()
        .map((tag) => [tag, all[tag]!]),
    ),
  };
}

export function queryFor(level: QueryLevel, keys: readonly QueryKey[], other: Partial<Query> = {}): Query {
  return { root: "study", level, keys, isEverythingAsked: false, offset: 0, limit: undefined, ...other };
}

export function key(tag: number | readonly number[], match: Matching): QueryKey {
  return { path: typeof tag === "number" ? [tag] : tag, match };
}

export const single = (value: string): Matching => ({ kind: "single", value });
export const wildcard = (pattern: string): Matching => ({ kind: "wildcard", pattern });
export const universal: Matching = { kind: "universal" };

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

/** The first value as text. */
export function textOf(attributes: JsonDataSet, tag: string): string {
  return String(attributes[tag]?.Value?.[0] ?? "");
}
