/** From elements as they were read to the DICOM JSON Model (PS3.18 annex F.2). Bulk values are named, not copied. */
import { type Bytes, toBase64, viewOf } from "../../foundation/bytes.ts";
import { swapped } from "../byte-plan.ts";
import { type CharacterSet, characterSetOf, displayText, type TextDecoding } from "../character-sets.ts";
import { nestingReportMax } from "../limits.ts";
import type { DataElement } from "../model.ts";
import { elementOf, groupOf, type Tag, tagHex, tags } from "../tags.ts";
import { type Vr, vrTraits } from "../vr.ts";
import type { JsonDataSet, JsonElement, JsonPersonName, JsonValue } from "./json-model.ts";

export interface ToJsonOptions {
  readonly decoding: TextDecoding;
  /** Binary values above this many bytes are bulk. PS3.18 leaves the bound to us. */
  readonly inlineBytesMax: number;
  /**
   * Where a bulk value is found: "7FE00010", "54000100/0/54001010" (sequence, item from 0, tag). Undefined: it is left out.
   * Pixel data is always bulk.
   */
  readonly bulkUri: (path: string) => string | undefined;
}

/** File Meta Information, group lengths, padding: no attributes (PS3.18 F.2). */
function isLeftOut(tag: Tag): boolean {
  return groupOf(tag) === 2 || elementOf(tag) === 0 || tag === tags.dataSetTrailingPadding;
}

/** @param elements a data set or an item, ascending; @returns ascending too */
export function toJsonDataSet(elements: readonly DataElement[], options: ToJsonOptions): JsonDataSet {
  return new Converter(options).dataSet(elements, undefined, "", 0);
}

const pixelTags: ReadonlySet<Tag> = new Set([0x7fe00008, 0x7fe00009, tags.pixelData]);

class Converter {
  readonly #options: ToJsonOptions;

  constructor(options: ToJsonOptions) {
    this.#options = options;
  }

  dataSet(
    elements: readonly DataElement[],
    around: CharacterSet | undefined,
    path: string,
    depth: number,
  ): JsonDataSet {
    const set = characterSetOf(elements, around);
    const out: Record<string, JsonElement> = {};
    for (const element of elements) {
      if (isLeftOut(element.tag)) continue;
      const key = tagHex(element.tag).toUpperCase();
      const converted = this.#element(element, set, `${path}${key}`, depth);
      if (converted) out[key] = converted;
    }
    return out;
  }

  #element(element: DataElement, set: CharacterSet, path: string, depth: number): JsonElement | undefined {
    const { tag, vr, items, fragments, value, length } = element;
    if (items) {
      // The reader refuses what is deeper.
      if (depth >= nestingReportMax) return undefined;
      if (items.length === 0) return { vr: "SQ" };
      const converted = items.map(({ elements }, i) =>
        this.dataSet(elements, set, `${path}/${i}/`, depth + 1),
      );
      return { vr: "SQ", Value: converted };
    }
    if (fragments || pixelTags.has(tag)) return this.#bulk(vr, path);
    if (length === 0) return { vr };
    if (!value) return this.#bulk(vr, path);
    if (tag === tags.specificCharacterSet) return { vr, Value: ["ISO_IR 192"] };
    if (vrTraits[vr].text) return textValues(element, set, this.#options.decoding);
    const isNumeric = numericVrs.has(vr) && value.length % bytesOf(vr) === 0;
    if (isNumeric) return { vr, Value: numbersOf(element, value) };
    if (value.length > this.#options.inlineBytesMax) return this.#bulk(vr, path);
    return { vr, InlineBinary: toBase64(littleEndian(element, value)) };
  }

  #bulk(vr: Vr, path: string): JsonElement | undefined {
    const uri = this.#options.bulkUri(path);
    return uri === undefined ? undefined : { vr, BulkDataURI: uri };
  }
}

/** One value, in which a backslash is a character (PS3.5 6.2). */
const singleValued: ReadonlySet<Vr> = new Set<Vr>(["LT", "ST", "UR", "UT"]);

function textValues(element: DataElement, set: CharacterSet, decoding: TextDecoding): JsonElement {
  const { vr } = element;
  const text = displayText(element, set, decoding) ?? "";
  if (text === "") return { vr };
  const texts = singleValued.has(vr) ? [text] : text.split("\\");
  const values = texts.map((one) => (vr === "UC" || singleValued.has(vr) ? one : one.trim()));
  return { vr, Value: values.map((one) => textValue(one, vr)) };
}

function textValue(text: string, vr: Vr): JsonValue {
  if (text === "") return null;
  if (vr === "PN") return personName(text);
  if (vr === "IS") return /^[+-]?\d{1,15}$/.test(text) ? Number(text) + 0 : text;
  if (vr === "DS") return decimal(text);
  return text;
}

/** PS3.18 F.2.3.1: a number, or the string where a number is not the same decimal. */
function decimal(text: string): JsonValue {
  const isPlain = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text);
  const number = isPlain ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number + 0 : text;
}

/** PS3.5 6.2.1.2: alphabetic, ideographic and phonetic group. */
function personName(text: string): JsonPersonName {
  const [alphabetic = "", ideographic = "", phonetic = ""] = text.split("=").map((group) => group.trim());
  return {
    ...(alphabetic === "" ? {} : { Alphabetic: alphabetic }),
    ...(ideographic === "" ? {} : { Ideographic: ideographic }),
    ...(phonetic === "" ? {} : { Phonetic: phonetic }),
  };
}

const numericVrs: ReadonlySet<Vr> = new Set<Vr>(["AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"]);

function bytesOf(vr: Vr): number {
  return vr === "AT" ? 4 : vrTraits[vr].width;
}

function numbersOf({ vr, encoding }: DataElement, value: Bytes): JsonValue[] {
  const view = viewOf(value);
  const little = !encoding.bigEndian;
  const width = bytesOf(vr);
  return Array.from({ length: value.length / width }, (_, i) => numberAt(view, i * width, vr, little));
}

function numberAt(view: DataView, at: number, vr: Vr, little: boolean): JsonValue {
  switch (vr) {
    case "AT": {
      const tag = ((view.getUint16(at, little) << 16) | view.getUint16(at + 2, little)) >>> 0;
      return tagHex(tag).toUpperCase();
    }
    case "SS":
      return view.getInt16(at, little);
    case "US":
      return view.getUint16(at, little);
    case "SL":
      return view.getInt32(at, little);
    case "UL":
      return view.getUint32(at, little);
    case "FL":
      return floating(view.getFloat32(at, little));
    case "FD":
      return floating(view.getFloat64(at, little));
    default: {
      const big = vr === "SV" ? view.getBigInt64(at, little) : view.getBigUint64(at, little);
      const number = Number(big);
      return Number.isSafeInteger(number) ? number : String(big);
    }
  }
}

/** PS3.18 F.2.3: JSON has no infinities and no NaN. */
function floating(number: number): JsonValue {
  return Number.isFinite(number) ? number : String(number);
}

/** PS3.18 F.2.7: InlineBinary is little endian. */
function littleEndian({ vr, encoding }: DataElement, value: Bytes): Bytes {
  const { width } = vrTraits[vr];
  const isSwapped = encoding.bigEndian && width > 1 && value.length % width === 0;
  return isSwapped ? swapped(value, width) : value;
}
