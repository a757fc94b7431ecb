/** Attributes that say something of sample values (PS3.3 C.7.6.3, C.7.5.1.1.2): what they must say of the marked frames. */

import { findElement } from "../dicom/elements.ts";
import { numberElement } from "../dicom/encode.ts";
import type { DicomObject } from "../dicom/model.ts";
import type { ImageAttributes } from "../dicom/pixel-data/image-attributes.ts";
import type { Edit } from "../dicom/splice.ts";
import { type Tag, tags } from "../dicom/tags.ts";
import { type Bytes, u16le, viewOf } from "../foundation/bytes.ts";
import type { ReplacedAttribute } from "../provenance/manifest/watermark-table.ts";

interface Range {
  min: number;
  max: number;
}

function empty(): Range {
  return { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
}

function include(range: Range, value: number): void {
  if (value < range.min) range.min = value;
  if (value > range.max) range.max = value;
}

/** Watches the frames of one object go by, before and after marking. */
export class ValueAttributes {
  readonly #object: DicomObject;
  readonly #attributes: ImageAttributes;
  /** Pixel Padding Value, and Pixel Padding Range Limit where there is one. */
  readonly #padding: Range | undefined;
  /** Nothing is looked at for attributes that are not there. */
  readonly #isNeeded: boolean;
  #isBlind = false;
  readonly #before = empty();
  readonly #after = empty();
  /** Marked values of what was padding, and of what was below and above it. */
  readonly #paddingAfter = empty();
  readonly #belowAfter = empty();
  readonly #aboveAfter = empty();

  constructor(object: DicomObject, attributes: ImageAttributes) {
    this.#object = object;
    this.#attributes = attributes;
    this.#isNeeded =
      attributes.samplesPerPixel === 1 && valueTags.some((tag) => findElement(object.elements, tag));
    const value = this.#numberOf(tags.pixelPaddingValue);
    const limit = this.#numberOf(tags.pixelPaddingRangeLimit) ?? value;
    if (value !== undefined && limit !== undefined)
      this.#padding = { min: Math.min(value, limit), max: Math.max(value, limit) };
  }

  /** A frame whose samples are not known. */
  overlook(): void {
    this.#isBlind = true;
  }

  /** One frame in canonical form. Colour has neither padding nor extremes. */
  watch(before: Bytes, after: Bytes): void {
    if (!this.#isNeeded) return;
    const { bitsAllocated, bitsStored, pixelRepresentation } = this.#attributes;
    const shift = 32 - bitsStored;
    const [was, is] = [viewOf(before), viewOf(after)];
    const read = (view: DataView, at: number): number => {
      const stored = bitsAllocated === 8 ? view.getUint8(at) : view.getUint16(2 * at, true);
      return pixelRepresentation === 1 ? (stored << shift) >> shift : (stored << shift) >>> shift;
    };
    const padding = this.#padding;
    const count = (8 * before.length) / bitsAllocated;
    for (let i = 0; i < count; i++) {
      const [old, marked] = [read(was, i), read(is, i)];
      include(this.#before, old);
      include(this.#after, marked);
      if (padding === undefined) continue;
      if (old < padding.min) include(this.#belowAfter, marked);
      else if (old > padding.max) include(this.#aboveAfter, marked);
      else include(this.#paddingAfter, marked);
    }
  }

  /** Undefined where padding and image could not be told from each other any more. */
  edits(): { readonly edits: readonly Edit[]; readonly replaced: readonly ReplacedAttribute[] } | undefined {
    if (this.#isNeeded && (this.#isBlind || this.#isPaddingUnreadable())) return undefined;
    const numbers = new Map<Tag, number>();
    if (this.#padding !== undefined && !this.#widenPadding(this.#padding, numbers)) return undefined;
    this.#moveExtremes(numbers);
    const changes = [...numbers].sort(([a], [b]) => a - b);
    return {
      edits: changes.map(([tag, number]) => {
        const vr = findElement(this.#object.elements, tag)?.vr ?? this.#vr;
        return { kind: "put", element: numberElement(tag, vr, number) };
      }),
      replaced: changes.map(([tag]) => ({ tag, value: this.#valueOf(tag) })),
    };
  }

  /** UN, several values, another length: viewers may find a number in it all the same. */
  #isPaddingUnreadable(): boolean {
    return paddingTags.some((tag) => {
      const element = findElement(this.#object.elements, tag);
      return element !== undefined && element.length > 0 && this.#valueOf(tag) === undefined;
    });
  }

  /** Padding that was changed stays padding: the range holds it, and nothing that was image. */
  #widenPadding(padding: Range, numbers: Map<Tag, number>): boolean {
    const min = Math.min(padding.min, this.#paddingAfter.min);
    const max = Math.max(padding.max, this.#paddingAfter.max);
    if (this.#belowAfter.max >= min || this.#aboveAfter.min <= max) return false;
    const value = this.#numberOf(tags.pixelPaddingValue)!;
    if (min === padding.min && max === padding.max) return true;
    // Nothing is known of a limit that is no number.
    if (
      findElement(this.#object.elements, tags.pixelPaddingRangeLimit) &&
      !this.#valueOf(tags.pixelPaddingRangeLimit)
    )
      return false;
    // The value stays one end of the range where it can.
    const newValue = value === min || value === max ? value : min;
    if (newValue !== value) numbers.set(tags.pixelPaddingValue, newValue);
    numbers.set(tags.pixelPaddingRangeLimit, newValue === min ? max : min);
    return true;
  }

  /** A bound that was right, or exact, is right, or exact; a wrong one is nobody's business here. */
  #moveExtremes(numbers: Map<Tag, number>): void {
    const [before, after] = [this.#before, this.#after];
    const move = (
      tag: Tag,
      old: number,
      now: number,
      isBound: (stated: number, value: number) => boolean,
    ): void => {
      const stated = this.#numberOf(tag);
      if (stated === undefined || !isBound(stated, old)) return;
      const isExact = stated === old && !seriesTags.has(tag);
      if ((isExact && now !== stated) || !isBound(stated, now)) numbers.set(tag, now);
    };
    const isLower = (stated: number, value: number): boolean => stated <= value;
    const isUpper = (stated: number, value: number): boolean => stated >= value;
    if (before.min > before.max) return;
    for (const tag of [tags.smallestImagePixelValue, tags.smallestPixelValueInSeries])
      move(tag, before.min, after.min, isLower);
    for (const tag of [tags.largestImagePixelValue, tags.largestPixelValueInSeries])
      move(tag, before.max, after.max, isUpper);
  }

  get #vr(): "US" | "SS" {
    return this.#attributes.pixelRepresentation === 1 ? "SS" : "US";
  }

  /** Little endian. Undefined where it is absent or not one number of 16 bits. */
  #valueOf(tag: Tag): Bytes | undefined {
    const element = findElement(this.#object.elements, tag);
    const value = element?.value;
    if (!element || !value || (element.vr !== "US" && element.vr !== "SS") || value.length !== 2)
      return undefined;
    return u16le(viewOf(value).getUint16(0, !element.encoding.bigEndian));
  }

  #numberOf(tag: Tag): number | undefined {
    const value = this.#valueOf(tag);
    if (value === undefined) return undefined;
    const view = viewOf(value);
    return this.#vr === "SS" ? view.getInt16(0, true) : view.getUint16(0, true);
  }
}

const valueTags: readonly Tag[] = [
  tags.smallestImagePixelValue,
  tags.largestImagePixelValue,
  tags.smallestPixelValueInSeries,
  tags.largestPixelValueInSeries,
  tags.pixelPaddingValue,
];
const paddingTags: readonly Tag[] = [tags.pixelPaddingValue, tags.pixelPaddingRangeLimit];
const seriesTags: ReadonlySet<Tag> = new Set([
  tags.smallestPixelValueInSeries,
  tags.largestPixelValueInSeries,
]);
