/** The other byte streams a signature may be over: spec step 9. Each says the same of the image; which one fitted is reported. */
import { findElement, unsignedShort } from "../dicom/elements.ts";
import type { DataElement } from "../dicom/model.ts";
import { elementOf, groupOf, isPrivate, type Tag, tags } from "../dicom/tags.ts";
import { vrTraits } from "../dicom/vr.ts";
import { type Truncation, truncationOf } from "./dcmtk-truncation.ts";
import { type MacStreamOptions, normalisedText } from "./mac-stream.ts";
import type { MacEncoding } from "./signature-fact.ts";

export interface Alternative {
  readonly encoding: MacEncoding;
  readonly options: MacStreamOptions;
  /** What is left out of the stream, and which listed sequences that concerns. */
  readonly truncation?: Truncation;
}

/**
 * @param listed the signed elements
 * @param own those of the signature item that are in the stream
 * @param scope the level the signed elements stand in
 */
export function alternativesFor(
  listed: readonly DataElement[],
  own: readonly DataElement[],
  scope: readonly DataElement[],
): readonly Alternative[] {
  const pixels = new Set<DataElement>();
  const overlays = new Set<DataElement>();
  let padded = false;
  const visit = (element: DataElement, siblings: readonly DataElement[]): void => {
    if (isByteSizedPixelData(element, siblings)) pixels.add(element);
    else if (isOverlayData(element)) overlays.add(element);
    padded ||= differsFromNormalised(element);
    for (const item of element.items ?? []) for (const child of item.elements) visit(child, item.elements);
  };
  for (const element of listed) visit(element, scope);
  for (const element of own) visit(element, own);
  const found: Alternative[] = [];
  const swap = (swappedVr: ReadonlySet<DataElement>): void => {
    found.push({ encoding: "ob-for-ow", options: { swappedVr } });
  };
  // 9a. A hop over implicit VR turns OB into OW; which of the two was OB before is not recorded, so each is tried.
  if (pixels.size > 0) swap(pixels);
  if (overlays.size > 0) swap(overlays);
  if (pixels.size > 0 && overlays.size > 0) swap(new Set([...pixels, ...overlays]));
  // 9b. Signers other than DCMTK may hash text as it stands.
  if (padded) found.push({ encoding: "raw-text", options: { rawText: true } });
  // 9c. dcmsign hashes large nested sequences in part.
  const truncation = truncationOf(listed);
  if (truncation) found.push({ encoding: "dcmtk-truncated", options: {}, truncation });
  return found;
}

const byteBits = 8;

/** Samples of up to eight bits may be written OB or OW (PS3.5 annex A.2); wider ones are always OW. */
function isByteSizedPixelData(element: DataElement, siblings: readonly DataElement[]): boolean {
  if (element.tag !== tags.pixelData || !isWordsOrBytes(element)) return false;
  const bits = unsignedShort(findElement(siblings, tags.bitsAllocated));
  return bits !== undefined && bits <= byteBits;
}

function isOverlayData(element: DataElement): boolean {
  return isOverlayDataTag(element.tag) && isWordsOrBytes(element);
}

function isOverlayDataTag(tag: Tag): boolean {
  return !isPrivate(tag) && groupOf(tag) >>> 8 === 0x60 && elementOf(tag) === 0x3000;
}

function isWordsOrBytes(element: DataElement): boolean {
  return (element.vr === "OW" || element.vr === "OB") && !element.fragments;
}

function differsFromNormalised(element: DataElement): boolean {
  const { value, vr } = element;
  if (!value || !vrTraits[vr].text) return false;
  const text = normalisedText(vr, value);
  if (value.length !== text.length + (text.length & 1)) return true;
  return vr === "UI" && value.at(-1) === 0x20;
}
