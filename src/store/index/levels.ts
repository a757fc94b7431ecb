/** Which attributes say something of the patient, of the study and of the series: the modules of PS3.3 C.7.1 to C.7.3 and what is asked of orders. */

import type { JsonDataSet, JsonElement } from "../../dicom/json/json-model.ts";
import type { QueryLevel } from "../../dicom-network/query/query.ts";

const patientTags: readonly string[] = words(`
  00100010 00100020 00100021 00100022 00100024 00100030 00100032 00100040 00101000 00101001 00101002 00102160
  00102201 00102202 00102203 00102292 00102293 00102294 00102297 00102298 00102299 00104000 00120062 00120063 00120064`);

const studyTags: readonly string[] = words(`
  0020000D 00080020 00080030 00080050 00080051 00080090 00080096 0008009C 00081030 00081032 00081048 00081049 00081060 00081062
  00081080 00081084 00101010 00101020 00101022 00101030 00102000 00102110 00102180 001021B0 001021C0 001021D0
  00200010 00321032 00321033 00321060 00321064 00380010 00380014 00380060 00401012`);

const seriesTags: readonly string[] = words(`
  0020000E 00080021 00080031 00080060 00080068 00080070 00080080 00080081 00081010 0008103E 0008103F 00081040 00081050 00081052 00081070
  00081072 00081090 00081111 00081250 00180015 00181000 00181020 00181030 00185100 00200011 00200052 00200060 00201040
  00102210 00400244 00400245 00400250 00400251 00400253 00400254 00400260 00400275 00400280`);

const levelOfTag: ReadonlyMap<string, QueryLevel> = new Map([
  ...patientTags.map((tag) => [tag, "PATIENT"] as const),
  ...studyTags.map((tag) => [tag, "STUDY"] as const),
  ...seriesTags.map((tag) => [tag, "SERIES"] as const),
]);

const depths: Readonly<Record<QueryLevel, number>> = { PATIENT: 0, STUDY: 1, SERIES: 2, IMAGE: 3 };

/** Of the attributes of instances everything that is not above. */
export function levelOf(tag: string): QueryLevel {
  return levelOfTag.get(tag) ?? "IMAGE";
}

export function isBelow(level: QueryLevel, other: QueryLevel): boolean {
  return depths[level] > depths[other];
}

/** Of patient and study. */
export function studyAttributes(attributes: JsonDataSet): JsonDataSet {
  return pick(attributes, (level) => level === "PATIENT" || level === "STUDY");
}

export function seriesAttributes(attributes: JsonDataSet): JsonDataSet {
  return pick(attributes, (level) => level === "SERIES");
}

export function patientAttributes(attributes: JsonDataSet): JsonDataSet {
  return pick(attributes, (level) => level === "PATIENT");
}

export function imageAttributes(attributes: JsonDataSet): JsonDataSet {
  return pick(attributes, (level) => level === "IMAGE");
}

function pick(attributes: JsonDataSet, fits: (level: QueryLevel) => boolean): JsonDataSet {
  const out: Record<string, JsonElement> = {};
  for (const [tag, element] of Object.entries(attributes)) if (fits(levelOf(tag))) out[tag] = element;
  return out;
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
