/** The data dictionary: PS3.6 and the command set of PS3.7, the private elements DCMTK knows, and the names of UIDs. */
import { groupOf, isPrivate, isPrivateCreator, type Tag } from "../tags.ts";
import type { DictionaryVr, Vr } from "../vr.ts";
import { spellKeyword } from "./keyword.ts";
import privateTable from "./private.generated.json" with { type: "json" };
import standardTable from "./standard.generated.json" with { type: "json" };

export interface DictionaryEntry {
  readonly vr: DictionaryVr;
  /** As PS3.6 writes it: "1", "2-n", "1-n or 1". */
  readonly vm: string;
  /** Empty for the few retired rows that the standard blanked. */
  readonly keyword: string;
  readonly name: string;
  readonly retired: boolean;
  /** DCMTK 3.6.7 has the tag, with this VR: where false, DCMTK reads it as UN from implicit VR. */
  readonly knownToDcmtk: boolean;
}

/** "2026b" */
export const editionOfStandard: string = standardTable.edition;

const groupLength: DictionaryEntry = generic("UL", "Generic Group Length", true);
const privateCreator: DictionaryEntry = generic("LO", "Private Creator", false);

const exact = new Map<Tag, DictionaryEntry>();
/** Mask of the digits that are fixed -> masked tag -> entry. Five masks cover every repeating group and element. */
const repeating = new Map<number, Map<Tag, DictionaryEntry>>();
const tagsByKeyword = new Map<string, Tag>();
for (const row of standardTable.elements) addRow(row);

function generic(vr: Vr, name: string, retired: boolean): DictionaryEntry {
  return { vr, vm: "1", keyword: name.replaceAll(" ", ""), name, retired, knownToDcmtk: true };
}

/** `tag|vr|vm|keyword|name|flags`, see tools/dictionary/generate.ts. */
function addRow(row: string): void {
  const [pattern = "", vr = "", vm = "", keyword = "", name = "", flags = ""] = row.split("|");
  const entry: DictionaryEntry = {
    vr: vr as DictionaryVr,
    vm,
    keyword,
    name: name === "" ? spellKeyword(keyword) : name,
    retired: flags.includes("R"),
    knownToDcmtk: flags.includes("D"),
  };
  const tag = Number.parseInt(pattern.replaceAll("x", "0"), 16);
  if (pattern.includes("x")) {
    const mask = Number.parseInt(pattern.replace(/[^x]/g, "f").replace(/x/g, "0"), 16);
    const masked = repeating.get(mask) ?? new Map<Tag, DictionaryEntry>();
    repeating.set(mask, masked.set(tag, entry));
  } else {
    exact.set(tag, entry);
  }
  if (keyword !== "" && (!pattern.includes("x") || !tagsByKeyword.has(keyword)))
    tagsByKeyword.set(keyword, tag);
}

/**
 * What the standard says of a tag. Group lengths are UL, Private Creators LO; other elements of odd groups are nobody's here
 * (`lookupPrivate`). Repeating groups (50xx, 60xx, 7Fxx) stand for their even groups.
 */
export function lookup(tag: Tag): DictionaryEntry | undefined {
  const entry = exact.get(tag);
  if (entry !== undefined) return entry;
  if ((tag & 0xffff) === 0) return groupLength;
  if (isPrivate(tag)) return isPrivateCreator(tag) ? privateCreator : undefined;
  for (const [mask, masked] of repeating) {
    const found = masked.get((tag & mask) >>> 0);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface PrivateElements {
  /** (group << 16 | element): the number as the dictionary gives it, two digits (any block) or four (fixed). */
  readonly byTag: ReadonlyMap<number, Vr>;
  /** Odd groups of a range. */
  readonly ranges: readonly { low: number; high: number; byElement: ReadonlyMap<number, Vr> }[];
}

const privateCreators: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map(
  Object.entries(privateTable.creators as Record<string, Record<string, string>>),
);
const parsedCreators = new Map<string, PrivateElements>();

function elementsOf(creator: string): PrivateElements | undefined {
  const parsed = parsedCreators.get(creator);
  if (parsed !== undefined) return parsed;
  const groups = privateCreators.get(creator);
  if (groups === undefined) return undefined;
  const byTag = new Map<number, Vr>();
  const ranges: { low: number; high: number; byElement: Map<number, Vr> }[] = [];
  for (const [group, rows] of Object.entries(groups)) {
    const [low = 0, high] = group.split("-").map((part) => Number.parseInt(part, 16));
    const byElement = new Map<number, Vr>();
    for (const row of rows.split(",")) {
      const [element = "", vr = ""] = row.split(" ");
      byElement.set(Number.parseInt(element, 16), vr as Vr);
    }
    if (high !== undefined) ranges.push({ low, high, byElement });
    else for (const [element, vr] of byElement) byTag.set(low * 0x10000 + element, vr);
  }
  const elements = { byTag, ranges };
  parsedCreators.set(creator, elements);
  return elements;
}

/**
 * DCMTK's VR of a private element (its dicom.dic and private.dic): the fixed element number first, then the low byte within the creator's
 * block, then ranges of odd groups. `creator` is compared exactly, after trailing blanks and NULs.
 */
export function lookupPrivate(creator: string, tag: Tag): Vr | undefined {
  const elements = elementsOf(creator.replace(/[ \0]+$/, ""));
  if (elements === undefined || !isPrivate(tag)) return undefined;
  const inBlock = ((tag & 0xffff00ff) >>> 0) as Tag;
  const found = elements.byTag.get(tag) ?? elements.byTag.get(inBlock);
  if (found !== undefined) return found;
  const group = groupOf(tag);
  for (const range of elements.ranges) {
    if (group < range.low || group > range.high) continue;
    const vr = range.byElement.get(tag & 0xffff) ?? range.byElement.get(tag & 0xff);
    if (vr !== undefined) return vr;
  }
  return undefined;
}

/** The tag of a keyword; for repeating groups the first (`OverlayData` is (6000,3000)). */
export function tagOfKeyword(keyword: string): Tag | undefined {
  return tagsByKeyword.get(keyword);
}

const uidNames: ReadonlyMap<string, string> = new Map(Object.entries(standardTable.uids));

/** The name PS3.6 annex A gives a UID: SOP classes, transfer syntaxes, well-known instances and frames of reference. */
export function uidName(uid: string): string | undefined {
  return uidNames.get(uid);
}
