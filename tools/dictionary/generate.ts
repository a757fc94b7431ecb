/**
 * Writes the generated dictionaries from cited sources.
 *
 *   node tools/dictionary/generate.ts SOURCES_DIR
 *
 * SOURCES_DIR holds the files named in `sources` below; they are not part of this repository. Where each comes from, and under which
 * licence: src/dicom/dictionary/README.md. A source whose SHA-256 is another one is refused, so that the output is reproducible; to move to
 * a newer edition, change the entry here and look at the differences of the JSON files.
 *
 * Output, in stable order: src/dicom/dictionary/{standard,private}.generated.json; and from attribute-class-rules.json, which is kept by hand,
 * src/zero-trust/evidence/attribute-classes.generated.json and the tables of spec/attribute-classes.md.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { spellKeyword } from "../../src/dicom/dictionary/keyword.ts";
import { type ClassRules, checkRules, classData, classTables, withTables } from "./attribute-classes.ts";
import {
  type PrivateElement,
  parseDcmtkPrivate,
  parseDcmtkStandard,
  parseStandardTable,
  parseUidTable,
  type SourceElement,
} from "./sources.ts";

const editionOfStandard = "2026b";

const sources = {
  standard: {
    file: "dicom-2026b.dic",
    sha256: "04d32615d7ac80b6e1626d819028d1354261b81cb404fcbb97233cadd0822396",
    name: "DCMTK dcmdata/data/dicom.dic, commit d12e350e687530eb41e2b0c860aff4d8c04e5941",
    edition: "PS3.6-2026b, PS3.7-2026b",
    licence: "BSD-3-Clause, OFFIS e.V.",
    use: "tags, VR, VM, keywords, retired flags",
  },
  table: {
    file: "attributes.json",
    sha256: "acc170c9646bf497e7c90dca904472f7eb673c9038c6198a92f82c66a9c74e5c",
    name: "innolitics/dicom-standard standard/attributes.json, commit 7f4749d09ed3ef2fa70637d376d423a4b13523cd",
    edition: "PS3.6-2024e",
    licence: "MIT, Innolitics LLC",
    use: "names, VRs of several, retired patterns and blanked rows",
  },
  uids: {
    file: "_uid_dict.py",
    sha256: "729d8ce3ccb3fa36513c62b81a1bf599232d3409e60a892ed563bbc009f3d029",
    name: "pydicom src/pydicom/_uid_dict.py, commit fb1f24e4f0418008757766d8e79ec92dc2ab9855",
    edition: "PS3.6-2024d annex A",
    licence: "MIT, Darcy Mason and pydicom contributors",
    use: "names of UIDs",
  },
  dcmtk: {
    file: "dcmtk-3.6.7-dicom.dic",
    sha256: "7da64aebe4f31be6ef8b3a2ac26a20975185586a3249a4ff06a0303e06f8301b",
    name: "DCMTK 3.6.7 dicom.dic (Debian libdcmtk17)",
    edition: "PS3.6-2022b, PS3.7-2022b",
    licence: "BSD-3-Clause, OFFIS e.V.",
    use: "which tags DCMTK 3.6.7 knows, and their VR there",
  },
  dcmtkPrivate: {
    file: "dcmtk-3.6.7-private.dic",
    sha256: "ab0e0823ac0a6db8415bc7b5316814b47e8b9820879897945da9a6769c3da71c",
    name: "DCMTK 3.6.7 private.dic (Debian libdcmtk17)",
    edition: "DCMTK 3.6.7",
    licence: "BSD-3-Clause, OFFIS e.V.",
    use: "private elements and their VR",
  },
} as const;

function readSource(folder: string, source: { file: string; sha256: string }): string {
  const bytes = readFileSync(join(folder, source.file));
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (digest !== source.sha256) throw new Error(`${source.file}: SHA-256 is ${digest}, not the one cited`);
  return bytes.toString("latin1");
}

/** Encoding structure (PS3.5 section 7.5), not data elements. */
const delimiters = new Set(["fffee000", "fffee00d", "fffee0dd"]);

/** The newest edition's rows, completed by what only the table of the older edition has: names, and VRs DCMTK does not tell apart. */
function mergeStandard(newest: SourceElement[], table: SourceElement[]): SourceElement[] {
  const merged = new Map(newest.map((element) => [element.tag, element]));
  for (const row of table) {
    const element = merged.get(row.tag);
    if (element === undefined) {
      merged.set(row.tag, { ...row, vr: row.vr || "UN", vm: row.vm || "1" });
    } else {
      const several = element.vr === "US or SS or OW";
      merged.set(row.tag, {
        ...element,
        name: row.name,
        vr: several ? row.vr : element.vr,
        vm: several ? row.vm : element.vm,
      });
    }
  }
  return [...merged.values()]
    .filter((element) => !delimiters.has(element.tag))
    .sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

/** `tag|vr|vm|keyword|name|flags`: no name where the keyword spells it; R retired, D known to DCMTK 3.6.7. */
function elementRow(element: SourceElement, known: boolean): string {
  const name = element.name === spellKeyword(element.keyword) ? "" : element.name;
  const flags = `${element.retired ? "R" : ""}${known ? "D" : ""}`;
  return [element.tag, element.vr, element.vm, element.keyword, name, flags].join("|");
}

function privateTable(rows: PrivateElement[]): Record<string, Record<string, string>> {
  const creators = new Map<string, Map<string, Map<string, string>>>();
  for (const { creator, group, element, vr } of rows) {
    const groups = creators.get(creator) ?? new Map<string, Map<string, string>>();
    const elements = groups.get(group) ?? new Map<string, string>();
    elements.set(element, resolvedPrivateVr(vr));
    creators.set(creator, groups.set(group, elements));
  }
  const sorted = <V>(map: Map<string, V>): [string, V][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    sorted(creators).map(([creator, groups]) => [
      creator,
      Object.fromEntries(
        sorted(groups).map(([group, elements]) => [
          group,
          sorted(elements)
            .map(([element, vr]) => `${element} ${vr}`)
            .join(","),
        ]),
      ),
    ]),
  );
}

/**
 * DCMTK writes an undecided OB/OW as OB outside the attributes it knows by name (DcmVR::getValidEVR), and what its dictionary calls pixel data
 * as OW.
 */
function resolvedPrivateVr(vr: string): string {
  return ({ ox: "OB", px: "OW", xs: "US" } as Record<string, string>)[vr] ?? vr;
}

/** JSON with one row per line. */
function rowsOf(value: readonly unknown[]): string {
  return `[\n${value.map((row) => JSON.stringify(row)).join(",\n")}\n]`;
}

function objectRows(value: Record<string, unknown>): string {
  const rows = Object.entries(value).map(([key, row]) => `${JSON.stringify(key)}:${JSON.stringify(row)}`);
  return `{\n${rows.join(",\n")}\n}`;
}

function compareUids(a: string, b: string): number {
  const [x, y] = [a.split("."), b.split(".")];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return Number(x[i]) - Number(y[i]);
  }
  return x.length - y.length;
}

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

function writeClasses(standard: readonly SourceElement[]): void {
  const rules = JSON.parse(
    readFileSync(join(root, "tools/dictionary/attribute-class-rules.json"), "utf8"),
  ) as ClassRules;
  checkRules(rules, new Map(standard.map(({ tag, keyword }) => [tag.toUpperCase(), keyword])));
  const data = objectRows({ edition: editionOfStandard, ...classData(rules, standard.length) });
  writeFileSync(join(root, "src/zero-trust/evidence/attribute-classes.generated.json"), `${data}\n`);
  const page = join(root, "spec/attribute-classes.md");
  writeFileSync(page, withTables(readFileSync(page, "utf8"), classTables(rules)));
}

function main(folder: string): void {
  const dcmtkText = readSource(folder, sources.dcmtk);
  const dcmtk = new Map(parseDcmtkStandard(dcmtkText).map((element) => [element.tag, element.vr]));
  const table = parseStandardTable(readSource(folder, sources.table));
  const standard = mergeStandard(parseDcmtkStandard(readSource(folder, sources.standard)), table);
  for (const { tag, vr } of standard) {
    const there = dcmtk.get(tag);
    if (there !== undefined && there !== vr && there !== "US or SS or OW") {
      throw new Error(`(${tag}) is ${vr} here and ${there} in DCMTK 3.6.7: implicit-vr.ts has to know`);
    }
  }
  const uids = [...parseUidTable(readSource(folder, sources.uids))].sort(([a], [b]) => compareUids(a, b));
  const cited = [sources.standard, sources.table, sources.uids, sources.dcmtk];
  const citedPrivate = [sources.dcmtk, sources.dcmtkPrivate];
  const target = join(root, "src/dicom/dictionary");
  const rows = standard.map((element) => elementRow(element, dcmtk.has(element.tag)));
  writeFileSync(
    join(target, "standard.generated.json"),
    `{\n"edition":${JSON.stringify(editionOfStandard)},\n"sources":${rowsOf(cited)},\n"elements":${rowsOf(rows)},\n` +
      `"uids":${objectRows(Object.fromEntries(uids))}\n}\n`,
  );
  const privateRows = [
    ...parseDcmtkPrivate(dcmtkText),
    ...parseDcmtkPrivate(readSource(folder, sources.dcmtkPrivate)),
  ];
  writeFileSync(
    join(target, "private.generated.json"),
    `{\n"sources":${rowsOf(citedPrivate)},\n"creators":${objectRows(privateTable(privateRows))}\n}\n`,
  );
  writeClasses(standard);
  const counts = `${rows.length} elements, ${uids.length} UIDs, ${privateRows.length} private elements`;
  process.stdout.write(`${counts}\n`);
}

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("usage: node tools/dictionary/generate.ts SOURCES_DIR\n");
  process.exitCode = 2;
} else {
  main(folder);
}
