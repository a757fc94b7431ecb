import fc from "fast-check";
import { expect, it } from "vitest";
import { MemorySource } from "../../foundation/byte-source.ts";
import { utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeTextDecoding } from "../../platform/node/text-decoding.ts";
import { encodePart10, numberElement, textElement } from "../encode.ts";
import { readDicom } from "../read.ts";
import {
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../transfer-syntax.ts";
import { elementsOfJson } from "./from-json.ts";
import type { JsonDataSet } from "./json-model.ts";
import { type ToJsonOptions, toJsonDataSet } from "./to-json.ts";

const options: ToJsonOptions = {
  decoding: nodeTextDecoding,
  inlineBytesMax: 64,
  bulkUri: (path) => `bulk/${path}`,
};
const named = [
  textElement(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
  textElement(0x00080018, "UI", "2.25.1"),
];

async function read(
  elements: Parameters<typeof encodePart10>[0],
  syntax = explicitLittleEndianUid,
): Promise<JsonDataSet> {
  const all = [...named, ...elements].sort((a, b) => a.tag - b.tag);
  const object = await readDicom(new MemorySource(encodePart10(all, syntax)));
  const { "00080016": _, "00080018": __, ...rest } = toJsonDataSet(object.elements, options);
  return rest;
}

it("writes the standard's example of names, numbers, tags, sequences and binary values", async () => {
  const elements = [
    textElement(0x00080005, "CS", "ISO_IR 192"),
    textElement(0x00080008, "CS", "ORIGINAL\\PRIMARY"),
    textElement(0x00081030, "LO", ""),
    {
      tag: 0x00081140,
      vr: "SQ" as const,
      items: [[textElement(0x00081155, "UI", "2.25.7")], []],
    },
    textElement(0x00100010, "PN", utf8("Yamada^Tarou=山田^太郎=やまだ^たろう")),
    textElement(0x00101030, "DS", "72.5"),
    textElement(0x00200013, "IS", "+7"),
    numberElement(0x00280009, "AT", 0x00181063),
    numberElement(0x00280010, "US", 512),
    { tag: 0x00281102, vr: "US" as const, value: Uint8Array.of(1, 0, 2, 0, 3, 0) },
    textElement(0x00400280, "ST", "a\\b"),
    { tag: 0x00420011, vr: "OB" as const, value: new Uint8Array(100) },
    { tag: 0x00420013, vr: "OB" as const, value: Uint8Array.of(1, 2, 3, 4) },
  ];
  expect(await read(elements)).toEqual({
    "00080005": { vr: "CS", Value: ["ISO_IR 192"] },
    "00080008": { vr: "CS", Value: ["ORIGINAL", "PRIMARY"] },
    "00081030": { vr: "LO" },
    "00081140": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: ["2.25.7"] } }, {}] },
    "00100010": {
      vr: "PN",
      Value: [{ Alphabetic: "Yamada^Tarou", Ideographic: "山田^太郎", Phonetic: "やまだ^たろう" }],
    },
    "00101030": { vr: "DS", Value: [72.5] },
    "00200013": { vr: "IS", Value: [7] },
    "00280009": { vr: "AT", Value: ["00181063"] },
    "00280010": { vr: "US", Value: [512] },
    "00281102": { vr: "US", Value: [1, 2, 3] },
    "00400280": { vr: "ST", Value: ["a\\b"] },
    "00420011": { vr: "OB", BulkDataURI: "bulk/00420011" },
    "00420013": { vr: "OB", InlineBinary: "AQIDBA==" },
  });
});

it("is the same in every encoding, and keeps what no number is", async () => {
  const elements = [
    textElement(0x00101030, "DS", "1e999"),
    textElement(0x00200013, "IS", "seven"),
    numberElement(0x00189070, "FD", Number.POSITIVE_INFINITY, 0.1),
    { tag: 0x7fe00001, vr: "OV" as const, value: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
  ];
  const little = await read(elements);
  expect(little).toEqual({
    "00101030": { vr: "DS", Value: ["1e999"] },
    "00200013": { vr: "IS", Value: ["seven"] },
    "00189070": { vr: "FD", Value: ["Infinity", 0.1] },
    "7FE00001": { vr: "OV", InlineBinary: "AQIDBAUGBwg=" },
  });
  expect(await read(elements, explicitBigEndianUid)).toEqual(little);
  expect(await read(elements, implicitLittleEndianUid)).toEqual(little);
});

const uid = fc.array(fc.nat(99), { minLength: 2, maxLength: 5 }).map((parts) => parts.join("."));
const word = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .map((text) => text.replace(/[\p{C}\\^=\s]/gu, "x"));
const text = (vr: string) => fc.array(word, { minLength: 1, maxLength: 3 }).map((Value) => ({ vr, Value }));
const element: fc.Arbitrary<readonly [string, JsonDataSet[string]]> = fc.oneof(
  uid.map((one) => ["0020000D", { vr: "UI", Value: [one] }] as const),
  text("LO").map((one) => ["00081030", one] as const),
  word.map((Alphabetic) => ["00100010", { vr: "PN", Value: [{ Alphabetic }] }] as const),
  fc
    .array(fc.integer({ min: 0, max: 65535 }), { minLength: 1, maxLength: 4 })
    .map((Value) => ["00280010", { vr: "US", Value }] as const),
  fc
    .array(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
      { minLength: 1, maxLength: 3 },
    )
    .map((Value) => ["00189070", { vr: "FD", Value }] as const),
  fc.integer({ min: -999_999, max: 999_999 }).map((n) => ["00200013", { vr: "IS", Value: [n] }] as const),
  fc
    .uint8Array({ minLength: 2, maxLength: 8 })
    .map(
      (bytes) =>
        [
          "00420011",
          { vr: "OB", InlineBinary: Buffer.from(bytes.subarray(0, bytes.length & ~1)).toString("base64") },
        ] as const,
    ),
);
const dataSet: fc.Arbitrary<JsonDataSet> = fc
  .array(element, { maxLength: 5 })
  .map((pairs) => Object.fromEntries(pairs));
const nested = fc
  .record({ outer: dataSet, items: fc.array(dataSet, { maxLength: 3 }) })
  .map(
    ({ outer, items }): JsonDataSet =>
      items.length === 0 ? outer : { ...outer, "00081140": { vr: "SQ", Value: items } },
  );

it("goes through elements and their bytes unchanged", async () => {
  await fc.assert(
    fc.asyncProperty(nested, async (json) => {
      const { "00080005": _, ...rest } = await read(elementsOfJson(json));
      expect(rest).toEqual(json);
    }),
    { numRuns: 200 },
  );
});

it("refuses what is no DICOM JSON with our error alone", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.oneof(fc.constantFrom("00100010", "00280010", "00081140", "x"), fc.string()),
        fc.record({
          vr: fc.constantFrom("PN", "US", "SQ", "OB", "UV", "XX"),
          Value: fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null))),
        }),
      ),
      (json) => {
        try {
          elementsOfJson(json as JsonDataSet);
        } catch (error) {
          expect(error).toBeInstanceOf(ScansealError);
        }
      },
    ),
  );
});
