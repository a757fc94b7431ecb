/** The same search over a plain list, written from the standard, without the index' own helpers: what the index is compared with. */

import type { JsonDataSet, JsonElement, JsonPersonName } from "../../src/dicom/json/json-model.ts";
import type { Matching, Query } from "../../src/dicom-network/query/query.ts";
import type { IndexEntry } from "../../src/store/index/instance-index.ts";
import { element, textOf } from "./index-fixture.ts";

const ofPatient = ["00100010", "00100020", "00100030", "00100040"];
const ofStudy = [
  ...ofPatient,
  "0020000D",
  "00080020",
  "00080030",
  "00080050",
  "00081030",
  "00080090",
  "00200010",
];
const ofSeries = ["0020000E", "00080060", "00200011", "0008103E", "00180015", "00400244", "00080070"];
const depth = { PATIENT: 0, STUDY: 1, SERIES: 2, IMAGE: 3 };

function levelOfTag(tag: string): number {
  if (ofPatient.includes(tag)) return 0;
  if (ofStudy.includes(tag) || tag === "00080061") return 1;
  return ofSeries.includes(tag) ? 2 : 3;
}

/** UIDs of the matches, in order; of a patient its ID. */
export function naiveSearch(entries: readonly IndexEntry[], query: Query): string[] {
  const standing = standingOf(entries);
  const oldest = (list: readonly IndexEntry[]): JsonDataSet =>
    list.reduce((a, b) => (before(b, a) ? b : a)).attributes;
  const studies = Map.groupBy(standing, (entry) => entry.studyInstanceUid);
  const rows: { set: JsonDataSet; order: (string | number)[]; uid: string }[] = [];
  const found = new Set<string>();
  const byPatient = Map.groupBy(studies.values(), (list) => textOf(oldest(list), "00100020"));
  for (const list of studies.values()) {
    const study = oldest(list);
    const modalities = [...Map.groupBy(list, (entry) => entry.seriesInstanceUid).values()].map((one) =>
      textOf(oldest(one), "00080060"),
    );
    const patient = textOf(study, "00100020");
    const first = byPatient.get(patient)!.reduce((a, b) => (before(oldestEntry(b), oldestEntry(a)) ? b : a));
    if (query.level === "PATIENT" && first !== list) continue;
    for (const entry of list) {
      const series = oldest(list.filter((other) => other.seriesInstanceUid === entry.seriesInstanceUid));
      const set: Record<string, JsonElement> = { "00080061": element("CS", ...modalities) };
      for (const [tag, from] of [
        [0, study],
        [1, study],
        [2, series],
        [3, entry.attributes],
      ] as const)
        for (const name of Object.keys(from))
          if (levelOfTag(name) === tag && tag <= depth[query.level]) set[name] = from[name]!;
      const uid = [patient, entry.studyInstanceUid, entry.seriesInstanceUid, entry.sopInstanceUid][
        depth[query.level]
      ]!;
      if (found.has(uid)) continue;
      found.add(uid);
      const date = textOf(study, "00080020");
      const order = [
        ...(query.level === "PATIENT" ? [] : [-Number(date || 0), entry.studyInstanceUid]),
        ...(depth[query.level] >= 2 ? [numberOf(series, "00200011"), entry.seriesInstanceUid] : []),
        ...(query.level === "IMAGE" ? [numberOf(entry.attributes, "00200013"), entry.sopInstanceUid] : []),
        patient,
      ];
      rows.push({ set, order, uid });
    }
  }
  const matching = rows.filter(({ set }) => isMatch(set, query));
  matching.sort((a, b) => compare(a.order, b.order));
  const end = query.limit === undefined ? undefined : query.offset + query.limit;
  return matching.slice(query.offset, end).map(({ uid }) => uid);
}

export function standingOf(entries: readonly IndexEntry[]): IndexEntry[] {
  const out = new Map<string, IndexEntry>();
  for (const entry of entries) {
    const other = out.get(entry.sopInstanceUid);
    if (!other || entry.admittedAt > other.admittedAt) out.set(entry.sopInstanceUid, entry);
  }
  return [...out.values()];
}

function oldestEntry(list: readonly IndexEntry[]): IndexEntry {
  return list.reduce((a, b) => (before(b, a) ? b : a));
}

const proven = ["verified", "verified-with-changes"];

function before(a: IndexEntry, b: IndexEntry): boolean {
  const orderOf = (entry: IndexEntry): (string | number)[] => [
    proven.includes(entry.basis) ? 0 : entry.basis === "received" ? 1 : 2,
    entry.admittedAt,
    entry.sopInstanceUid,
  ];
  return compare(orderOf(a), orderOf(b)) < 0;
}

function numberOf(set: JsonDataSet, tag: string): number {
  const text = textOf(set, tag);
  return text === "" ? Number.MAX_SAFE_INTEGER : Number(text);
}

function compare(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [n, value] of a.entries()) {
    if (value !== b[n]) return value < b[n]! ? -1 : 1;
  }
  return 0;
}

function isMatch(set: JsonDataSet, query: Query): boolean {
  const rangeOf = (tag: number) =>
    query.keys.find(({ path, match }) => path[0] === tag && match.kind === "range");
  const isCombined = query.isDateTimeCombined && rangeOf(0x00080020) && rangeOf(0x00080030);
  return query.keys.every(({ path, match }) => {
    const tag = path[0]!.toString(16).toUpperCase().padStart(8, "0");
    if (levelOfTag(tag) > depth[query.level]) return true;
    if (isCombined && tag === "00080020") return isMomentMatch(set, match, rangeOf(0x00080030)!.match);
    if (isCombined && tag === "00080030") return true;
    return isValueMatch(set[tag], match);
  });
}

function isMomentMatch(set: JsonDataSet, date: Matching, time: Matching): boolean {
  if (date.kind !== "range" || time.kind !== "range") return false;
  const day = textOf(set, "00080020");
  const moment = day + (textOf(set, "00080030") || "000000").padEnd(6, "0");
  return (
    day !== "" &&
    (date.from === undefined || moment >= date.from + (time.from ?? "").padEnd(6, "0")) &&
    (date.to === undefined || moment <= date.to + (time.to ?? "23").padEnd(6, "59"))
  );
}

function isValueMatch(found: JsonElement | undefined, match: Matching): boolean {
  if (match.kind === "universal" || (match.kind === "wildcard" && /^\*+$/.test(match.pattern))) return true;
  const values = (found?.Value ?? []).flatMap((value) =>
    found?.vr === "PN"
      ? Object.values(value as JsonPersonName).map((name: string) => name.toLowerCase())
      : [String(value)],
  );
  const fold = (text: string): string => (found?.vr === "PN" ? text.toLowerCase() : text);
  return values.some((value) => {
    switch (match.kind) {
      case "single":
        return found?.vr === "TM"
          ? value.padEnd(6, "0") === match.value.padEnd(6, "0")
          : value === fold(match.value);
      case "uids":
        return match.values.includes(value);
      case "wildcard":
        return isPatternMatch(value, fold(match.pattern));
      case "range": {
        const low = found?.vr === "TM" ? value.padEnd(6, "0") : value;
        const to = found?.vr === "TM" ? match.to?.padEnd(6, "59") : match.to;
        return (
          (match.from === undefined || low >= match.from.padEnd(6, "0")) && (to === undefined || low <= to)
        );
      }
      default:
        return false;
    }
  });
}

function isPatternMatch(text: string, pattern: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "su").test(text);
}
