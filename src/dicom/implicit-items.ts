/** Items inside a value whose VR was lost: implicit VR little endian, as software without a dictionary leaves a sequence in UN. */

import { type Bytes, viewOf } from "../foundation/bytes.ts";
import { nestingReportMax } from "./limits.ts";
import type { DataElement, Encoding, Item } from "./model.ts";
import { type Tag, tags } from "./tags.ts";

const implicitLittle: Encoding = { explicit: false, bigEndian: false };
const undefinedLength = 0xffffffff;
/** As in the reader: items and elements of one value. Beyond it the value stays opaque. */
const elementsMax = 100_000;

/** True when the value begins like a sequence: an item tag. */
export function beginsWithItem(bytes: Bytes): boolean {
  return bytes.length >= 8 && bytes[0] === 0xfe && bytes[1] === 0xff && bytes[2] === 0 && bytes[3] === 0xe0;
}

/**
 * The items of `bytes`, or undefined when they are not items from the first byte to the last. `base` is the offset of `bytes` in the source.
 * Values of defined length stay values: whether they hold items is asked again when they are looked at.
 */
export function implicitItems(bytes: Bytes, base: number, depth: number): Item[] | undefined {
  const parser = new ItemParser(bytes, base);
  const items = parser.items(0, bytes.length, false, depth);
  return items && items.end === bytes.length ? items.items : undefined;
}

/** The items of a sequence, also of one that software without a dictionary wrapped into UN. Undefined where there are none to be read. */
export function sequenceItems({ items, vr, value, valueOffset }: DataElement): readonly Item[] | undefined {
  if (items || vr !== "UN" || !value) return items;
  return implicitItems(value, valueOffset, 0);
}

interface ItemsEnd {
  readonly items: Item[];
  /** After the last byte read, a delimiter included. */
  readonly end: number;
}

class ItemParser {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  readonly #base: number;
  #budget = elementsMax;

  constructor(bytes: Bytes, base: number) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#base = base;
  }

  /** Tag and length at `at`, or undefined where they do not fit. */
  #header(at: number, limit: number): { tag: Tag; length: number } | undefined {
    if (at + 8 > limit || --this.#budget < 0) return undefined;
    const view = this.#view;
    const tag = ((view.getUint16(at, true) << 16) | view.getUint16(at + 2, true)) >>> 0;
    return { tag, length: view.getUint32(at + 4, true) };
  }

  /** Items until `limit`, or until the sequence delimiter when `delimited`. */
  items(start: number, limit: number, delimited: boolean, depth: number): ItemsEnd | undefined {
    if (depth > nestingReportMax) return undefined;
    const items: Item[] = [];
    let at = start;
    while (at < limit) {
      const header = this.#header(at, limit);
      if (!header) return undefined;
      if (header.tag === tags.sequenceDelimitation)
        return delimited && header.length === 0 ? { items, end: at + 8 } : undefined;
      if (header.tag !== tags.item) return undefined;
      const endless = header.length === undefinedLength;
      if (!endless && at + 8 + header.length > limit) return undefined;
      const content = this.#elements(at + 8, endless ? limit : at + 8 + header.length, endless, depth);
      if (!content) return undefined;
      items.push({
        offset: this.#base + at,
        undefinedLength: endless,
        elements: content.elements,
        end: this.#base + content.end,
      });
      at = content.end;
    }
    return delimited ? undefined : { items, end: at };
  }

  #elements(
    start: number,
    limit: number,
    delimited: boolean,
    depth: number,
  ): { elements: DataElement[]; end: number } | undefined {
    const elements: DataElement[] = [];
    let before = -1;
    let at = start;
    while (at < limit) {
      const header = this.#header(at, limit);
      if (!header) return undefined;
      const { tag, length } = header;
      if (tag === tags.itemDelimitation)
        return delimited && length === 0 ? { elements, end: at + 8 } : undefined;
      // PS3.5 section 7.1: ascending, each once; delimiters of group FFFE are no elements.
      if (tag <= before || tag >>> 16 === 0xfffe || tag < 0x00080000) return undefined;
      const element = this.#element(tag, length, at, limit, depth);
      if (!element) return undefined;
      elements.push(element);
      before = tag;
      at = element.end - this.#base;
    }
    return delimited ? undefined : { elements, end: at };
  }

  #element(tag: Tag, length: number, at: number, limit: number, depth: number): DataElement | undefined {
    const base = this.#base;
    const common = { tag, vrOnWire: undefined, encoding: implicitLittle, offset: base + at };
    const valueOffset = base + at + 8;
    if (length === undefinedLength) {
      const nested = this.items(at + 8, limit, true, depth + 1);
      if (!nested) return undefined;
      const end = base + nested.end;
      const size = end - 8 - valueOffset;
      return {
        ...common,
        vr: "SQ",
        valueOffset,
        length: size,
        undefinedLength: true,
        end,
        items: nested.items,
      };
    }
    if (at + 8 + length > limit || length % 2 !== 0) return undefined;
    const value = this.#bytes.subarray(at + 8, at + 8 + length);
    return {
      ...common,
      vr: "UN",
      valueOffset,
      length,
      undefinedLength: false,
      end: valueOffset + length,
      value,
    };
  }
}
