import fc from "fast-check";
import { expect, it } from "vitest";
import { elementsOfJson } from "../../dicom/json/from-json.ts";
import { subjectOf } from "./notice-subject.ts";

const value = (vr: string, ...Value: readonly (string | object)[]) => ({ vr, Value: Value as string[] });

it("takes what is known of patient and study, and nothing else", () => {
  const known = {
    "00080020": value("DA", "20260102"),
    "00100010": value("PN", { Alphabetic: "Doe^Jane", Ideographic: "\u6f22^\u5b57" }),
    "00100020": value("LO", "P-1"),
    "00104000": value("LT", "pregnant?"),
    "00080018": value("UI", "1.2.3"),
    "0020000E": value("UI", "1.2.4"),
  };
  expect(subjectOf(known)).toEqual({
    "00080020": known["00080020"],
    "00080030": { vr: "TM" },
    "00080050": { vr: "SH" },
    "00080090": { vr: "PN" },
    "00100010": known["00100010"],
    "00100020": known["00100020"],
    "00100030": { vr: "DA" },
    "00100040": { vr: "CS" },
    "00200010": { vr: "SH" },
  });
});

it.each([
  ["a name of 64 kB", "00100010", value("PN", { Alphabetic: "x".repeat(65_536) })],
  ["a name with six components", "00100010", value("PN", { Alphabetic: "a^b^c^d^e^f" })],
  ["a name that is none", "00100010", value("PN", "Doe")],
  ["a long ID, which cut would be another's", "00100020", value("LO", `12345${"6".repeat(60)}`)],
  ["two IDs", "00100020", value("LO", "1", "2")],
  ["an ID with a separator", "00100020", value("LO", "1\\2")],
  ["an ID with a control character", "00100020", value("LO", "1\n2")],
  ["no date", "00100030", value("DA", "yesterday")],
  ["half a character", "00100020", value("LO", "\ud800")],
])("leaves empty what does not fit: %s", (_, tag, element) => {
  expect(subjectOf({ [tag]: element })[tag]).toEqual({ vr: element.vr });
});

it("is small and can be encoded, whatever is known", () => {
  const anything = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.integer(),
    fc.constant(null),
    fc.record({ Alphabetic: fc.string({ unit: "binary", maxLength: 100 }), Phonetic: fc.anything() }),
  );
  const tag = fc.constantFrom("00080020", "00080050", "00080090", "00081030", "00100010", "00100040");
  const element = fc.array(anything, { maxLength: 3 }).map((Value) => ({ vr: "UN", Value }));
  fc.assert(
    fc.property(fc.dictionary(tag, element), (known) => {
      const elements = elementsOfJson(subjectOf(known as Parameters<typeof subjectOf>[0]));
      for (const { value: bytes } of elements) expect(bytes?.length ?? 0).toBeLessThan(800);
    }),
  );
});
