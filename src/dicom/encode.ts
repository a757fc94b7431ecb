/** Encodes new elements: for splicing into an object, and for whole objects of our own making. */
import { type Bytes, concatBytes, fromLatin1, u32le } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { type PlanStep, planLength, swapped } from "./byte-plan.ts";
import type { Encoding } from "./model.ts";
import { elementOf, groupOf, type Tag, tags } from "./tags.ts";
import { transferSyntaxOf } from "./transfer-syntax.ts";
import { type Vr, vrTraits } from "./vr.ts";

/** An element to write. Numbers in `value` are little endian; `items` is for SQ, each item its elements in ascending order. */
export interface NewElement {
  readonly tag: Tag;
  readonly vr: Vr;
  readonly value?: Bytes;
  readonly items?: readonly (readonly NewElement[])[];
  /**
   * Instead of `value`, for large ones: pieces in order, in the byte order of the data set, of even length together. Ranges are of the
   * data source of the object that is spliced.
   */
  readonly pieces?: readonly PlanStep[];
  /** Encapsulated Pixel Data: frames, one fragment each, padded to even length. Ranges as in `pieces`. */
  readonly frames?: readonly PlanStep[];
  /** Of `frames`: what the Basic Offset Table holds. Default: the offsets. */
  readonly offsetTable?: "offsets" | "empty";
}

const undefinedLength = 0xffffffff;
/** An item's tag and length. */
export const fragmentHeaderBytes = 8;
/** The Basic Offset Table holds 32-bit offsets. */
export const offsetMax = 0xffffffff;

/** A text value: ISO 8859-1 or UTF-8 bytes already chosen by the caller, padded to even length as its VR asks. */
export function textElement(tag: Tag, vr: Vr, text: string | Bytes): NewElement {
  const bytes = typeof text === "string" ? fromLatin1(text) : text;
  return { tag, vr, value: padded(bytes, vr) };
}

/** US, SS, UL, SL, FL, FD or AT from numbers. */
export function numberElement(tag: Tag, vr: Vr, ...numbers: readonly number[]): NewElement {
  const width = vr === "AT" ? 4 : vrTraits[vr].width;
  const value = new Uint8Array(numbers.length * width);
  const view = new DataView(value.buffer);
  numbers.forEach((n, i) => {
    const at = i * width;
    if (vr === "FL") view.setFloat32(at, n, true);
    else if (vr === "FD") view.setFloat64(at, n, true);
    else if (vr === "AT") {
      view.setUint16(at, groupOf(n), true);
      view.setUint16(at + 2, elementOf(n), true);
    } else if (width === 2) view.setUint16(at, n & 0xffff, true);
    else view.setUint32(at, n >>> 0, true);
  });
  return { tag, vr, value };
}

/** Even length: UI and binary with NUL, other text with a space (PS3.5 section 6.2). */
export function padded(value: Bytes, vr: Vr): Bytes {
  if (value.length % 2 === 0) return value;
  return concatBytes([value, Uint8Array.of(vrTraits[vr].text && vr !== "UI" ? 0x20 : 0)]);
}

export function encodeTag(tag: Tag, encoding: Encoding): Bytes {
  const g = groupOf(tag);
  const e = elementOf(tag);
  return encoding.bigEndian
    ? Uint8Array.of(g >> 8, g & 255, e >> 8, e & 255)
    : Uint8Array.of(g & 255, g >> 8, e & 255, e >> 8);
}

function encodeLength(length: number, encoding: Encoding): Bytes {
  const le = u32le(length);
  return encoding.bigEndian ? swapped(le, 4) : le;
}

/**
 * Header of an element; `length` 0xFFFFFFFF is undefined length.
 * @throws ScansealError `usage` when a short-length VR gets more than 65,534 bytes
 */
export function encodeHeader(tag: Tag, vr: Vr, length: number, encoding: Encoding): Bytes {
  if (!encoding.explicit) return concatBytes([encodeTag(tag, encoding), encodeLength(length, encoding)]);
  const letters = fromLatin1(vr);
  if (vrTraits[vr].longLength) {
    return concatBytes([
      encodeTag(tag, encoding),
      letters,
      new Uint8Array(2),
      encodeLength(length, encoding),
    ]);
  }
  if (length > 0xffff) throw new ScansealError("usage", "value too long for its VR", { tag });
  const short = encodeLength(length, { explicit: true, bigEndian: false }).subarray(0, 2);
  return concatBytes([encodeTag(tag, encoding), letters, encoding.bigEndian ? swapped(short, 2) : short]);
}

/** An item of defined length around already encoded elements. */
export function encodeItem(content: Bytes, encoding: Encoding): Bytes {
  return concatBytes([encodeTag(tags.item, encoding), encodeLength(content.length, encoding), content]);
}

/**
 * One element as a plan in which large values are not copied.
 * @throws ScansealError `usage` for a value or a fragment that is too long
 */
export function planElement(element: NewElement, encoding: Encoding): PlanStep[] {
  if (element.frames) return planFrames(element, element.frames, encoding);
  if (!element.pieces) return [encodeElement(element, encoding)];
  const length = planLength(element.pieces);
  if (length % 2 === 1 || length >= undefinedLength)
    throw new ScansealError("usage", "a value of odd length, or too long", { tag: element.tag });
  return [encodeHeader(element.tag, element.vr, length, encoding), ...element.pieces];
}

/** One element in the given encoding, without ranges of a source. Nesting is bounded by the caller's own structure. */
export function encodeElement(element: NewElement, encoding: Encoding): Bytes {
  const { tag, vr } = element;
  if (element.items) {
    const content = concatBytes(
      element.items.map((item) =>
        encodeItem(concatBytes(item.map((child) => encodeElement(child, encoding))), encoding),
      ),
    );
    return concatBytes([encodeHeader(tag, "SQ", content.length, encoding), content]);
  }
  if (element.frames || element.pieces) {
    return concatBytes(
      planElement(element, encoding).map((step) => {
        if (step instanceof Uint8Array) return step;
        throw new ScansealError("usage", "a range where there is no source", { tag });
      }),
    );
  }
  const raw = padded(element.value ?? new Uint8Array(0), vr);
  const width = vrTraits[vr].width;
  const value = encoding.bigEndian && width > 1 ? swapped(raw, width) : raw;
  return concatBytes([encodeHeader(tag, vr, value.length, encoding), value]);
}

/** PS3.5 annex A.4: one fragment a frame. Offsets are from the first fragment's item tag to each frame's. */
function planFrames(
  { tag, offsetTable }: NewElement,
  frames: readonly PlanStep[],
  encoding: Encoding,
): PlanStep[] {
  const table: Bytes[] = [];
  const items: PlanStep[] = [];
  let at = 0;
  for (const frame of frames) {
    const length = frame.length + (frame.length % 2);
    if (length >= undefinedLength || (offsetTable !== "empty" && at > offsetMax))
      throw new ScansealError("usage", "too long for a fragment or its offset", { tag });
    table.push(u32le(at));
    items.push(concatBytes([encodeTag(tags.item, encoding), encodeLength(length, encoding)]), frame);
    if (length > frame.length) items.push(new Uint8Array(1));
    at += fragmentHeaderBytes + length;
  }
  return [
    encodeHeader(tag, "OB", undefinedLength, encoding),
    encodeItem(offsetTable === "empty" ? new Uint8Array(0) : concatBytes(table), encoding),
    ...items,
    concatBytes([encodeTag(tags.sequenceDelimitation, encoding), u32le(0)]),
  ];
}

/** Implementation Class UID of this software, (0002,0012): a UUID-derived UID (PS3.5 annex B.2). */
export const implementationClassUid = "2.25.191170268741904817364822108413290615327";
export const implementationVersionName = "SCANSEAL_0_1";

/**
 * A Part 10 file (PS3.10 section 7): zero preamble, File Meta Information, and the elements in ascending tag order.
 * Deflated syntaxes are not written here.
 * @throws ScansealError `usage` without SOP Class UID, SOP Instance UID or for an unsupported transfer syntax
 */
export function encodePart10(elements: readonly NewElement[], transferSyntaxUid: string): Bytes {
  const syntax = transferSyntaxOf(transferSyntaxUid);
  if (!syntax || syntax.deflated)
    throw new ScansealError("usage", "transfer syntax not supported for writing");
  const required = (tag: Tag): Bytes => {
    const value = elements.find((e) => e.tag === tag)?.value;
    if (!value) throw new ScansealError("usage", "SOP Class UID and SOP Instance UID are required", { tag });
    return value;
  };
  const sorted = [...elements].sort((a, b) => a.tag - b.tag);
  const meta = encodeMeta(required(tags.sopClassUid), required(tags.sopInstanceUid), transferSyntaxUid);
  return concatBytes([meta, ...sorted.map((element) => encodeElement(element, syntax.encoding))]);
}

/** Preamble, "DICM" and group 0002 (PS3.10 section 7.1). UIDs may be padded or not. */
export function encodeMeta(sopClassUid: Bytes, sopInstanceUid: Bytes, transferSyntaxUid: string): Bytes {
  const explicit: Encoding = { explicit: true, bigEndian: false };
  const group = concatBytes(
    [
      { tag: 0x00020001, vr: "OB", value: Uint8Array.of(0, 1) } as const,
      textElement(tags.mediaStorageSopClassUid, "UI", sopClassUid),
      textElement(tags.mediaStorageSopInstanceUid, "UI", sopInstanceUid),
      textElement(tags.transferSyntaxUid, "UI", transferSyntaxUid),
      textElement(0x00020012, "UI", implementationClassUid),
      textElement(0x00020013, "SH", implementationVersionName),
    ].map((element) => encodeElement(element, explicit)),
  );
  const groupLength = encodeElement(numberElement(tags.fileMetaGroupLength, "UL", group.length), explicit);
  return concatBytes([new Uint8Array(128), fromLatin1("DICM"), groupLength, group]);
}
