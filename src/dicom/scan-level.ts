/** What the scanner keeps while a data set is open: levels of nesting, and its options. */
import type { Bytes } from "../foundation/bytes.ts";
import type { MalformedCode } from "../foundation/errors.ts";
import type { DataElement, Encoding, Fragment, Item, Tolerated } from "./model.ts";
import type { Tag } from "./tags.ts";

type Open<T> = { -readonly [K in keyof T]: T[K] };
export type OpenElement = Open<DataElement>;
export interface OpenItem extends Open<Omit<Item, "elements">> {
  elements: DataElement[];
}

/** What is open at the scanner's position; the stack holds the root, then sequences, items and fragment lists in turn. */
export interface Level {
  readonly kind: "root" | "item" | "sequence" | "fragments";
  /** Absolute end, or Infinity while it is not known. */
  readonly end: number;
  readonly encoding: Encoding;
  /** The elements collected here (root and item). */
  readonly elements: DataElement[];
  lastTag: number;
  /** Out of order by tolerance: sorted when it ends. */
  disordered?: boolean;
  readonly element?: OpenElement;
  readonly item?: OpenItem;
  readonly items?: Item[];
  readonly fragments?: Fragment[];
}

/** What an implicit VR may depend on: earlier elements of the same item. */
export class Siblings {
  level: Level | undefined;

  #find(tag: Tag): Bytes | undefined {
    return this.level?.elements.find((e) => e.tag === tag)?.value;
  }

  u16(tag: Tag): number | undefined {
    const value = this.#find(tag);
    return value && value.length >= 2 ? value[0]! | (value[1]! << 8) : undefined;
  }

  privateCreator(tag: Tag): string | undefined {
    const value = this.#find(((tag & 0xffff0000) >>> 0) + ((tag >>> 8) & 0xff));
    return value && String.fromCharCode(...value.subarray(0, 64)).replace(/[ \0]+$/, "");
  }
}

export interface ScannerOptions {
  readonly encoding: Encoding;
  /** Absolute offset of the first byte. */
  readonly position: number;
  /** Absolute end when it is known, else Infinity (bytes still arriving). */
  readonly end: number;
  /** Stop before the first element whose group is not 0002. */
  readonly metaOnly?: boolean;
  /** Group 0004 is allowed: a DICOMDIR (PS3.3 annex F). */
  readonly directory?: boolean;
  readonly tolerate: ReadonlySet<MalformedCode>;
  readonly tolerated: Tolerated[];
  /** Windows are reused by the driver, so values are copied out of them. */
  readonly copyValues: boolean;
  /** Called when the header of top-level pixel data has been read, with the elements before it. */
  readonly onPixelData?: (element: DataElement, before: readonly DataElement[]) => void;
}
