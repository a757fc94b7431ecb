import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Matching } from "../../dicom-network/query/query.ts";
import { normalDate, normalDateTime, normalTime, wholeOf } from "./normal-values.ts";
import { matchesKey } from "./value-matching.ts";

const tag = 0x00081010;
const matches = (vr: string, value: string | number | object, match: Matching): boolean =>
  matchesKey({ "00081010": { vr, Value: [value as string] } }, { path: [tag], match });
const wildcard = (pattern: string): Matching => ({ kind: "wildcard", pattern });

describe("normal values", () => {
  it("times and dates that name less are their first moment, or their last", () => {
    expect(normalTime("08")).toBe("080000.000000");
    expect(normalTime("0815", "last")).toBe("081559.999999");
    expect(normalTime("08:15:30.25")).toBe("081530.250000");
    expect(normalTime("081530.25", "last")).toBe("081530.259999");
    expect(normalDateTime("2024")).toBe("20240101000000.000000");
    expect(normalDateTime("202402", "last")).toBe("20240231235959.999999");
    expect(normalDateTime("20240229081530+0100")).toBe("20240229081530.000000");
    expect(normalDate("2024.02.29")).toBe("20240229");
    for (const text of ["", "8", "24-01-01", "noon", "0815x"])
      expect([normalTime(text), normalDate(text), normalDateTime(text)], text).toEqual(["", "", ""]);
  });

  it("whole numbers are those that fit an IS", () => {
    expect(["12", " -3 ", "+7", "2147483647"].map(wholeOf)).toEqual([12, -3, 7, 2147483647]);
    expect(["", "1.5", "2147483648", "99999999999", "x", undefined].map(wholeOf)).toEqual(
      Array(6).fill(undefined),
    );
  });
});

describe("matching without a column", () => {
  it("patterns are what a regular expression says they are", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "😀", "."), maxLength: 12 });
    const pattern = fc.string({
      unit: fc.constantFrom("a", "b", "*", "?", ".", "😀"),
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(text, pattern, (value, wanted) => {
        const said = wanted.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
        const isMatch = value !== "" && new RegExp(`^${said}$`, "su").test(value);
        expect(matches("LO", value, wildcard(wanted))).toBe(isMatch);
      }),
      { numRuns: 2_000 },
    );
  });

  it("a pattern made to take long does not", () => {
    expect(matches("UT", "a".repeat(100_000), wildcard(`${"*a".repeat(500)}b`))).toBe(false);
  });

  it("moments are compared as moments, within what they name", () => {
    const range = (from?: string, to?: string): Matching => ({ kind: "range", from, to });
    expect(matches("TM", "081530", range("08", "0815"))).toBe(true);
    expect(matches("TM", "081600", range("08", "0815"))).toBe(false);
    expect(matches("TM", "0800", { kind: "single", value: "080000" })).toBe(true);
    expect(matches("DT", "20240229081530", range("20240229", "20240229"))).toBe(true);
    expect(matches("DT", "20240301", range("20240229", "20240229"))).toBe(false);
    expect(matches("DA", "nonsense", range("19000101", undefined))).toBe(false);
    expect(matches("LO", "5", range("1", "9"))).toBe(false);
  });

  it("names fit in any group, or in each that is asked for", () => {
    const name = { Alphabetic: "Yamada^Tarou", Ideographic: "山田^太郎" };
    const single = (value: string): Matching => ({ kind: "single", value });
    for (const value of [
      "yamada^tarou",
      "YAMADA^TAROU^^",
      "山田^太郎",
      "Yamada^Tarou=山田^太郎",
      "=山田^太郎",
    ])
      expect(matches("PN", name, single(value)), value).toBe(true);
    for (const value of ["yamada", "Yamada^Tarou=太郎", "==やまだ"])
      expect(matches("PN", name, single(value)), value).toBe(false);
    expect(matches("PN", name, wildcard("*^t*"))).toBe(true);
    expect(matches("PN", name, wildcard("y*=山*"))).toBe(true);
    expect(matches("PN", name, wildcard("?"))).toBe(false);
  });

  it("numbers as numbers; what is not there fits nothing but everything", () => {
    expect(matches("DS", "12.50", { kind: "single", value: "12.5" })).toBe(true);
    expect(matches("US", 7, { kind: "single", value: "7" })).toBe(true);
    expect(matches("LO", "12.50", { kind: "single", value: "12.5" })).toBe(false);
    const absent = (match: Matching): boolean => matchesKey({}, { path: [tag], match });
    expect(absent({ kind: "universal" })).toBe(true);
    expect([
      absent(wildcard("a*")),
      absent({ kind: "single", value: "" }),
      absent({ kind: "uids", values: ["1"] }),
    ]).toEqual([false, false, false]);
  });
});
