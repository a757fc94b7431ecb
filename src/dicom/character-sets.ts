/**
 * Specific Character Set (0008,0005), PS3.3 C.12.1.1.2 and PS3.5 section 6.1: text as people read it. For display only:
 * values are compared and signed as bytes. Nothing here throws; what cannot be decoded becomes U+FFFD.
 */
import { type Bytes, latin1 } from "../foundation/bytes.ts";
import { findElement, plainText } from "./elements.ts";
import type { DataElement } from "./model.ts";
import { tags } from "./tags.ts";
import { type Vr, vrTraits } from "./vr.ts";

/** Decoders by WHATWG label ("iso-8859-5", "euc-jp"): never throws, U+FFFD for what does not fit. */
export interface TextDecoding {
  decode(label: string, bytes: Bytes): string;
}

/** The bytes above 7F (G1): one byte a character, two, or none. */
type High =
  | { readonly kind: "none" }
  | { readonly kind: "latin1" }
  | { readonly kind: "single"; readonly label: string }
  | { readonly kind: "katakana" }
  | { readonly kind: "double"; readonly label: string };
/** The bytes up to 7F (G0): ASCII, JIS X 0201 Romaji, or a double-byte set of JIS. */
type Low = "ascii" | "romaji" | "jis-x-0208" | "jis-x-0212";

interface Designation {
  readonly low: Low;
  readonly high: High;
}

export interface CharacterSet {
  /** Of a set that is not of ISO 2022, and stands alone: UTF-8, GB18030, GBK. */
  readonly label: string | undefined;
  /** In force at the start of every value, and after every delimiter. */
  readonly initial: Designation;
  /** Escape sequences change the sets (PS3.5 section 6.1.2.5). */
  readonly extensions: boolean;
}

const single = (label: string): High => ({ kind: "single", label });
const none: High = { kind: "none" };

/** PS3.3 tables C.12-2 to C.12-4 by registration number. The double-byte sets are reached by escape sequences only. */
const designations: ReadonlyMap<string, Designation> = new Map([
  ["6", { low: "ascii", high: none }],
  ["100", { low: "ascii", high: { kind: "latin1" } }],
  ["101", { low: "ascii", high: single("iso-8859-2") }],
  ["109", { low: "ascii", high: single("iso-8859-3") }],
  ["110", { low: "ascii", high: single("iso-8859-4") }],
  ["144", { low: "ascii", high: single("iso-8859-5") }],
  ["127", { low: "ascii", high: single("iso-8859-6") }],
  ["126", { low: "ascii", high: single("iso-8859-7") }],
  ["138", { low: "ascii", high: single("iso-8859-8") }],
  // The label stands for windows-1254, which is the same from A0 on.
  ["148", { low: "ascii", high: single("iso-8859-9") }],
  ["203", { low: "ascii", high: single("iso-8859-15") }],
  // TIS 620, likewise.
  ["166", { low: "ascii", high: single("windows-874") }],
  ["13", { low: "romaji", high: { kind: "katakana" } }],
]);

/** PS3.3 tables C.12-3 and C.12-4: escape sequences without ESC, longest first, and what they designate. */
const escapes: readonly (readonly [string, Partial<Designation>])[] = [
  ["$(D", { low: "jis-x-0212" }],
  ["$)C", { high: { kind: "double", label: "euc-kr" } }],
  ["$)A", { high: { kind: "double", label: "gbk" } }],
  ["$B", { low: "jis-x-0208" }],
  ["(B", { low: "ascii" }],
  ["(J", { low: "romaji" }],
  [")I", { high: { kind: "katakana" } }],
  ...(
    [
      ["-A", "100"],
      ["-B", "101"],
      ["-C", "109"],
      ["-D", "110"],
      ["-L", "144"],
      ["-G", "127"],
      ["-F", "126"],
      ["-H", "138"],
      ["-M", "148"],
      ["-b", "203"],
      ["-T", "166"],
    ] as const
  ).map(([sequence, number]) => [sequence, { high: designations.get(number)!.high }] as const),
];

const alone: ReadonlyMap<string, string> = new Map([
  ["ISO_IR 192", "utf-8"],
  ["GB18030", "gb18030"],
  ["GBK", "gbk"],
]);

const ascii: Designation = { low: "ascii", high: none };

/** ISO-IR 6, in force where there is no (0008,0005). */
const defaultCharacterSet: CharacterSet = { label: undefined, initial: ascii, extensions: false };

/** The set of a data set or an item; an item without (0008,0005) has that of the data set around it. */
export function characterSetOf(
  elements: readonly DataElement[],
  around: CharacterSet = defaultCharacterSet,
): CharacterSet {
  const text = plainText(findElement(elements, tags.specificCharacterSet));
  if (text === undefined) return around;
  const terms = text.split("\\").map((term) => term.trim());
  const label = alone.get(terms[0]!);
  const extensions = terms.length > 1 || terms[0]!.startsWith("ISO 2022 ");
  const number = /^ISO(?:_IR| 2022 IR) (\d+)$/.exec(terms[0]!)?.[1];
  return { label, initial: designations.get(number ?? "6") ?? ascii, extensions };
}

/** PS3.5 section 6.1.2.3: the other text VRs are of the default repertoire. */
const affected: ReadonlySet<Vr> = new Set(["SH", "LO", "ST", "LT", "PN", "UC", "UT"]);
/** One value, in which a backslash is a character (PS3.5 section 6.2). */
const singleValued: ReadonlySet<Vr> = new Set(["ST", "LT", "UT", "UR"]);

/** All values of a text element as one string, backslashes between them, without padding. Undefined for other VRs. */
export function displayText(
  element: DataElement,
  set: CharacterSet,
  decoding: TextDecoding,
): string | undefined {
  if (!element.value || !vrTraits[element.vr].text) return undefined;
  const text = affected.has(element.vr)
    ? decodeText(element.value, element.vr, set, decoding)
    : new ValueDecoder(element.value, "", defaultCharacterSet, decoding).decode();
  let end = text.length;
  while (end > 0 && (text[end - 1] === " " || text[end - 1] === "\0")) end--;
  return text.slice(0, end);
}

function decodeText(value: Bytes, vr: Vr, set: CharacterSet, decoding: TextDecoding): string {
  if (set.label !== undefined) return decoding.decode(set.label, value);
  // PS3.5 section 6.1.2.5.3: where the initial sets are in force again.
  const delimiters = vr === "PN" ? "\\^=" : singleValued.has(vr) ? "" : "\\";
  return new ValueDecoder(value, delimiters, set, decoding).decode();
}

const esc = 0x1b;
const lineControls = "\t\n\f\r";

/** ISO 2022 as PS3.5 section 6.1.2.5 uses it, run by run. */
class ValueDecoder {
  readonly #value: Bytes;
  readonly #delimiters: ReadonlySet<number>;
  readonly #set: CharacterSet;
  readonly #decoding: TextDecoding;
  #now: Designation;
  #at = 0;

  constructor(value: Bytes, delimiters: string, set: CharacterSet, decoding: TextDecoding) {
    this.#value = value;
    this.#delimiters = new Set([...(lineControls + delimiters)].map((c) => c.charCodeAt(0)));
    this.#set = set;
    this.#decoding = decoding;
    this.#now = set.initial;
  }

  decode(): string {
    const parts: string[] = [];
    while (this.#at < this.#value.length) {
      const byte = this.#value[this.#at]!;
      if (byte === esc && this.#designate()) continue;
      if (byte >= 0x80) parts.push(this.#high());
      else if (byte > 0x20 && this.#now.low.startsWith("jis")) parts.push(this.#doubleLow());
      else parts.push(this.#low(byte));
    }
    return parts.join("");
  }

  #designate(): boolean {
    if (!this.#set.extensions) return false;
    const next = latin1(this.#value.subarray(this.#at + 1, this.#at + 4));
    const found = escapes.find(([sequence]) => next.startsWith(sequence));
    if (!found) return false;
    this.#now = { ...this.#now, ...found[1] };
    this.#at += 1 + found[0].length;
    return true;
  }

  #low(byte: number): string {
    this.#at++;
    if (this.#delimiters.has(byte)) this.#now = this.#set.initial;
    // A backslash stays one in Romaji too, where it is drawn as a yen sign: here it parts values.
    return byte === 0x7e && this.#now.low === "romaji" ? "\u203e" : String.fromCharCode(byte);
  }

  /** The run of bytes from here on for which `fits` holds. */
  #run(fits: (byte: number) => boolean): Bytes {
    const start = this.#at;
    while (this.#at < this.#value.length && fits(this.#value[this.#at]!)) this.#at++;
    return this.#value.subarray(start, this.#at);
  }

  /** JIS X 0208 and 0212 in G0: as EUC-JP, which has the same characters at bytes with the high bit set. */
  #doubleLow(): string {
    const run = this.#run((byte) => byte > 0x20 && byte < 0x7f);
    if (run.length === 0) return this.#low(this.#value[this.#at]!);
    if (this.#now.low === "jis-x-0208") {
      return this.#decoding.decode(
        "euc-jp",
        run.map((byte) => byte | 0x80),
      );
    }
    const shifted: number[] = [];
    for (let i = 0; i < run.length; i += 2) {
      shifted.push(0x8f, ...[...run.subarray(i, i + 2)].map((byte) => byte | 0x80));
    }
    return this.#decoding.decode("euc-jp", Uint8Array.from(shifted));
  }

  #high(): string {
    const { high } = this.#now;
    // 80 to 9F are controls (C1) in every single-byte set; the labels of some give them characters.
    if (high.kind === "single" && this.#value[this.#at]! < 0xa0) {
      return latin1(this.#run((byte) => byte >= 0x80 && byte < 0xa0));
    }
    const least = high.kind === "single" ? 0xa0 : 0x80;
    const run = this.#run((byte) => byte >= least);
    if (high.kind === "none") return "\ufffd".repeat(run.length);
    if (high.kind === "latin1") return latin1(run);
    if (high.kind === "double") return this.#decoding.decode(high.label, run);
    if (high.kind === "katakana") {
      // JIS X 0201: A1 to DF are U+FF61 to U+FF9F.
      return [...run]
        .map((b) => (b > 0xa0 && b < 0xe0 ? String.fromCharCode(0xfec0 + b) : "\ufffd"))
        .join("");
    }
    return this.#decoding.decode(high.label, run);
  }
}

/**
 * Text for a terminal or a page, with what would hide, reorder or overwrite made visible: C0 controls as their pictures,
 * other controls, bidirectional controls, zero-width and other ignorable characters by number. Escaping for HTML or CSV is the caller's.
 */
export function displaySafe(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}]/gu, visible);
}

function visible(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
}
