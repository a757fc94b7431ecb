/** C-MOVE and C-GET identifiers (PS3.4 C.4.2.1.4 and C.4.3.1.3): the unique keys of what is to be retrieved, and nothing else. */
import { characterSetOf, displayText, type TextDecoding } from "../../dicom/character-sets.ts";
import { findElement } from "../../dicom/elements.ts";
import { type NewElement, textElement } from "../../dicom/encode.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import { elementOf, type Tag, tags } from "../../dicom/tags.ts";
import { isWellFormedUid } from "../../dicom/uid.ts";
import { utf8 } from "../../foundation/bytes.ts";
import { levelOf, queryRetrieveLevelTag, unfit, uniqueKeysOf } from "./hierarchy.ts";
import type { Query, QueryLevel } from "./query.ts";

/** What is to be retrieved: one entity at each level above `level`, one or more at it, all below. */
export interface RetrieveIdentifier {
  readonly root: Query["root"];
  readonly level: QueryLevel;
  /** Of Patient Root the key of the patient; in Study Root, where viewers send it beside UIDs, a further condition. */
  readonly patientId?: string | undefined;
  readonly studyUids: readonly string[];
  readonly seriesUids: readonly string[];
  readonly instanceUids: readonly string[];
}

const retrieveAeTitle: Tag = 0x00080054;
const notKeys: ReadonlySet<Tag> = new Set([
  tags.specificCharacterSet,
  queryRetrieveLevelTag,
  retrieveAeTitle,
]);

/**
 * @param isRelational keys above the level may be left out (PS3.4 C.4.2.2.2)
 * @throws ScansealError `peer-protocol` for an identifier that does not fit the SOP class; no values in its message
 */
export function readRetrieveIdentifier(
  { elements }: DicomObject,
  root: Query["root"],
  isRelational: boolean,
  decoding: TextDecoding,
): RetrieveIdentifier {
  const level = levelOf(elements, root);
  const unique = uniqueKeysOf(root);
  const own = unique.findIndex((key) => key.level === level);
  const known = new Set([tags.patientId, ...unique.slice(0, own + 1).map(({ tag }) => tag)]);
  // To pass over another key would give more than was asked for.
  for (const { tag, length } of elements)
    if (length > 0 && !known.has(tag) && !notKeys.has(tag) && elementOf(tag) !== 0)
      throw unfit("a key that is not unique at or above the level");
  const valuesOf = (tag: Tag): readonly string[] => valuesAt(elements, tag, decoding);
  unique.slice(0, own + 1).forEach(({ tag }, at) => {
    const { length } = valuesOf(tag);
    if (at === own ? length === 0 : length > 1 || (length === 0 && !isRelational))
      throw unfit("a unique key without a value, or with more than one above the level");
  });
  const [patientId, secondId] = valuesOf(tags.patientId);
  if (secondId !== undefined) throw unfit("more than one patient");
  return {
    root,
    level,
    ...(patientId === undefined ? {} : { patientId }),
    studyUids: valuesOf(tags.studyInstanceUid),
    seriesUids: valuesOf(tags.seriesInstanceUid),
    instanceUids: valuesOf(tags.sopInstanceUid),
  };
}

/** Of UIDs a list; of a Patient ID one, which is no pattern. */
function valuesAt(elements: readonly DataElement[], tag: Tag, decoding: TextDecoding): readonly string[] {
  const element = findElement(elements, tag);
  const text = element && displayText(element, characterSetOf(elements), decoding)?.trim();
  if (text === undefined || text === "") return [];
  const values = text.split("\\").map((value) => value.trim());
  const isGood = (value: string): boolean =>
    tag === tags.patientId ? value !== "" && !/[*?\ufffd]/.test(value) : isWellFormedUid(value);
  if (!values.every(isGood)) throw unfit("a unique key that is no single value");
  return values;
}

export function elementsOfRetrieve(identifier: RetrieveIdentifier): NewElement[] {
  const { level, patientId, studyUids, seriesUids, instanceUids } = identifier;
  const elements = [textElement(queryRetrieveLevelTag, "CS", level)];
  if (patientId !== undefined) {
    elements.push(textElement(tags.specificCharacterSet, "CS", "ISO_IR 192"));
    elements.push(textElement(tags.patientId, "LO", utf8(patientId)));
  }
  const add = (tag: Tag, uids: readonly string[]): void => {
    if (uids.length > 0) elements.push(textElement(tag, "UI", uids.join("\\")));
  };
  add(tags.studyInstanceUid, studyUids);
  add(tags.seriesInstanceUid, seriesUids);
  add(tags.sopInstanceUid, instanceUids);
  return elements.sort((a, b) => a.tag - b.tag);
}
