/**
 * The VR of an element that was written without one. Where the standard leaves a choice, this takes DCMTK's (3.6.7, DcmItem::checkAndUpdateVR
 * and DcmVR::getValidEVR), because a PS3.15 signature over an implicit VR file is over these VRs.
 */
import { elementOf, groupOf, isPrivate, type Tag } from "../tags.ts";
import type { Vr } from "../vr.ts";
import { lookup, lookupPrivate } from "./dictionary.ts";

/** What was read before in the same item; DCMTK never looks at an enclosing one. */
export interface Siblings {
  /** First value of an unsigned short attribute. */
  u16(tag: Tag): number | undefined;
  /** Value of the Private Creator that reserves the block of a private tag (PS3.5 section 7.8.1). */
  privateCreator(tag: Tag): string | undefined;
}

const pixelRepresentation = 0x00280103;
const waveformBitsAllocated = 0x54001004;
const pixelData = 0x7fe00010;

/** "US or SS" that follows Pixel Representation. DCMTK leaves the others (palette descriptors, Mapped Pixel Value, retired ones) US. */
const followsPixelRepresentation: ReadonlySet<Tag> = new Set([
  0x00189810, // Zero Velocity Pixel Value
  0x00280106, // Smallest Image Pixel Value
  0x00280107, // Largest Image Pixel Value
  0x00280108, // Smallest Pixel Value in Series
  0x00280109, // Largest Pixel Value in Series
  0x00280120, // Pixel Padding Value
  0x00280121, // Pixel Padding Range Limit
  0x00283002, // LUT Descriptor
  0x00409211, // Real World Value Last Value Mapped
  0x00409216, // Real World Value First Value Mapped
  0x00603004, // Histogram First Bin Value
  0x00603006, // Histogram Last Bin Value
]);

/** "OB or OW" that follows Waveform Bits Allocated (PS3.5 section 8.3). */
const followsWaveformBits: ReadonlySet<Tag> = new Set([
  0x54000110, // Channel Minimum Value
  0x54000112, // Channel Maximum Value
  0x5400100a, // Waveform Padding Value
  0x54001010, // Waveform Data
]);

/** A tag DCMTK 3.6.7 does not know gets the VR of the newer standard; one that nobody knows is UN. */
export function resolveImplicitVr(tag: Tag, siblings: Siblings): Vr {
  const vr = lookup(tag)?.vr;
  switch (vr) {
    case undefined:
      return privateVr(tag, siblings);
    case "US or SS":
      return followsPixelRepresentation.has(tag) && siblings.u16(pixelRepresentation) === 1 ? "SS" : "US";
    case "US or OW":
    case "US or SS or OW":
      return "OW";
    case "OB or OW":
      return bytesOrWords(tag, siblings);
    default:
      return vr;
  }
}

function privateVr(tag: Tag, siblings: Siblings): Vr {
  // Elements below 1000 belong to no block (PS3.5 section 7.8.1).
  if (!isPrivate(tag) || elementOf(tag) < 0x1000) return "UN";
  const creator = siblings.privateCreator(tag);
  return (creator === undefined ? undefined : lookupPrivate(creator, tag)) ?? "UN";
}

function bytesOrWords(tag: Tag, siblings: Siblings): Vr {
  if (tag === pixelData) return "OW";
  if (followsWaveformBits.has(tag)) {
    const bits = siblings.u16(waveformBitsAllocated);
    return bits === undefined || bits === 8 ? "OB" : "OW";
  }
  const overlayData = (groupOf(tag) & 0xff00) === 0x6000 && elementOf(tag) === 0x3000;
  return overlayData ? "OW" : "OB";
}
