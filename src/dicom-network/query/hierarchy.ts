/** The information models' hierarchy (PS3.4 C.6.1.1 and C.6.2.1): levels, and the key that is unique at each. */
import { findElement, plainText } from "../../dicom/elements.ts";
import type { DataElement } from "../../dicom/model.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { Query, QueryLevel } from "./query.ts";

export const queryRetrieveLevelTag: Tag = 0x00080052;

const levels: readonly QueryLevel[] = ["PATIENT", "STUDY", "SERIES", "IMAGE"];

const uniqueKeys: Readonly<Record<QueryLevel, Tag>> = {
  PATIENT: tags.patientId,
  STUDY: tags.studyInstanceUid,
  SERIES: tags.seriesInstanceUid,
  IMAGE: tags.sopInstanceUid,
};

export interface LevelKey {
  readonly level: QueryLevel;
  readonly tag: Tag;
}

/** From the top. Study Root has no PATIENT level: there the Patient ID is a key of a study like others. */
export function uniqueKeysOf(root: Query["root"]): readonly LevelKey[] {
  const own = root === "patient" ? levels : levels.slice(1);
  return own.map((level) => ({ level, tag: uniqueKeys[level] }));
}

/** @throws ScansealError `peer-protocol` without a level of this model */
export function levelOf(elements: readonly DataElement[], root: Query["root"]): QueryLevel {
  const text = plainText(findElement(elements, queryRetrieveLevelTag))?.trim();
  const found = uniqueKeysOf(root).find(({ level }) => level === text);
  if (!found) throw unfit("no Query/Retrieve Level of this model");
  return found.level;
}

/** An identifier that does not fit its SOP class. No values in messages. */
export function unfit(message: string): ScansealError {
  return new ScansealError("peer-protocol", `identifier: ${message}`);
}
