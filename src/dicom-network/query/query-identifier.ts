/** C-FIND identifiers (PS3.4 C.4.1.1.3.1) read to queries, and written from them. */
import {
  type CharacterSet,
  characterSetOf,
  displayText,
  type TextDecoding,
} from "../../dicom/character-sets.ts";
import { lookup } from "../../dicom/dictionary/dictionary.ts";
import { type NewElement, numberElement, textElement } from "../../dicom/encode.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import { elementOf, isPrivate, type Tag, tagHex, tags } from "../../dicom/tags.ts";
import { isVr, type Vr, vrTraits } from "../../dicom/vr.ts";
import { utf8, viewOf } from "../../foundation/bytes.ts";
import { levelOf, queryRetrieveLevelTag, unfit, uniqueKeysOf } from "./hierarchy.ts";
import { matchingOf } from "./matching.ts";
import type { Matching, Query, QueryKey } from "./query.ts";

/** PS3.4 C.4.1.1.3.1: they say how keys are meant, and are none. */
const timezoneOffset: Tag = 0x00080201;
const queryRetrieveView: Tag = 0x00080053;
const noKeys: ReadonlySet<Tag> = new Set([
  tags.specificCharacterSet,
  queryRetrieveLevelTag,
  queryRetrieveView,
  timezoneOffset,
]);

export interface ReadQuery {
  readonly query: Query;
  /** Private and unknown attributes were asked for: matched as if they were not there. */
  readonly areKeysIgnored: boolean;
}

/**
 * @param isRelational the association negotiated relational queries (PS3.4 C.5.1.1): unique keys above the level may be left out
 * @throws ScansealError `peer-protocol` for an identifier that does not fit the SOP class; no values in its message
 */
export function readQueryIdentifier(
  { elements }: DicomObject,
  root: Query["root"],
  isRelational: boolean,
  decoding: TextDecoding,
): ReadQuery {
  const level = levelOf(elements, root);
  const reader = new KeyReader(decoding);
  reader.readLevel(elements, characterSetOf(elements), []);
  if (elements.some(({ tag, length }) => tag === queryRetrieveView && length > 0))
    throw unfit("a view, which was not negotiated");
  const { keys } = reader;
  checkHierarchy(keys, root, level, isRelational);
  return {
    query: { root, level, keys, isEverythingAsked: false, offset: 0, limit: undefined },
    areKeysIgnored: reader.areKeysIgnored,
  };
}

/** C.4.1.2.1 and C.4.1.3.1: above the level one value of each unique key; below it none. Relational queries are freer (C.4.1.2.2). */
function checkHierarchy(
  keys: readonly QueryKey[],
  root: Query["root"],
  level: Query["level"],
  isRelational: boolean,
): void {
  if (isRelational) return;
  const unique = uniqueKeysOf(root);
  const own = unique.findIndex((key) => key.level === level);
  unique.forEach(({ tag }, at) => {
    const kind = keys.find(({ path }) => path.length === 1 && path[0] === tag)?.match.kind;
    if (at < own && kind !== "single") throw unfit("a unique key above the level has not one value");
    if (at > own && kind !== undefined && kind !== "universal")
      throw unfit("a unique key below the level: relational queries were not negotiated");
  });
}

class KeyReader {
  readonly keys: QueryKey[] = [];
  areKeysIgnored = false;
  readonly #decoding: TextDecoding;

  constructor(decoding: TextDecoding) {
    this.#decoding = decoding;
  }

  /** Recursion ends at the second level: `QueryKey.path` has no third. */
  readLevel(elements: readonly DataElement[], set: CharacterSet, around: readonly Tag[]): void {
    for (const element of elements) {
      const { tag } = element;
      if (noKeys.has(tag) || elementOf(tag) === 0) continue;
      const path = [...around, tag];
      if (isPrivate(tag) || (element.vr === "UN" && element.length > 0)) this.areKeysIgnored = true;
      else if (element.vr === "SQ" || lookup(tag)?.vr === "SQ") this.#readSequence(element, set, path);
      else this.keys.push({ path, match: this.#matchingOf(element, set) });
    }
  }

  /** C.2.2.2.6: no item, or one. */
  #readSequence({ items = [] }: DataElement, set: CharacterSet, path: readonly Tag[]): void {
    if (items.length > 1) throw unfit("a sequence with more than one item");
    const [item] = items;
    if (!item || item.elements.length === 0) this.keys.push({ path, match: { kind: "universal" } });
    else if (path.length > 1) throw unfit("keys in a sequence of a sequence");
    else this.readLevel(item.elements, characterSetOf(item.elements, set), path);
  }

  #matchingOf(element: DataElement, set: CharacterSet): Matching {
    const { vr } = element;
    if (element.length === 0) return { kind: "universal" };
    const text = displayText(element, set, this.#decoding);
    if (text !== undefined) return matchingOf(vr, text);
    const value = numberText(element);
    if (value === undefined) throw unfit("a value that cannot be matched");
    return { kind: "single", value };
  }
}

/** Of a value of one number, decimal; of AT eight hexadecimal digits. */
function numberText({ value, vr, encoding }: DataElement): string | undefined {
  const width = vr === "AT" ? 4 : vrTraits[vr].width;
  if (!value || value.length !== width) return undefined;
  const view = viewOf(value);
  const little = !encoding.bigEndian;
  switch (vr) {
    case "AT":
      return tagHex(((view.getUint16(0, little) << 16) | view.getUint16(2, little)) >>> 0);
    case "US":
      return `${view.getUint16(0, little)}`;
    case "SS":
      return `${view.getInt16(0, little)}`;
    case "UL":
      return `${view.getUint32(0, little)}`;
    case "SL":
      return `${view.getInt32(0, little)}`;
    case "UV":
      return `${view.getBigUint64(0, little)}`;
    case "SV":
      return `${view.getBigInt64(0, little)}`;
    case "FL":
      return `${view.getFloat32(0, little)}`;
    case "FD":
      return `${view.getFloat64(0, little)}`;
    default:
      return undefined;
  }
}

/** The elements that ask for it; `offset`, `limit` and `isEverythingAsked` have no words in C-FIND. */
export function elementsOfQuery({ level, keys }: Query): NewElement[] {
  const elements = [textElement(queryRetrieveLevelTag, "CS", level), ...elementsOfKeys(keys)];
  return elements.sort((a, b) => a.tag - b.tag);
}

/** The same of keys alone: a worklist has no levels (PS3.4 K.4.1.2). */
export function elementsOfKeys(keys: readonly QueryKey[]): NewElement[] {
  const ofSequences = new Map<Tag, NewElement[]>();
  const elements: NewElement[] = [];
  let isAscii = true;
  for (const { path, match } of keys) {
    const [first, second] = path;
    const text = matchText(match);
    if (!/^[\x00-\x7f]*$/.test(text)) isAscii = false;
    if (second === undefined) elements.push(keyElement(first!, text));
    else ofSequences.set(first!, [...(ofSequences.get(first!) ?? []), keyElement(second, text)]);
  }
  for (const [tag, inner] of ofSequences)
    elements.push({ tag, vr: "SQ", items: [inner.sort((a, b) => a.tag - b.tag)] });
  if (!isAscii) elements.push(textElement(tags.specificCharacterSet, "CS", "ISO_IR 192"));
  return elements.sort((a, b) => a.tag - b.tag);
}

function matchText(match: Matching): string {
  switch (match.kind) {
    case "universal":
      return "";
    case "single":
      return match.value;
    case "wildcard":
      return match.pattern;
    case "uids":
      return match.values.join("\\");
    case "range":
      return `${match.from ?? ""}-${match.to ?? ""}`;
  }
}

function keyElement(tag: Tag, text: string): NewElement {
  const vr = vrOf(tag);
  if (vr === "SQ") return { tag, vr, items: [] };
  if (text === "" || vrTraits[vr].text) return textElement(tag, vr, utf8(text));
  return numberElement(tag, vr, vr === "AT" ? Number.parseInt(text, 16) : Number(text));
}

/** Of the ambiguous ones the first. */
function vrOf(tag: Tag): Vr {
  const vr = lookup(tag)?.vr.slice(0, 2) ?? "";
  return isVr(vr) ? vr : "LO";
}
