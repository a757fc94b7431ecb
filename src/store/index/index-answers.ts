/** What a match says: the attributes that were asked for, unique keys, and counts (PS3.4 C.6.1.1, PS3.18 10.6.3.3). */

import type { JsonDataSet, JsonElement } from "../../dicom/json/json-model.ts";
import type { QueryLevel } from "../../dicom-network/query/query.ts";
import { imageAttributes, levelOf, patientAttributes } from "./levels.ts";
import type { SearchPlan } from "./search-plan.ts";

export interface Totals {
  readonly studies: number;
  readonly series: number;
  readonly instances: number;
}

export interface StudyFacts extends Totals {
  readonly modalities: readonly string[];
  readonly sopClasses: readonly string[];
}

/** Attributes of the rows that match together. */
export interface MatchedRows {
  readonly study: JsonDataSet;
  readonly series?: JsonDataSet;
  readonly image?: JsonDataSet;
}

/** In every answer, asked or not: by them the match is asked for. */
const uniqueKeys: Readonly<Record<QueryLevel, readonly string[]>> = {
  PATIENT: ["00100020", "00100021"],
  STUDY: ["0020000D"],
  SERIES: ["0020000D", "0020000E"],
  IMAGE: ["0020000D", "0020000E", "00080018", "00080016"],
};

export function matchOf(
  { level, asked, isEverythingAsked }: SearchPlan,
  { study, series, image }: MatchedRows,
  facts: Partial<StudyFacts> | undefined,
): JsonDataSet {
  const computed = computedOf(level, facts);
  const patient = level === "PATIENT" ? patientAttributes(study) : study;
  if (!isEverythingAsked) {
    const tags = [...new Set([...asked, ...uniqueKeys[level]])].sort();
    // Of an instance what its series and study say is theirs to say.
    const known = (tag: string): JsonElement | undefined =>
      computed[tag] ?? patient[tag] ?? series?.[tag] ?? (levelOf(tag) === "IMAGE" ? image?.[tag] : undefined);
    return Object.fromEntries(tags.flatMap((tag) => (known(tag) ? [[tag, known(tag)!]] : [])));
  }
  const all = { ...(image ? imageAttributes(image) : {}), ...series, ...patient, ...computed };
  return Object.fromEntries(
    Object.keys(all)
      .sort()
      .map((tag) => [tag, all[tag]!]),
  );
}

function computedOf(level: QueryLevel, facts: Partial<StudyFacts> = {}): Record<string, JsonElement> {
  const out: Record<string, JsonElement> = { "00080056": { vr: "CS", Value: ["ONLINE"] } };
  const number = (tag: string, value = 0): void => {
    out[tag] = { vr: "IS", Value: [value] };
  };
  const texts = (tag: string, vr: string, values: readonly string[] = []): void => {
    out[tag] = values.length === 0 ? { vr } : { vr, Value: values };
  };
  if (level === "PATIENT") {
    number("00201200", facts.studies);
    number("00201202", facts.series);
    number("00201204", facts.instances);
  } else if (level === "STUDY") {
    texts("00080061", "CS", facts.modalities);
    texts("00080062", "UI", facts.sopClasses);
    number("00201206", facts.series);
    number("00201208", facts.instances);
  } else if (level === "SERIES") number("00201209", facts.instances);
  return out;
}
