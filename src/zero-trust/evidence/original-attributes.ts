/** What an object says of its own past: Original Attributes Sequence (PS3.3 C.12.1, table C.12-1) and the objects it refers to. Read, never believed. */
import { findElement, nameTextOf } from "../../dicom/elements.ts";
import type { DataElement, DicomObject, Item } from "../../dicom/model.ts";
import { formatTag, type Tag } from "../../dicom/tags.ts";
import { uidForm } from "../../dicom/uid.ts";
import type { Evidence, OriginalAttributesFact, ReferenceFact } from "./evidence.ts";

const originalAttributesSequence = 0x04000561;
const modifiedAttributesSequence = 0x04000550;
/** Every hop adds one; what has more has been nowhere that anybody can follow. */
const itemsMax = 64;
/** Of one item: a patient's and an order's attributes are some dozens. */
const tagsMax = 64;
/** LO is 64 characters. */
const textCharactersMax = 64;

/** Empty for an object without any. */
export function originalAttributesIn({ elements }: DicomObject): Pick<Evidence, "originalAttributes"> {
  const items = findElement(elements, originalAttributesSequence)?.items ?? [];
  const originalAttributes = items.slice(0, itemsMax).map((item) => factOf(item));
  return originalAttributes.length === 0 ? {} : { originalAttributes };
}

function factOf({ elements }: Item): OriginalAttributesFact {
  const modified = findElement(elements, modifiedAttributesSequence)?.items ?? [];
  const tags = modified.flatMap((item) => item.elements.map(({ tag }) => formatTag(tag)));
  return {
    modifiedAt: textAt(elements, 0x04000562),
    system: textAt(elements, 0x04000563),
    reason: textAt(elements, 0x04000565),
    source: textAt(elements, 0x04000564),
    tags: [...new Set(tags)].slice(0, tagsMax),
  };
}

function textAt(elements: readonly DataElement[], tag: Tag): string | undefined {
  // Software and hospitals name themselves in it; a terminal must not obey what it holds.
  const text = nameTextOf(elements, tag)?.slice(0, textCharactersMax);
  return text?.replace(/[^ -~]/g, "?");
}

const sourceImageSequence = 0x00082112;
const referencedSeriesSequence = 0x00081115;
const evidenceSequences: readonly Tag[] = [0x0040a375, 0x0040a385];
const referencedSopSequences: readonly Tag[] = [0x00081199, 0x00081140, 0x0008114a];
const referencedSopInstanceUid = 0x00081155;
/** Told; a structured report can refer to thousands. */
const referencesMax = 64;

/** The objects that it says it was made from, or is about: presentation states, reports, segmentations, derived images. */
export function referencesIn({ elements }: DicomObject): Pick<Evidence, "refersTo"> {
  const found: ReferenceFact[] = [];
  collect(itemsAt(elements, sourceImageSequence), "source", found);
  const studies = evidenceSequences.flatMap((tag) => itemsAt(elements, tag));
  const series = [elements, ...studies.map((item) => item.elements)].flatMap((level) =>
    itemsAt(level, referencedSeriesSequence),
  );
  for (const { elements: level } of series)
    for (const tag of referencedSopSequences) collect(itemsAt(level, tag), "referenced", found);
  const named = new Map(found.map((one) => [`${one.how} ${one.sopInstanceUid}`, one]));
  return named.size === 0 ? {} : { refersTo: [...named.values()].slice(0, referencesMax) };
}

function itemsAt(elements: readonly DataElement[], tag: Tag): readonly Item[] {
  return findElement(elements, tag)?.items ?? [];
}

function collect(items: readonly Item[], how: ReferenceFact["how"], found: ReferenceFact[]): void {
  for (const { elements } of items) {
    const sopInstanceUid = nameTextOf(elements, referencedSopInstanceUid);
    if (sopInstanceUid !== undefined && uidForm.test(sopInstanceUid)) found.push({ how, sopInstanceUid });
  }
}
