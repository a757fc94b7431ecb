/**
 * Attributes that every dictionary knows and that stand as UN. Software without a dictionary writes all of them so; one among others that
 * have their VR was chosen, and viewers over DCMTK then show the image without it: another rescale, no laterality, no name.
 */
import type { DataElement } from "../../dicom/model.ts";
import { elementOf, groupOf, isPrivate, type Tag, tagHex } from "../../dicom/tags.ts";

/** Patient's name, ID, birth date, sex; body part, slice, spacing and position: in every dictionary since 1993. */
const wellKnown: ReadonlySet<Tag> = new Set<Tag>([
  0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00180015, 0x00180050, 0x00180088, 0x00181164, 0x00185100,
  0x00185101,
]);
/** Frame of reference, plane, laterality, time: (0020,0010) to (0020,1041). */
const relationshipEnd = 0x1041;
/** Spacing, padding, window, rescale, LUTs: without what describes the samples, which software that compresses writes anew. */
const presentation: ReadonlySet<Tag> = new Set<Tag>([
  0x00280030, 0x00280034, 0x00280120, 0x00281040, 0x00281041, 0x00281050, 0x00281051, 0x00281052, 0x00281053,
  0x00281054, 0x00281055, 0x00281056, 0x00283000, 0x00283010,
]);
/** Functional groups, shared and per frame. */
const functionalGroups: ReadonlySet<Tag> = new Set<Tag>([0x52009229, 0x52009230]);

function isWellKnown(tag: Tag): boolean {
  const group = groupOf(tag);
  if (group === 0x0020) return elementOf(tag) >= 0x0010 && elementOf(tag) <= relationshipEnd;
  if ((group & 0xff00) === 0x6000 && !isPrivate(tag)) return true;
  return wellKnown.has(tag) || presentation.has(tag) || functionalGroups.has(tag);
}

/** Paths of those that are UN, when others are not. Empty ones say nothing. Nesting is bounded by the reader. */
export function selectivelyLostVrs(elements: readonly DataElement[]): string[] {
  const lost: string[] = [];
  let kept = false;
  const visit = (level: readonly DataElement[], prefix: string): void => {
    for (const { tag, vrOnWire, length, items } of level) {
      if (isPrivate(tag)) continue;
      const path = prefix + tagHex(tag);
      if (vrOnWire !== undefined && length > 0 && isWellKnown(tag)) {
        if (vrOnWire === "UN") lost.push(path);
        else kept = true;
      }
      items?.forEach((item, index) => {
        visit(item.elements, `${path}/${index}/`);
      });
    }
  };
  visit(elements, "");
  return kept ? lost : [];
}
