/** Judging what arrived as UN: a standard attribute keeps its dictionary VR whatever the file says. */
import type { Tag } from "../tags.ts";
import type { DictionaryVr } from "../vr.ts";
import { lookup, lookupPrivate } from "./dictionary.ts";

/**
 * The VR by dictionary; for a private tag by the creator of its block, where one is given. An overlay inserted as UN is OB or OW by this and is
 * drawn by some viewers. Undefined when nobody knows the tag.
 */
export function vrByDictionary(tag: Tag, creator?: string): DictionaryVr | undefined {
  return lookup(tag)?.vr ?? (creator === undefined ? undefined : lookupPrivate(creator, tag));
}
