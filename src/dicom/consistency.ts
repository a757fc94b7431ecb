/** What strictness asks beyond the grammar: meta information, identifiers, text, and pixel data against its attributes. */
import { type Bytes, latin1, viewOf } from "../foundation/bytes.ts";
import { type MalformedCode, ScansealError } from "../foundation/errors.ts";
import { findElement, plainText, plainTextOf } from "./elements.ts";
import type { DataElement, DicomObject, Tolerated } from "./model.ts";
import { imageAttributesOf, nativeLength } from "./pixel-data/image-attributes.ts";
import { type Tag, tags } from "./tags.ts";
import type { TransferSyntax } from "./transfer-syntax.ts";
import { vrTraits } from "./vr.ts";

type Tolerate = ReadonlySet<MalformedCode>;

/** PS3.5 section 9.1: digits and dots, no component with a leading zero, at most 64 characters. */
const uidPattern = /^(0|[1-9]\d*)(\.(0|[1-9]\d*))*$/;
const uidCharactersMax = 64;

function tolerateOrFail(
  code: MalformedCode,
  message: string,
  place: { tag?: Tag; offset?: number },
  tolerate: Tolerate,
  tolerated: Tolerated[],
): void {
  if (!tolerate.has(code)) throw new ScansealError(code, message, place);
  tolerated.push({ code, ...place });
}

function placeOf(element: DataElement): { tag: Tag; offset: number } {
  return { tag: element.tag, offset: element.offset };
}

/** @param text without padding */
function isUid(text: string): boolean {
  return text.length <= uidCharactersMax && uidPattern.test(text);
}

/**
 * PS3.10 section 7.1: the group length fits and the transfer syntax is there.
 * @returns the transfer syntax UID
 */
export function checkMeta(
  meta: readonly DataElement[],
  end: number,
  tolerate: Tolerate,
  tolerated: Tolerated[],
): string {
  const groupLength = meta[0];
  if (groupLength?.tag !== tags.fileMetaGroupLength || groupLength.value?.length !== 4) {
    const place = { tag: tags.fileMetaGroupLength, offset: 132 };
    tolerateOrFail(
      "meta-invalid",
      "no group length in the file meta information",
      place,
      tolerate,
      tolerated,
    );
  } else {
    const v = groupLength.value;
    const length = (v[0]! | (v[1]! << 8) | (v[2]! << 16) | (v[3]! << 24)) >>> 0;
    if (groupLength.end + length !== end) {
      tolerateOrFail(
        "meta-invalid",
        "the group length of the file meta information is wrong",
        placeOf(groupLength),
        tolerate,
        tolerated,
      );
    }
  }
  const element = findElement(meta, tags.transferSyntaxUid);
  if (!element?.value) {
    throw new ScansealError("transfer-syntax-missing", "no transfer syntax UID", {
      tag: tags.transferSyntaxUid,
      offset: end,
    });
  }
  checkUid(element, tolerate, tolerated);
  return plainText(element)!;
}

function checkUid(element: DataElement, tolerate: Tolerate, tolerated: Tolerated[]): void {
  // Padded with at most one NUL (PS3.5 section 9.1); what is longer is not looked at.
  const value = element.value ?? new Uint8Array(0);
  const text = latin1(value.subarray(0, uidCharactersMax + 1)).replace(/\0$/, "");
  if (value.length <= uidCharactersMax + 1 && isUid(text)) return;
  tolerateOrFail("uid-invalid", "not a UID", placeOf(element), tolerate, tolerated);
}

/**
 * Called at the header of top-level pixel data: its form must fit the transfer syntax, its length the attributes before it.
 * @returns the number of frames
 */
export function checkPixelHeader(
  element: DataElement,
  before: readonly DataElement[],
  syntax: TransferSyntax,
  tolerate: Tolerate,
  tolerated: Tolerated[],
): number {
  const place = placeOf(element);
  const encapsulated = element.undefinedLength;
  if (element.tag === tags.pixelData && encapsulated !== syntax.encapsulated) {
    const message = encapsulated
      ? "encapsulated pixel data in a native transfer syntax"
      : "native pixel data in an encapsulated transfer syntax";
    throw new ScansealError("transfer-syntax-mismatch", message, place);
  }
  const describing = [...before.filter(describesPixels), element];
  checkAttributeVrs(describing, tolerate, tolerated);
  const attributes = imageAttributesOf({ elements: describing });
  if (!attributes) throw new ScansealError("pixel-attributes", "pixel data without image attributes", place);
  if (!encapsulated) {
    const expected = nativeLength(attributes);
    const extra = element.length - expected;
    if (extra < 0)
      throw new ScansealError("pixel-length", "pixel data shorter than its attributes say", place);
    if (extra > 0 && !(extra === 1 && expected % 2 === 1)) {
      const message = "pixel data longer than rows x columns x samples x frames";
      tolerateOrFail("pixel-length", message, place, tolerate, tolerated);
    }
  }
  return attributes.numberOfFrames;
}

/** Groups 0028 and 7FE0: all that says what the pixels are, and other pixel data. */
function describesPixels(element: DataElement): boolean {
  const group = element.tag >>> 16;
  return group === 0x0028 || group === 0x7fe0;
}

/** Read as unsigned shorts whatever stands there; a reader that follows another VR would see another image. */
const unsignedShorts: ReadonlySet<Tag> = new Set([
  tags.samplesPerPixel,
  tags.planarConfiguration,
  tags.rows,
  tags.columns,
  tags.bitsAllocated,
  tags.bitsStored,
  tags.highBit,
  tags.pixelRepresentation,
]);

function checkAttributeVrs(
  elements: readonly DataElement[],
  tolerate: Tolerate,
  tolerated: Tolerated[],
): void {
  for (const element of elements) {
    if (element.vr === "US" || !unsignedShorts.has(element.tag)) continue;
    const message = "an image attribute whose VR is not the standard's";
    tolerateOrFail("vr-mismatch", message, placeOf(element), tolerate, tolerated);
  }
}

const requiredUids = [tags.sopClassUid, tags.sopInstanceUid] as const;
const checkedUids = [...requiredUids, tags.studyInstanceUid, tags.seriesInstanceUid] as const;

/** Checks that need the whole object. */
export function checkDataSet(object: DicomObject, tolerate: Tolerate, tolerated: Tolerated[]): void {
  const { elements, meta } = object;
  if (elements.length === 0) throw new ScansealError("truncated", "no data set", { offset: object.metaEnd });
  for (const tag of checkedUids) {
    const element = findElement(elements, tag);
    if (element) checkUid(element, tolerate, tolerated);
  }
  const pairs = [
    [tags.mediaStorageSopClassUid, tags.sopClassUid],
    [tags.mediaStorageSopInstanceUid, tags.sopInstanceUid],
  ] as const;
  for (const [metaTag, tag] of pairs) {
    const inMeta = plainTextOf(meta, metaTag);
    const inData = plainTextOf(elements, tag);
    if (inMeta === undefined || inData === undefined || inMeta === inData) continue;
    tolerateOrFail(
      "uid-mismatch",
      "the file meta information names another object",
      { tag },
      tolerate,
      tolerated,
    );
  }
  checkTexts(meta, tolerate, tolerated);
  checkTexts(elements, tolerate, tolerated);
  const pixels = findElement(elements, tags.pixelData);
  if (pixels?.fragments) checkOffsetTable(pixels, tolerate, tolerated);
}

/** NUL inside text ends it for some readers and not for others (attack: two names in one). Padding NULs are the signature's matter. */
function checkTexts(elements: readonly DataElement[], tolerate: Tolerate, tolerated: Tolerated[]): void {
  const open: (readonly DataElement[])[] = [elements];
  for (let list = open.pop(); list; list = open.pop()) {
    for (const element of list) {
      for (const item of element.items ?? []) open.push(item.elements);
      if (!element.value || !vrTraits[element.vr].text) continue;
      if (element.vr === "UI" && hasInnerBlank(element.value))
        tolerateOrFail("uid-invalid", "white space inside a UID", placeOf(element), tolerate, tolerated);
      if (!hasInnerNul(element.value)) continue;
      tolerateOrFail("value-invalid", "NUL inside text", placeOf(element), tolerate, tolerated);
    }
  }
}

/** White space that is not padding at the end: DCMTK drops it, other readers see another UID. */
function hasInnerBlank(value: Bytes): boolean {
  let end = value.length;
  while (end > 0 && (value[end - 1] === 0 || value[end - 1] === 0x20)) end--;
  for (let i = 0; i < end; i++) if (value[i]! <= 0x20 && value[i] !== 0) return true;
  return false;
}

/** A NUL that is not padding at the end. */
function hasInnerNul(value: Bytes): boolean {
  let at = value.indexOf(0);
  if (at < 0) return false;
  while (at < value.length && value[at] === 0) at++;
  return at < value.length;
}

/** PS3.5 annex A.4: the Basic Offset Table is empty, or points at fragments, the first one first. */
function checkOffsetTable(pixels: DataElement, tolerate: Tolerate, tolerated: Tolerated[]): void {
  const fail = (message: string): void => {
    tolerateOrFail("encapsulation-invalid", message, placeOf(pixels), tolerate, tolerated);
  };
  const fragments = pixels.fragments!;
  const table = fragments[0];
  const first = fragments[1];
  if (!table || !first) {
    const message = "encapsulated pixel data without fragments";
    throw new ScansealError("encapsulation-invalid", message, placeOf(pixels));
  }
  if (table.length === 0 || !pixels.value) return;
  if (table.length % 4 !== 0) {
    fail("the offset table's length is not a multiple of four");
    return;
  }
  const view = viewOf(pixels.value);
  // Both ascend, so one walk over the fragments meets every entry.
  let next = 1;
  for (let at = 0; at < table.length; at += 4) {
    const offset = view.getUint32(at, true);
    const startOf = (index: number): number => fragments[index]!.valueOffset - first.valueOffset;
    if (at > 0) while (next < fragments.length && startOf(next) < offset) next++;
    if (next >= fragments.length || startOf(next) !== offset) {
      fail("the offset table does not point at fragments");
      return;
    }
    next++;
  }
}
