import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseDcmtkPrivate, parseDcmtkStandard } from "../../../tools/dictionary/sources.ts";
import { vrTraits } from "../vr.ts";
import { editionOfStandard, lookup, lookupPrivate, tagOfKeyword, uidName } from "./dictionary.ts";
import { spellKeyword } from "./keyword.ts";
import privateTable from "./private.generated.json" with { type: "json" };
import standardTable from "./standard.generated.json" with { type: "json" };

describe("the standard's dictionary", () => {
  it("holds every row of its sources", () => {
    expect(editionOfStandard).toBe("2026b");
    // 5,347 of PS3.6 and PS3.7 2026b, 22 blanked rows and patterns of the 2024e table, less the 3 delimiters.
    expect(standardTable.elements).toHaveLength(5347 + 22 - 3);
    expect(standardTable.elements.filter((row) => row.slice(0, 8).includes("x"))).toHaveLength(72 + 16);
    expect(Object.keys(standardTable.uids)).toHaveLength(490);
    for (const source of [...standardTable.sources, ...privateTable.sources]) {
      expect(source.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(source.licence).not.toBe("");
    }
  });

  it("has rows that are well-formed, sorted and unique", () => {
    const seen = new Set<string>();
    let previous = "";
    for (const row of standardTable.elements) {
      const fields = row.split("|");
      expect(fields).toHaveLength(6);
      const [tag = "", vr = "", vm = ""] = fields;
      expect(tag).toMatch(/^[0-9a-fx]{8}$/);
      expect(Object.hasOwn(vrTraits, vr) || / or /.test(vr)).toBe(true);
      expect(vm).not.toBe("");
      expect(tag > previous && !seen.has(tag)).toBe(true);
      seen.add(tag);
      previous = tag;
    }
  });

  it.each([
    [0x00100010, "PN", "1", "PatientName", "Patient's Name", false, true],
    [0x00080005, "CS", "1-n", "SpecificCharacterSet", "Specific Character Set", false, true],
    [0x00280120, "US or SS", "1", "PixelPaddingValue", "Pixel Padding Value", false, true],
    [0x00283006, "US or OW", "1-n or 1", "LUTData", "LUT Data", false, true],
    [0x00281200, "US or SS or OW", "1-n or 1", "GrayLookupTableData", "Gray Lookup Table Data", true, true],
    [0x7fe00010, "OB or OW", "1", "PixelData", "Pixel Data", false, true],
    [0x00041200, "UL", "1", tagName(0x00041200), undefined, false, true],
    [0x60023000, "OB or OW", "1", "OverlayData", "Overlay Data", false, true],
    [0x50fe3000, "OB or OW", "1", "CurveData", "Curve Data", true, true],
    [0x7f020010, "OB or OW", "1", "VariablePixelData", "Variable Pixel Data", true, true],
    [0x00203112, "CS", "1-n", "SourceImageIDs", "Source Image IDs", true, true],
    [0x00280450, "US", "1", "RowsForNthOrderCoefficients", "Rows For Nth Order Coefficients", true, false],
    [0x10101234, "US", "1-n", "ZonalMap", "Zonal Map", true, false],
    [0x0008001d, "SQ", "1", "SensitiveContentCodeSequence", undefined, false, false],
    [0x00280020, "UN", "1", "", "", true, false],
    [0x00090010, "LO", "1", "PrivateCreator", "Private Creator", false, true],
    [0x00290000, "UL", "1", "GenericGroupLength", "Generic Group Length", true, true],
  ] as const)("knows %i", (tag, vr, vm, keyword, name, retired, knownToDcmtk) => {
    const entry = lookup(tag);
    expect(entry).toMatchObject({ vr, vm, keyword, retired, knownToDcmtk });
    if (name !== undefined) expect(entry?.name).toBe(name);
  });

  it("knows nothing of what nobody defined", () => {
    // Odd groups of a repeating range are private, not overlays.
    for (const tag of [0x00090001, 0x00091001, 0x60013000, 0x12340001, 0x00100011 + 0x8000, 0xfffee000]) {
      expect(lookup(tag)).toBeUndefined();
    }
  });

  it("finds a tag by keyword", () => {
    expect(tagOfKeyword("StudyInstanceUID")).toBe(0x0020000d);
    expect(tagOfKeyword("OverlayData")).toBe(0x60003000);
    expect(tagOfKeyword("CodeLabel")).toBe(0x00280800);
    expect(tagOfKeyword("constructor")).toBeUndefined();
    for (const row of standardTable.elements) {
      const [pattern = "", , , keyword = ""] = row.split("|");
      if (keyword !== "") expect(lookup(tagOfKeyword(keyword) ?? -1)?.keyword, pattern).toBe(keyword);
    }
  });

  it("names UIDs", () => {
    expect(uidName("1.2.840.10008.5.1.4.1.1.2")).toBe("CT Image Storage");
    expect(uidName("1.2.840.10008.1.2.4.70")).toContain("JPEG Lossless");
    expect(uidName("1.2.3")).toBeUndefined();
    expect(uidName("__proto__")).toBeUndefined();
  });

  it("spells names from keywords", () => {
    expect(spellKeyword("SOPInstanceUID")).toBe("SOP Instance UID");
    expect(spellKeyword("NumberOfFrames")).toBe("Number of Frames");
    expect(lookup(0x00189345)?.name).toBe("CTDIvol");
  });
});

function tagName(tag: number): string {
  return lookup(tag)?.keyword ?? "absent";
}

const dcmtkFolder = ["/usr/share/libdcmtk17", "/usr/share/dcmtk"].find((folder) =>
  existsSync(`${folder}/private.dic`),
);

describe("private dictionary", () => {
  it("takes the block's low byte, a fixed element number, and odd groups of a range", () => {
    expect(lookupPrivate("CMR42 CIRCLECVI", 0x00251010)).toBe("LO");
    expect(lookupPrivate("CMR42 CIRCLECVI", 0x00251110)).toBeUndefined();
    expect(lookupPrivate("PAPYRUS 3.0", 0x600110c0)).toBe("SQ");
    expect(lookupPrivate("PAPYRUS 3.0", 0x60ff25c0)).toBe("SQ");
    expect(lookupPrivate("PAPYRUS 3.0", 0x610110c0)).toBeUndefined();
    expect(lookupPrivate("DCMTK_ANONYMIZER", 0x00091000)).toBe("SQ");
    expect(lookupPrivate("DCMTK_ANONYMIZER", 0x0009ff30)).toBe("SQ");
    expect(lookupPrivate("DCMTK_ANONYMIZER ", 0x00091000)).toBe("SQ");
    expect(lookupPrivate("dcmtk_anonymizer", 0x00091000)).toBeUndefined();
    expect(lookupPrivate("DCMTK_ANONYMIZER", 0x00081000)).toBeUndefined();
    expect(lookupPrivate("constructor", 0x00091000)).toBeUndefined();
    expect(lookupPrivate("__proto__", 0x00091000)).toBeUndefined();
  });

  it("holds every entry of its sources", () => {
    const entries = Object.values(privateTable.creators as Record<string, Record<string, string>>)
      .flatMap((groups) => Object.values(groups))
      .reduce((count, rows) => count + rows.split(",").length, 0);
    const vrs = Object.values(privateTable.creators as Record<string, Record<string, string>>)
      .flatMap((groups) => Object.values(groups))
      .flatMap((rows) => rows.split(",").map((row) => row.split(" ")[1] ?? ""));
    for (const vr of new Set(vrs)) expect(Object.hasOwn(vrTraits, vr), vr).toBe(true);
    expect(entries).toBe(2835 - duplicatesOfPrivateDictionary);
    if (dcmtkFolder === undefined) return;
    const text = (name: string): string => readFileSync(`${dcmtkFolder}/${name}`, "latin1");
    const rows = [...parseDcmtkPrivate(text("dicom.dic")), ...parseDcmtkPrivate(text("private.dic"))];
    expect(rows).toHaveLength(2835);
    expect(parseDcmtkStandard(text("dicom.dic"))).toHaveLength(4991);
  });
});

/** "SPI RELEASE 1" 0011 10, 15 and 20: a later line of DCMTK's file replaces the entry. */
const duplicatesOfPrivateDictionary = 3;
