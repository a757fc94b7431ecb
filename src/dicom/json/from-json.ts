/** From the DICOM JSON Model (PS3.18 annex F.2) to elements that can be encoded: identifiers and answers of our own making, in UTF-8. */
import { fromBase64, utf8, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type NewElement, numberElement, textElement } from "../encode.ts";
import { nestingReportMax } from "../limits.ts";
import { type Tag, tags } from "../tags.ts";
import { isVr, type Vr, vrTraits } from "../vr.ts";
import type { JsonDataSet, JsonElement, JsonPersonName, JsonValue } from "./json-model.ts";

const tagForm = /^[0-9A-F]{8}$/;

/**
 * Ascending elements; text is UTF-8, and Specific Character Set says so where it is needed. Bulk data is left out.
 * @throws ScansealError `usage` for what is no DICOM JSON: it is ours, or was checked before
 */
export function elementsOfJson(dataSet: JsonDataSet): NewElement[] {
  const elements = itemElements(dataSet, 0);
  if (!hasWideText(elements)) return elements;
  const set = textElement(tags.specificCharacterSet, "CS", "ISO_IR 192");
  return [...elements.filter(({ tag }) => tag !== tags.specificCharacterSet), set].sort(
    (a, b) => a.tag - b.tag,
  );
}

function itemElements(dataSet: JsonDataSet, depth: number): NewElement[] {
  if (depth > nestingReportMax) throw wrong("nested too deep");
  return Object.entries(dataSet)
    .flatMap(([key, element]) => {
      if (!tagForm.test(key)) throw wrong("a key that is no tag");
      return newElement(Number.parseInt(key, 16), element, depth) ?? [];
    })
    .sort((a, b) => a.tag - b.tag);
}

function newElement(tag: Tag, element: JsonElement, depth: number): NewElement | undefined {
  const { vr, Value: values = [], InlineBinary, BulkDataURI } = element;
  if (!isVr(vr)) throw wrong("an unknown VR");
  if (BulkDataURI !== undefined) return undefined;
  if (InlineBinary !== undefined) return { tag, vr, value: fromBase64(InlineBinary) };
  if (vr === "SQ") return { tag, vr, items: values.map((item) => itemElements(itemOf(item), depth + 1)) };
  if (values.length === 0) return { tag, vr, value: new Uint8Array(0) };
  if (vrTraits[vr].text)
    return textElement(tag, vr, utf8(values.map((value) => textOf(value, vr)).join("\\")));
  if (vr === "SV" || vr === "UV") return { tag, vr, value: bigNumbers(values) };
  if (!numericVrs.has(vr)) throw wrong("values where bytes belong");
  return numberElement(tag, vr, ...values.map((value) => numberOf(value, vr)));
}

const numericVrs: ReadonlySet<Vr> = new Set<Vr>(["AT", "FD", "FL", "SL", "SS", "UL", "US"]);

function itemOf(value: JsonValue): JsonDataSet {
  if (value === null || typeof value !== "object") throw wrong("an item that is none");
  return value as JsonDataSet;
}

function textOf(value: JsonValue, vr: Vr): string {
  if (value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number") return vr === "DS" ? decimalText(value) : String(value);
  if (vr !== "PN") throw wrong("an object where text belongs");
  const { Alphabetic = "", Ideographic = "", Phonetic = "" } = value as JsonPersonName;
  return [Alphabetic, Ideographic, Phonetic].join("=").replace(/=+$/, "");
}

/** PS3.5 6.2 DS: 16 characters at most. */
function decimalText(value: number): string {
  const text = String(value);
  for (let digits = 15; text.length > 16 && digits > 0; digits--) {
    const shorter = String(Number(value.toPrecision(digits)));
    if (shorter.length <= 16) return shorter;
  }
  return text;
}

function numberOf(value: JsonValue, vr: Vr): number {
  if (typeof value === "number") return value;
  if (typeof value === "string" && vr === "AT" && /^[0-9A-Fa-f]{8}$/.test(value))
    return Number.parseInt(value, 16);
  if (typeof value === "string" && (vr === "FD" || vr === "FL")) return Number(value);
  throw wrong("no number where one belongs");
}

function bigNumbers(values: readonly JsonValue[]): Uint8Array {
  const out = new Uint8Array(8 * values.length);
  const view = viewOf(out);
  values.forEach((value, i) => {
    const isNumber = Number.isSafeInteger(value) || (typeof value === "string" && /^-?\d{1,20}$/.test(value));
    if (!isNumber) throw wrong("no 64-bit number where one belongs");
    view.setBigUint64(8 * i, BigInt.asUintN(64, BigInt(value as number | string)), true);
  });
  return out;
}

function hasWideText(elements: readonly NewElement[]): boolean {
  return elements.some(
    ({ vr, value, items }) =>
      items?.some(hasWideText) || (vrTraits[vr].text && value?.some((byte) => byte > 0x7f) === true),
  );
}

function wrong(what: string): ScansealError {
  return new ScansealError("usage", `no DICOM JSON Model: ${what}`);
}
