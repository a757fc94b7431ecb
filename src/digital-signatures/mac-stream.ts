/**
 * The canonical byte stream under a DICOM Digital Signature, as a plan: literals, and ranges of the source for bulk values.
 * spec/dicom-digital-signature.md, "Byte stream"; byte for byte what DCMTK's dcmsign hashes.
 */
import type { ByteRange, PlanStep } from "../dicom/byte-plan.ts";
import type { NewElement } from "../dicom/encode.ts";
import type { DataElement, Encoding } from "../dicom/model.ts";
import type { Tag } from "../dicom/tags.ts";
import { type Vr, vrTraits } from "../dicom/vr.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { isSignable } from "./signable.ts";

/** What the stream needs to know of an element; the indexed ones and new ones alike. */
type StreamElement = Pick<
  DataElement,
  "tag" | "vr" | "encoding" | "valueOffset" | "length" | "value" | "items" | "fragments"
>;

export interface MacStreamOptions {
  /** Elements that are written with another VR of those the dictionary allows them (spec step 9a). */
  readonly otherVr?: ReadonlyMap<StreamElement, Vr>;
  /** Text as it stands in the file instead of normalised (spec step 9b). */
  readonly rawText?: boolean;
}

/** Values longer than this are handed on where they lie instead of being copied. */
const copiedBytesMax = 1024;
const scratchBytes = 8192;
/** Longest value a 16-bit length can state; DCMTK writes a longer one as UN with 32 bits. */
const shortLengthMax = 0xffff;
const explicitLittle: Encoding = { explicit: true, bigEndian: false };
const noBytes = new Uint8Array(0);
const itemTag = Uint8Array.of(0xfe, 0xff, 0x00, 0xe0);
const sequenceDelimitationTag = Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0);
const space = 0x20;

/** Collects one MAC stream. Small elements share a growing scratch buffer, so 200 of them become one literal. */
export class MacStream {
  /** Bytes the plan keeps in memory, ranges of the source not counted. */
  literalBytes = 0;
  readonly #options: MacStreamOptions;
  readonly #steps: PlanStep[] = [];
  #scratch: Bytes = new Uint8Array(scratchBytes);
  #start = 0;
  #end = 0;

  constructor(options: MacStreamOptions = {}) {
    this.#options = options;
  }

  /** Appends E(element): the caller has checked that it is signable. Nesting is bounded by the reader. */
  add(element: StreamElement): void {
    if (element.items) {
      this.#open(element.tag, "SQ");
      for (const item of element.items) {
        this.#put(itemTag);
        // Unsignable children are left out without a word, as DCMTK does: signatures of items, group lengths, padding.
        for (const child of item.elements) if (isSignable(child)) this.add(child);
      }
      this.#put(sequenceDelimitationTag);
    } else if (element.fragments) {
      this.#open(element.tag, "OB");
      for (const fragment of element.fragments) {
        this.#put(itemTag);
        this.#range(fragment.valueOffset, fragment.length, 1);
      }
      this.#put(sequenceDelimitationTag);
    } else if (vrTraits[element.vr].text) {
      this.#addText(element);
    } else {
      this.#addBinary(element);
    }
  }

  /** E(element) of an element that is not in the file yet. */
  addNew(element: NewElement): void {
    if (element.items) {
      this.#open(element.tag, "SQ");
      for (const item of element.items) {
        this.#put(itemTag);
        for (const child of item) this.addNew(child);
      }
      this.#put(sequenceDelimitationTag);
      return;
    }
    const value = element.value ?? noBytes;
    this.add({
      tag: element.tag,
      vr: element.vr,
      encoding: explicitLittle,
      valueOffset: 0,
      length: value.length,
      value,
    });
  }

  /** The plan so far. More elements may follow in a later call. */
  steps(): readonly PlanStep[] {
    this.#flush();
    return this.#steps;
  }

  #addText(element: StreamElement): void {
    const value = element.value ?? (element.length === 0 ? noBytes : undefined);
    if (!value) throw new ScansealError("internal", "a text value is not in memory", { tag: element.tag });
    if (this.#options.rawText) {
      this.#header(element.tag, element.vr, value.length);
      this.#put(value);
      return;
    }
    const text = normalisedText(element.vr, value);
    const odd = text.length & 1;
    this.#header(element.tag, element.vr, text.length + odd);
    this.#put(text);
    if (odd) this.#putByte(element.vr === "UI" ? 0 : space);
  }

  #addBinary(element: StreamElement): void {
    const { tag, length, value } = element;
    const odd = length & 1;
    const swap = element.encoding.bigEndian ? vrTraits[element.vr].width : 1;
    this.#header(tag, this.#vrOf(element), length + odd);
    if (value) this.#putSwapped(value, swap);
    else {
      // A tolerated odd length leaves a remainder that is no whole number: it keeps its order.
      const whole = length - (length % swap);
      this.#range(element.valueOffset, whole, swap);
      this.#range(element.valueOffset + whole, length - whole, 1);
    }
    if (odd) this.#putByte(0);
  }

  #vrOf(element: StreamElement): Vr {
    return this.#options.otherVr?.get(element) ?? element.vr;
  }

  #header(tag: Tag, vr: Vr, length: number): void {
    if (vrTraits[vr].longLength) this.#longHeader(tag, vr, length);
    else if (length > shortLengthMax) this.#longHeader(tag, "UN", length);
    else {
      this.#open4(tag, vr, 8);
      this.#put16(length);
    }
  }

  #longHeader(tag: Tag, vr: Vr, length: number): void {
    this.#open(tag, vr);
    this.#reserve(4);
    this.#put16(length & 0xffff);
    this.#put16(length >>> 16);
  }

  /** Tag, VR and two reserved bytes: all that sequences and fragments have for a header. */
  #open(tag: Tag, vr: Vr): void {
    this.#open4(tag, vr, 8);
    this.#put16(0);
  }

  #open4(tag: Tag, vr: Vr, room: number): void {
    this.#reserve(room);
    this.#put16(tag >>> 16);
    this.#put16(tag & 0xffff);
    this.#put16(vr.charCodeAt(0) | (vr.charCodeAt(1) << 8));
  }

  /** Room was reserved. */
  #put16(n: number): void {
    this.#scratch[this.#end] = n & 255;
    this.#scratch[this.#end + 1] = n >>> 8;
    this.#end += 2;
  }

  #putByte(byte: number): void {
    this.#reserve(1);
    this.#scratch[this.#end++] = byte;
  }

  #put(bytes: Bytes): void {
    if (bytes.length > copiedBytesMax) {
      this.#step(bytes);
      this.literalBytes += bytes.length;
      return;
    }
    this.#reserve(bytes.length);
    this.#scratch.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #putSwapped(value: Bytes, width: 1 | 2 | 4 | 8): void {
    if (width === 1) {
      this.#put(value);
      return;
    }
    this.#reserve(value.length);
    const whole = value.length - (value.length % width);
    for (let at = 0; at < value.length; at++) {
      const from = at < whole ? at + width - 1 - 2 * (at % width) : at;
      this.#scratch[this.#end++] = value[from]!;
    }
  }

  #range(offset: number, length: number, swap: ByteRange["swap"]): void {
    if (length > 0) this.#step({ offset, length, swap });
  }

  #step(step: PlanStep): void {
    this.#flush();
    this.#steps.push(step);
  }

  #flush(): void {
    if (this.#end === this.#start) return;
    this.#steps.push(this.#scratch.subarray(this.#start, this.#end));
    this.literalBytes += this.#end - this.#start;
    this.#start = this.#end;
  }

  /** Literals already given out keep the old buffer. */
  #reserve(length: number): void {
    if (this.#end + length <= this.#scratch.length) return;
    const pending = this.#end - this.#start;
    const grown = new Uint8Array(Math.max(2 * this.#scratch.length, 2 * (pending + length)));
    grown.set(this.#scratch.subarray(this.#start, this.#end));
    this.#scratch = grown;
    this.#start = 0;
    this.#end = pending;
  }
}

/**
 * A text value without the padding that does not count: every trailing space; for UI white space anywhere, then every trailing NUL.
 * A NUL that pads another text VR stays, as in DCMTK up to 3.6.9 (3.7.0 drops it): see `textPaddedWithNul`.
 */
export function normalisedText(vr: Vr, value: Bytes): Bytes {
  const text = vr === "UI" ? withoutWhiteSpace(value) : value;
  const padding = vr === "UI" ? 0 : space;
  let end = text.length;
  while (end > 0 && text[end - 1] === padding) end--;
  return text.subarray(0, end);
}

function withoutWhiteSpace(value: Bytes): Bytes {
  return value.some(isWhiteSpace) ? value.filter((c) => !isWhiteSpace(c)) : value;
}

/** C's isspace in its default locale, which DCMTK uses here. */
function isWhiteSpace(c: number): boolean {
  return c === space || (c >= 0x09 && c <= 0x0d);
}

/**
 * Whether text (not UI) of this element, at any depth, ends with NUL and perhaps spaces: DCMTK up to 3.6.9 and 3.7.0 hash it
 * differently. The reader bounds the depth.
 */
export function holdsNulPaddedText(element: DataElement): boolean {
  const { value, vr, items } = element;
  if (items) return items.some((item) => item.elements.some(holdsNulPaddedText));
  if (!value || vr === "UI" || !vrTraits[vr].text) return false;
  let end = value.length;
  while (end > 0 && value[end - 1] === space) end--;
  return end > 0 && value[end - 1] === 0;
}
