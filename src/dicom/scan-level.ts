/** What the scanner keeps while a data set is open: one level of nesting, and its options. */
import type { Bytes } from "../foundation/bytes.ts";
import type { MalformedCode } from "../foundation/errors.ts";
import { findElement, trimmedLatin1 } from "./elements.ts";
import type { DataElement, Encoding, Fragment, Item, Tolerated } from "./model.ts";
import type { Tag } from "./tags.ts";

type Open<T> = { -readonly [K in keyof T]: T[K] };
export type OpenElement = Open<DataElement>;
export interface OpenItem extends Open<Omit<Item, "elements">> {
  elements: DataElement[];
}

/** The root, a sequence, an item, or the fragments of encapsulated data. */
export interface Level {
  readonly kind: "root" | "item" | "sequence" | "fragments";
  /** Absolute end, or Infinity while it is not known. */
  readonly end: number;
  /** The nearest end known of this level and those around it, the root's left out: nothing inside may pass it. */
  readonly bound: number;
  readonly encoding: Encoding;
  /** The elements collected here (root and item). */
  readonly elements: DataElement[];
  /** The greatest so far, or -1. */
  lastTag: number;
  /** Once out of order by tolerance: every element by its tag. Sorted when the level ends. */
  byTag: Map<Tag, DataElement> | undefined;
  /** The owner: of a sequence, or of fragments. */
  readonly element: OpenElement | undefined;
  readonly item: OpenItem | undefined;
  readonly items: Item[] | undefined;
  readonly fragments: Fragment[] | undefined;
}

/** The element of that tag read so far at this level. */
export function findInLevel(level: Level, tag: Tag): DataElement | undefined {
  return level.byTag ? level.byTag.get(tag) : findElement(level.elements, tag);
}

/** A creator is compared whole, so no more of it is looked at than LO may hold (PS3.5 section 6.2). */
const creatorBytesMax = 64;

/** What an implicit VR may depend on: earlier elements of the same item. */
export class Siblings {
  level: Level | undefined;
  // Elements of one block follow each other, so the last answer is nearly always the next.
  #creator: { level: Level | undefined; tag: Tag; text: string } = { level: undefined, tag: -1, text: "" };

  #find(tag: Tag): Bytes | undefined {
    return this.level && findInLevel(this.level, tag)?.value;
  }

  u16(tag: Tag): number | undefined {
    const value = this.#find(tag);
    return value && value.length >= 2 ? value[0]! | (value[1]! << 8) : undefined;
  }

  privateCreator(tag: Tag): string | undefined {
    const creatorTag = ((tag & 0xffff0000) >>> 0) + ((tag >>> 8) & 0xff);
    if (this.#creator.tag === creatorTag && this.#creator.level === this.level) return this.#creator.text;
    const value = this.#find(creatorTag);
    if (!value) return undefined;
    const text = trimmedLatin1(value.subarray(0, creatorBytesMax));
    this.#creator = { level: this.level, tag: creatorTag, text };
    return text;
  }
}

export interface ScannerOptions {
  readonly encoding: Encoding;
  /** Absolute offset of the first byte. */
  readonly position: number;
  /** Absolute end when it is known, else Infinity (bytes still arriving). */
  readonly end: number;
  /** Nothing may reach beyond this offset: more is over a limit. */
  readonly endMax?: number;
  /** Stop before the first element whose group is not 0002. */
  readonly metaOnly?: boolean;
  /** Group 0004 is allowed: a DICOMDIR (PS3.3 annex F). */
  readonly directory?: boolean;
  readonly tolerate: ReadonlySet<MalformedCode>;
  readonly tolerated: Tolerated[];
  /** Windows are reused by the driver, so values are copied out of them. */
  readonly copyValues: boolean;
  /** Called when the header of top-level pixel data has been read, with the elements before it. Its value may not have arrived. */
  readonly onPixelData?: (element: DataElement, before: readonly DataElement[]) => void;
}
