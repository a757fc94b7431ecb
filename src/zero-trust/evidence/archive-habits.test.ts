/** What can be approved as an archive's habit, and what never: the tables of spec/derivations.md. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { neverHabit } from "./archive-habits.ts";
import { classOfAttribute } from "./attribute-classes.ts";

describe("a habit", () => {
  it.each([
    "00080054",
    "00080056",
    "00081030",
    "0008103E",
    "0008103F/*/00080100",
    "00080080",
    "00080090",
    "00081032/*/00080104",
    "0033[ARCHIVE 2.0]01",
    "0033[ARCHIVE 2.0]",
    "00880130",
  ])("can be %s", (path) => expect(neverHabit(path)).toBeUndefined());

  it.each([
    ["00100010", "patient"],
    ["00100020", "patient"],
    ["00100030", "patient"],
    ["00100040", "patient"],
    ["00120040", "patient"],
    ["00080050", "order"],
    ["00401001", "order"],
    ["00080005", "identifies"],
    ["00400275/*/00080050", "order"],
    ["00280010", "image"],
    ["00281050", "image"],
    ["7FE00010", "image"],
    ["60003000", "image"],
    ["601E3000", "image"],
    ["50000005", "image"],
    ["52009229/*/00289110/*/00280030", "image"],
    ["00180050", "image"],
    ["30060020", "image"],
    ["04000561", "image"],
    ["0020000D", "UID"],
    ["00080018", "UID"],
    ["00081111/*/00081155", "UID"],
    ["00200032", "clinical"],
    ["00080060", "clinical"],
    ["00200060", "clinical"],
    ["00080020", "clinical"],
    ["00200010", "order"],
    ["00080000", "length"],
    ["00080001", "length"],
    ["0071[SCANSEAL 1.0]00", "seal"],
    ["0009[]1001", "creator"],
    ["00081140/*/0009[ACME]01", "item"],
    ["00095555", "clinical"],
  ])("is never %s", (path, why) => expect(neverHabit(path)).toContain(why));

  it("is never clinical, but for the series' description and private elements", () => {
    const step = fc
      .integer({ min: 0, max: 0xffffffff })
      .map((n) => n.toString(16).toUpperCase().padStart(8, "0"));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 3 }), (steps) => {
        if (neverHabit(steps.join("/*/")) !== undefined || /^0008103[EF]/.test(steps[0]!)) return;
        expect(classOfAttribute(steps.join("/0/"))).not.toBe("clinical");
      }),
      { numRuns: 2000 },
    );
  });
});
