/** Parsers of the dictionaries' sources. What each file is: src/dicom/dictionary/README.md. */

/** A tag, or a pattern with `x` for "any hexadecimal digit" (repeating groups), lower case. */
export interface SourceElement {
  readonly tag: string;
  readonly vr: string;
  readonly vm: string;
  readonly keyword: string;
  readonly name: string;
  readonly retired: boolean;
}

export interface PrivateElement {
  /** "0019", or "6001-60FF" for the odd groups of a range. */
  readonly group: string;
  readonly creator: string;
  /** Two digits within the reserved block, or four for a fixed element number. */
  readonly element: string;
  readonly vr: string;
}

interface StandardTableRow {
  readonly id: string;
  readonly name: string;
  readonly keyword: string;
  readonly valueRepresentation: string;
  readonly valueMultiplicity: string;
  readonly retired: "Y" | "N";
}

/** PS3.6 chapters 6 to 9 as a JSON table. Rows that the standard blanked have neither keyword nor VR. */
export function parseStandardTable(text: string): SourceElement[] {
  return (JSON.parse(text) as StandardTableRow[]).map((row) => ({
    tag: row.id.toLowerCase(),
    vr: row.valueRepresentation,
    vm: row.valueMultiplicity,
    keyword: row.keyword,
    name: row.name,
    retired: row.retired === "Y",
  }));
}

/** DCMTK's internal VRs for "depends on other attributes". */
const internalVrs: Readonly<Record<string, string>> = {
  xs: "US or SS",
  ox: "OB or OW",
  px: "OB or OW",
  lt: "US or SS or OW",
  up: "UL",
  na: "See Note 2",
};

/** Ranges of dicom.dic that are repeating groups or elements of PS3.6. */
const ranges: Readonly<Record<string, string>> = {
  "5000-50ff": "50xx",
  "6000-60ff": "60xx",
  "7f00-7fff": "7fxx",
  "3100-31ff": "31xx",
};

/** The standard part of a dicom.dic; the generic rules for group lengths and private creators are in code. */
export function parseDcmtkStandard(text: string): SourceElement[] {
  const out: SourceElement[] = [];
  for (const [tag, vr, keyword, vm, version] of dictionaryLines(text)) {
    const match = /^\(([^,"]+),([^,"]+)\)$/.exec(tag.toLowerCase());
    if (match === null || /^(PRIVATE|ILLEGAL|GENERIC)$/.test(version)) continue;
    const pattern = (ranges[match[1]!] ?? match[1]!) + (ranges[match[2]!] ?? match[2]!);
    if (!/^[0-9a-fx]{8}$/.test(pattern)) throw new Error(`dicom.dic: unknown range ${tag}`);
    out.push({
      tag: pattern,
      vr: internalVrs[vr] ?? vr,
      vm,
      keyword: keyword.replace(/^RETIRED_/, ""),
      name: "",
      retired: version === "DICOM/retired",
    });
  }
  return out;
}

/** The private part of a dicom.dic or private.dic, in the order of the file: a later line replaces an earlier one. */
export function parseDcmtkPrivate(text: string): PrivateElement[] {
  const out: PrivateElement[] = [];
  for (const [tag, vr] of dictionaryLines(text)) {
    if (!tag.includes('"')) continue;
    const match = /^\(([0-9A-F]{4})(?:-O-([0-9A-F]{4}))?,"([^"]+)",([0-9A-F]{2}|[0-9A-F]{4})\)$/i.exec(tag);
    if (match === null) throw new Error(`private dictionary: unknown form ${tag}`);
    const [, low, high, creator, element] = match;
    const group = (high === undefined ? low! : `${low}-${high}`).toUpperCase();
    out.push({ group, creator: creator!, element: element!.toUpperCase(), vr });
  }
  return out;
}

/** Tag, VR, name, VM and version are separated by tabs; a line without a VR is a comment that lost its mark. */
function* dictionaryLines(text: string): Generator<[string, string, string, string, string]> {
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    const fields = line.split("\t").map((field) => field.trim());
    if (fields.length === 5) yield fields as [string, string, string, string, string];
  }
}

/** UID -> name from a table of Python tuples `'uid': ('name', 'type', ...)`. */
export function parseUidTable(text: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const match of text.matchAll(/^\s*'([0-9.]+)': \((?:'([^']*)'|"([^"]*)"),/gm)) {
    out.set(match[1]!, match[2] ?? match[3] ?? "");
  }
  return out;
}
