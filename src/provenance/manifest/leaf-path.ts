/** Path text of a leaf: spec/commitments.md, "Paths". */

import type { DataElement } from "../../dicom/model.ts";
import { elementOf, groupOf, isPrivate, isPrivateCreator, type Tag, tagHex } from "../../dicom/tags.ts";
import { type Bytes, latin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** The group and creator of the seal's own private block. */
export const sealGroup = 0x0071;
export const sealCreator = "SCANSEAL 1.0";

/** LO is 64 characters, in any character set below 256 bytes. */
const creatorBytesMax = 256;

/** A block of private elements reserved by a creator (PS3.5 section 7.8.1). */
interface Block {
  readonly creator: string;
  /** 0 for the first block of this creator in this group; a second one is legal and gets 1. */
  readonly ordinal: number;
}

/** Names the elements of one data set or item. Renumbering a private block changes no name. */
export class ElementNames {
  /** By the creator's tag. */
  readonly #blocks: ReadonlyMap<Tag, Block>;
  /** Creator tags of blocks that hold an element. */
  readonly #used: ReadonlySet<Tag>;

  constructor(elements: readonly DataElement[]) {
    const blocks = new Map<Tag, Block>();
    const used = new Set<Tag>();
    const ordinals = new Map<string, number>();
    for (const { tag, value } of elements) {
      if (!isPrivate(tag)) continue;
      if (!isPrivateCreator(tag)) {
        used.add(creatorTagOf(tag));
        continue;
      }
      const creator = creatorText(tag, value);
      if (creator === "") continue;
      const key = `${groupOf(tag)}[${creator}`;
      const ordinal = ordinals.get(key) ?? 0;
      ordinals.set(key, ordinal + 1);
      blocks.set(tag, { creator, ordinal });
    }
    this.#blocks = blocks;
    this.#used = used;
  }

  /** The path component of an element, or undefined for a creator whose elements carry its name. */
  component(tag: Tag): string | undefined {
    if (!isPrivate(tag)) return tagHex(tag);
    const hex = tagHex(tag);
    const group = hex.slice(0, 4);
    if (isPrivateCreator(tag)) {
      const block = this.#blocks.get(tag);
      if (!block) return `${group}[]${hex.slice(4)}`;
      return this.#used.has(tag) ? undefined : group + blockText(block);
    }
    const block = this.#blocks.get(creatorTagOf(tag));
    return block ? group + blockText(block) + hex.slice(6) : `${group}[]${hex.slice(4)}`;
  }

  /** The first creator element of the seal's own block. */
  get sealCreatorTag(): Tag | undefined {
    for (const [tag, { creator, ordinal }] of this.#blocks)
      if (groupOf(tag) === sealGroup && creator === sealCreator && ordinal === 0) return tag;
    return undefined;
  }
}

/** (gggg,10xx) belongs to (gggg,0010). */
export function creatorTagOf(tag: Tag): Tag {
  return ((tag & 0xffff0000) | (elementOf(tag) >>> 8)) >>> 0;
}

function blockText({ creator, ordinal }: Block): string {
  return ordinal === 0 ? `[${creator}]` : `[${creator}][${ordinal}]`;
}

/** Creator text without trailing blanks; what is not printable ASCII, and `%[]/`, as %XX. Empty for an unusable creator. */
export function creatorText(tag: Tag, value: Bytes | undefined): string {
  if (value === undefined) return "";
  if (value.length > creatorBytesMax)
    throw new ScansealError("limit-length", "a private creator is too long", { tag });
  const text = latin1(value).replace(/ +$/, "");
  if (/^[ !-$&-.0-Z\\^-~]*$/.test(text)) return text;
  return text.replace(
    /[^ !-$&-.0-Z\\^-~]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
