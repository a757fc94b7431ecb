/** Which elements a DICOM Digital Signature may cover: PS3.3 C.12.1.1.3.1.1, DCMTK's reading of it, and our narrower choice when signing. */
import { lookup, lookupPrivate } from "../dicom/dictionary/dictionary.ts";
import { plainTextOf } from "../dicom/elements.ts";
import type { DataElement } from "../dicom/model.ts";
import { elementOf, groupOf, isPrivate, isPrivateCreator, type Tag, tags } from "../dicom/tags.ts";

const lengthToEnd: Tag = 0x00080001;
const firstDataSetGroup = 0x0008;
const digitalSignaturesGroup = 0xfffa;

/** False for what no signature can cover, whatever its VR: lengths, containers of signatures, padding. */
export function isSignableTag(tag: Tag): boolean {
  const group = groupOf(tag);
  return !(
    elementOf(tag) === 0 ||
    tag === lengthToEnd ||
    group < firstDataSetGroup ||
    group === digitalSignaturesGroup ||
    tag === tags.macParametersSequence ||
    tag === tags.dataSetTrailingPadding ||
    tag === tags.itemDelimitation ||
    tag === tags.sequenceDelimitation
  );
}

/** UN itself, or a sequence that holds UN at any depth. The reader bounds the depth. */
export function hasUnknownVr(element: DataElement): boolean {
  if (element.vr === "UN") return true;
  if (!element.items) return false;
  for (const item of element.items) {
    for (const child of item.elements) if (hasUnknownVr(child)) return true;
  }
  return false;
}

/** Whether a MAC stream may hold this element. */
export function isSignable(element: DataElement): boolean {
  return isSignableTag(element.tag) && !hasUnknownVr(element);
}

/**
 * Whether we list this element when we sign: standard, signable, and signable still after a hop over implicit VR. On such a hop an
 * element outside DCMTK's dictionary, or a sequence that holds one, becomes UN, and dcmsign then fails for good on a listed element
 * that is not signable although nothing was changed. What is left out here is bound by the manifest's commitments instead.
 */
export function isListedWhenSigning(element: DataElement, siblings: readonly DataElement[]): boolean {
  return !isPrivate(element.tag) && isSignable(element) && survivesImplicitVr(element, siblings);
}

function survivesImplicitVr(element: DataElement, siblings: readonly DataElement[]): boolean {
  if (!isKnownToDcmtk(element.tag, siblings)) return false;
  if (!element.items) return true;
  return element.items.every((item) =>
    item.elements.every((child) => survivesImplicitVr(child, item.elements)),
  );
}

function isKnownToDcmtk(tag: Tag, siblings: readonly DataElement[]): boolean {
  if (!isPrivate(tag) || isPrivateCreator(tag)) return lookup(tag)?.knownToDcmtk ?? false;
  // PS3.5 section 7.8.1: (gggg,00bb) names the owner of (gggg,bb00-bbFF).
  const creator = plainTextOf(siblings, ((tag & 0xffff0000) >>> 0) + (elementOf(tag) >>> 8));
  return creator !== undefined && lookupPrivate(creator, tag) !== undefined;
}
