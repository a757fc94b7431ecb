import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import rules from "../../../tools/dictionary/attribute-class-rules.json" with { type: "json" };
import {
  type ClassRules,
  checkRules,
  classData,
  classTables,
  withTables,
} from "../../../tools/dictionary/attribute-classes.ts";
import standardTable from "../../dicom/dictionary/standard.generated.json" with { type: "json" };
import table from "./attribute-classes.generated.json" with { type: "json" };
import { type AttributeClass, classOfAttribute, isTranscodeByProduct } from "./attribute-classes.ts";

const attributes = standardTable.elements.map((row) => {
  const [pattern = "", , , keyword = ""] = row.split("|");
  return { pattern, tag: pattern.replaceAll("x", "2").toUpperCase(), keyword };
});
const page = readFileSync(new URL("../../../spec/attribute-classes.md", import.meta.url), "utf8");

describe("every attribute of PS3.6", () => {
  it("has exactly one class", () => {
    const counts: Record<AttributeClass, number> = { clinical: 0, identity: 0, administrative: 0 };
    const both = table.identity.filter((tag) => table.administrative.includes(tag));
    expect(both).toEqual([]);
    for (const { pattern, tag } of attributes) {
      // Group lengths of the table are exempt by rule, not by listing.
      if (!pattern.endsWith("0000")) counts[classOfAttribute(tag)]++;
    }
    const lengths = attributes.filter(({ pattern }) => pattern.endsWith("0000")).length;
    expect(counts.identity).toBe(table.counts.identity);
    expect(counts.clinical + counts.identity + counts.administrative + lengths).toBe(attributes.length);
    expect(table.counts.clinical + table.counts.identity + table.counts.administrative).toBe(
      attributes.length,
    );
    expect(table.edition).toBe(standardTable.edition);
  });

  it("is where the rules by group put it", () => {
    const section = page.slice(page.indexOf("## Rules by group"), page.indexOf("## Exemptions"));
    const rules = [...section.matchAll(/^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$/gm)].slice(2);
    const classOfGroup = new Map<string, string>();
    const groups = new Set(attributes.map(({ pattern }) => pattern.slice(0, 4).toUpperCase()));
    for (const [, names = "", rule = ""] of rules) {
      for (const [, from = "", to = from] of names.matchAll(/([0-9A-Fx]{4})(?: to ([0-9A-F]{4}))?/g)) {
        for (const group of groups) {
          if (group !== from.toUpperCase() && !(group >= from && group <= to)) continue;
          expect(classOfGroup.has(group), group).toBe(false);
          classOfGroup.set(group, rule);
        }
      }
    }
    expect([...groups].filter((group) => !classOfGroup.has(group))).toEqual([]);
    for (const { pattern, tag } of attributes) {
      const rule = classOfGroup.get(pattern.slice(0, 4).toUpperCase());
      if (pattern.endsWith("0000") || rule === undefined || /table/.test(rule)) continue;
      expect(`${tag} ${classOfAttribute(tag)}`).toBe(`${tag} ${rule}`);
    }
  });
});

describe("the page and the data", () => {
  // The tables have keywords as keys, so their type has nothing in common with a record.
  const handKept = rules as unknown as ClassRules;

  it("are what the hand-kept rules say", () => {
    checkRules(handKept, new Map(attributes.map(({ pattern, keyword }) => [pattern.toUpperCase(), keyword])));
    expect(table).toEqual({ edition: standardTable.edition, ...classData(handKept, attributes.length) });
    expect(withTables(page, classTables(handKept))).toBe(page);
  });

  it("list the same attributes under the same class and keyword", () => {
    const listed: Record<string, string[]> = { identity: [], administrative: [], carrier: [] };
    const keywords = new Map(attributes.map(({ tag, keyword }) => [tag, keyword]));
    let current: string[] = [];
    for (const line of page.slice(page.indexOf("## Tables")).split("\n")) {
      const heading = /^### .* \((identity|administrative|carrier), \d+\)$/.exec(line);
      if (heading !== null) current = listed[heading[1]!]!;
      const row = /^\| \(([0-9A-F]{4}),([0-9A-F]{4})\) \| (\w+) \|$/.exec(line);
      if (row === null) continue;
      expect(keywords.get(row[1]! + row[2]!)).toBe(row[3]);
      current.push(row[1]! + row[2]!);
    }
    expect(listed.identity?.sort()).toEqual(table.identity);
    expect(listed.administrative?.sort()).toEqual(table.administrative);
    expect(listed.carrier?.sort()).toEqual(table.carriers);
  });

  it("name the same by-products", () => {
    const section = page.slice(page.indexOf(" 6. The attribute"), page.indexOf("Not by-products"));
    const named = [...section.matchAll(/\(([0-9A-F]{4}),([0-9A-F]{4})\)/g)].map(
      (match) => match[1]! + match[2]!,
    );
    expect([...new Set(named)].sort()).toEqual(table.transcode.map((rule) => rule.tag).sort());
  });
});

describe("classOfAttribute", () => {
  it.each<[string, AttributeClass]>([
    // identity
    ["00100010", "identity"],
    ["00100020", "identity"],
    ["00100030", "identity"],
    ["00100040", "identity"],
    ["00080050", "identity"],
    ["00080080", "identity"],
    ["00080090", "identity"],
    ["00200010", "identity"],
    ["00402016", "identity"],
    ["00120040", "identity"],
    ["00080005", "identity"],
    // administrative
    ["00080054", "administrative"],
    ["00080056", "administrative"],
    ["00080015", "administrative"],
    ["00880130", "administrative"],
    ["01000424", "administrative"],
    ["00020016", "administrative"],
    ["FFFCFFFC", "administrative"],
    ["fffafffa", "administrative"],
    ["00100000", "administrative"],
    ["00090000", "administrative"],
    // clinical: binding, geometry, display, body
    ["00080016", "clinical"],
    ["00080018", "clinical"],
    ["0020000D", "clinical"],
    ["0020000E", "clinical"],
    ["00200052", "clinical"],
    ["00280030", "clinical"],
    ["00281050", "clinical"],
    ["00200060", "clinical"],
    ["00321065", "clinical"],
    ["60003000", "clinical"],
    ["601E3000", "clinical"],
    ["7FE00010", "clinical"],
    ["00880200", "clinical"],
    ["00101030", "clinical"],
    ["00080020", "clinical"],
    ["00081190", "clinical"],
    ["01000410", "clinical"],
    ["00282110", "clinical"],
    // unknown and private
    ["12340001", "clinical"],
    ["00090010", "clinical"],
    ["0009[ACME 1.0]01", "clinical"],
    ["00081140/0/0009[ACME 1.0]01", "clinical"],
    ["0071[SCANSEAL 1.0]00", "administrative"],
    ["0071[SCANSEAL 1.0]03", "administrative"],
    ["0071[SCANSEAL 1.0]", "administrative"],
    ["0071[SCANSEAL 1.0]04", "clinical"],
    ["0071[SCANSEAL 1.0][1]00", "clinical"],
    ["0009[ACME 1.0]", "clinical"],
    ["0009[]1001", "clinical"],
    ["7FE00010/f/0", "clinical"],
    ["0073[SCANSEAL 1.0]00", "clinical"],
    ["00081140/0/0071[SCANSEAL 1.0]00", "clinical"],
    ["0071[SCANSEAL 1.0]00/0/00080054", "clinical"],
    // nested: the strictest wins
    ["00400275", "identity"],
    ["00400275/0/00400009", "identity"],
    ["00400275/0/00321064/0/00080100", "identity"],
    ["00400275/0/0020000D", "clinical"],
    ["00400275/0/00200060", "clinical"],
    ["00101002/1/00100020", "identity"],
    ["00100024/0/00400032", "identity"],
    ["00081110/0/00081155", "identity"],
    ["00081140/0/00081155", "clinical"],
    ["00081140/0/00100010", "clinical"],
    ["00081140/0/00080054", "clinical"],
    ["00400275/0/00080054", "identity"],
    ["0018A001/0/00080070", "identity"],
    ["00080070", "clinical"],
    ["00080104", "clinical"],
    ["00082218/0/00080100", "clinical"],
    ["04000561/0/04000550/0/00100020", "identity"],
    ["04000561/0/04000550/0/00280030", "clinical"],
    ["FFFAFFFA/0/04000120", "administrative"],
    ["FFFAFFFA/0/04000401/0/00080100", "administrative"],
    ["FFFAFFFA/0/60003000", "clinical"],
    ["52009230/3/00209113/0/00200032", "clinical"],
    // not a path
    ["", "clinical"],
    ["0010001", "clinical"],
    ["00100010/", "clinical"],
    ["00100010/00100020", "clinical"],
    ["PatientName", "clinical"],
  ])("%s is %s", (path, expected) => {
    expect(classOfAttribute(path)).toBe(expected);
  });

  it("takes any text without an error, and knows nothing outside its alphabet", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!/^[0-9a-fA-F]{8}/.test(text)) expect(classOfAttribute(text)).toBe("clinical");
      }),
    );
  });

  it("never gets laxer on the way down, except by nothing", () => {
    const order: Record<AttributeClass, number> = { administrative: 0, identity: 1, clinical: 2 };
    const tags = fc.constantFrom(...attributes.map(({ tag }) => tag));
    fc.assert(
      fc.property(tags, tags, fc.nat(9), (outer, inner, item) => {
        const nested = order[classOfAttribute(`${outer}/${item}/${inner}`)];
        expect(nested).toBeGreaterThanOrEqual(order[classOfAttribute(outer)]);
      }),
    );
  });
});

const dcmcjpegText =
  "Lossless JPEG compression, selection value 1, point transform 0, compression ratio 2.3437";

describe("isTranscodeByProduct", () => {
  const was = (original: string) => (value: string) => value === original;

  it("knows what dcmcjpeg writes, and that it keeps an earlier text", () => {
    const tag = "00082111";
    expect(isTranscodeByProduct(tag, { kind: "added", present: dcmcjpegText })).toBe(true);
    const extended = `${dcmcjpegText} [MIP of 3 slices]`;
    const changed = { kind: "changed", present: extended } as const;
    expect(isTranscodeByProduct(tag, { ...changed, wasOriginally: was("MIP of 3 slices") })).toBe(true);
    expect(isTranscodeByProduct(tag, { ...changed, wasOriginally: was("another") })).toBe(false);
    expect(isTranscodeByProduct(tag, changed)).toBe(false);
    expect(isTranscodeByProduct(tag, { kind: "added", present: extended })).toBe(false);
    expect(
      isTranscodeByProduct(tag, { kind: "changed", present: dcmcjpegText, wasOriginally: was("") }),
    ).toBe(true);
    expect(isTranscodeByProduct(tag, { kind: "added", present: "No nodule found" })).toBe(false);
    expect(isTranscodeByProduct(tag, { kind: "removed", wasOriginally: () => true })).toBe(false);
  });

  it("never excuses a lossy declaration or its removal", () => {
    expect(isTranscodeByProduct("00282110", { kind: "added", present: "00" })).toBe(true);
    expect(isTranscodeByProduct("00282110", { kind: "added", present: "01" })).toBe(false);
    expect(
      isTranscodeByProduct("00282110", { kind: "changed", present: "00", wasOriginally: was("01") }),
    ).toBe(false);
    expect(isTranscodeByProduct("00282110", { kind: "removed", wasOriginally: was("01") })).toBe(false);
    expect(isTranscodeByProduct("00282114", { kind: "added", present: "ISO_10918_1" })).toBe(true);
    expect(isTranscodeByProduct("00282114", { kind: "added", present: "ISO_10918_1\\ISO_14495_1" })).toBe(
      true,
    );
    expect(isTranscodeByProduct("00282114", { kind: "added", present: "harmless" })).toBe(false);
    expect(isTranscodeByProduct("00282114", { kind: "removed" })).toBe(false);
    expect(isTranscodeByProduct("00282112", { kind: "added", present: "10" })).toBe(false);
    expect(isTranscodeByProduct("00089215", { kind: "added" })).toBe(false);
  });

  it("takes colour, planes, frames and bits only with what they were", () => {
    const photometric = (present: string, original: string): boolean =>
      isTranscodeByProduct("00280004", { kind: "changed", present, wasOriginally: was(original) });
    expect(photometric("YBR_RCT", "RGB")).toBe(true);
    expect(photometric("RGB", "YBR_RCT")).toBe(true);
    expect(photometric("YBR_FULL", "YBR_FULL_422")).toBe(true);
    expect(photometric("RGB", "YBR_FULL")).toBe(false);
    expect(photometric("MONOCHROME1", "MONOCHROME2")).toBe(false);
    expect(isTranscodeByProduct("00280006", { kind: "changed", present: "1" })).toBe(true);
    expect(isTranscodeByProduct("00280006", { kind: "changed", present: "2" })).toBe(false);
    expect(isTranscodeByProduct("00280008", { kind: "removed", wasOriginally: was("1") })).toBe(true);
    expect(isTranscodeByProduct("00280008", { kind: "removed", wasOriginally: was("2") })).toBe(false);
    expect(isTranscodeByProduct("00280008", { kind: "added", present: "2" })).toBe(false);
    const bits = (present: string, original: string): boolean =>
      isTranscodeByProduct("00280101", { kind: "changed", present, wasOriginally: was(original) });
    expect(bits("16", "12")).toBe(true);
    expect(bits("12", "16")).toBe(false);
    expect(bits("99", "70")).toBe(false);
    expect(bits("sixteen", "12")).toBe(false);
  });

  it("holds at the top level alone, and without a value only where none matters", () => {
    expect(isTranscodeByProduct("00880200/0/00280006", { kind: "changed", present: "1" })).toBe(false);
    const unconditional = table.transcode.map((rule) => rule.tag).filter((tag) => isTranscodeByProduct(tag));
    expect(unconditional).toEqual(["00280006", "7FE00001", "7FE00002"]);
    for (const { tag } of attributes) {
      const listed = table.transcode.some((rule) => rule.tag === tag);
      if (!listed) expect(isTranscodeByProduct(tag, { kind: "added", present: "" })).toBe(false);
      else expect(classOfAttribute(tag)).toBe("clinical");
    }
  });
});
