/** HL7 v2 messages in vertical-bar form (HL7 v2.5.1 chapter 2), read strictly and within bounds: what is needed of ADT and ORM. */
import { type Bytes, latin1, tryUtf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** ADT and ORM are some kilobytes; documents are sent in other messages. */
export const messageBytesMax: number = 256 << 10;
const segmentsMax = 500;
const fieldsMax = 256;

/** MSH-1 and MSH-2. */
interface Delimiters {
  readonly field: string;
  readonly component: string;
  readonly repetition: string;
  readonly escaping: string;
  readonly subcomponent: string;
}

/** MLLP's frame, where a message was kept with it. */
const blockStart = 0x0b;
const blockEnd = 0x1c;

function bad(what: string): never {
  // Never what stands in it: it is a patient's.
  throw new ScansealError("usage", `the HL7 message cannot be used: ${what}`);
}

export class Hl7Message {
  readonly #segments: readonly (readonly string[])[];
  readonly #delimiters: Delimiters;

  private constructor(segments: readonly (readonly string[])[], delimiters: Delimiters) {
    this.#segments = segments;
    this.#delimiters = delimiters;
  }

  /** One message; segments end with CR, as in HL7, or as text files write lines. @throws ScansealError `usage` */
  static parse(bytes: Bytes): Hl7Message {
    if (bytes.length > messageBytesMax) bad("it is over 256 KiB");
    const text = textOf(unframed(bytes));
    const delimiters = delimitersOf(text);
    const lines = text.split(/\r\n|\r|\n/);
    while (lines.at(-1) === "") lines.pop();
    if (lines.length > segmentsMax) bad("it has more than 500 segments");
    const segments = lines.map((line, i) => {
      if (!/^[A-Z][A-Z0-9]{2}(?:[^A-Za-z0-9]|$)/.test(line)) bad(`segment ${i + 1} has no name`);
      if ((line.startsWith("MSH") && i > 0) || /^[BF][HT]S/.test(line)) bad("it is more than one message");
      const fields = line.split(delimiters.field);
      if (fields.length > fieldsMax) bad(`segment ${i + 1} has more than 256 fields`);
      // MSH-1 is the separator itself, so that MSH-2 is the second piece.
      return line.startsWith("MSH") ? ["MSH", delimiters.field, ...fields.slice(1)] : fields;
    });
    return new Hl7Message(segments, delimiters);
  }

  has(segment: string): boolean {
    return this.#segments.some(([name]) => name === segment);
  }

  /** How many segments of that name there are. */
  count(segment: string): number {
    return this.#segments.filter(([name]) => name === segment).length;
  }

  /** A field's repetitions, as they stand; none where it is empty. */
  repetitions(segment: string, field: number): readonly string[] {
    const text = this.#segments.find(([name]) => name === segment)?.[field] ?? "";
    // The delimiters themselves are no content.
    if (segment === "MSH" && field <= 2) return [text];
    return text === "" ? [] : text.split(this.#delimiters.repetition);
  }

  /** A component of a repetition's text, from 1, its first subcomponent, without escapes. "" where there is none. @throws ScansealError `usage` */
  component(repetition: string, number: number): string {
    const whole = repetition.split(this.#delimiters.component)[number - 1] ?? "";
    return this.#unescaped(whole.split(this.#delimiters.subcomponent)[0] ?? "");
  }

  /** A subcomponent of a component, both from 1. */
  subcomponent(repetition: string, number: number, sub: number): string {
    const whole = repetition.split(this.#delimiters.component)[number - 1] ?? "";
    return this.#unescaped(whole.split(this.#delimiters.subcomponent)[sub - 1] ?? "");
  }

  /** The first repetition's component. */
  text(segment: string, field: number, component = 1): string {
    return this.component(this.repetitions(segment, field)[0] ?? "", component);
  }

  /** HL7 v2.5.1 section 2.7. What formats, or switches character sets, is no part of a name or number: refused. */
  #unescaped(text: string): string {
    const { escaping, field, component, subcomponent, repetition } = this.#delimiters;
    if (!text.includes(escaping)) return text;
    const parts = text.split(escaping);
    // Escapes come in pairs around their letter.
    if (parts.length % 2 === 0) bad("an escape sequence does not end");
    const meaning = new Map([
      ["F", field],
      ["S", component],
      ["T", subcomponent],
      ["R", repetition],
      ["E", escaping],
    ]);
    return parts
      .map((part, i) =>
        i % 2 === 0 ? part : (meaning.get(part) ?? bad("an escape sequence that is not known")),
      )
      .join("");
  }
}

function unframed(bytes: Bytes): Bytes {
  let end = bytes.length;
  if (bytes[0] !== blockStart) return bytes;
  while (end > 0 && (bytes[end - 1] === 0x0d || bytes[end - 1] === 0x0a)) end--;
  if (bytes[end - 1] !== blockEnd) bad("its frame does not end");
  return bytes.subarray(1, end - 1);
}

/** MSH-18 where it is one that is known, ASCII without one (HL7 v2.5.1 table 0211). */
function textOf(bytes: Bytes): string {
  const raw = latin1(bytes);
  const header = raw.split(/[\r\n]/, 1)[0] ?? "";
  const set = (header.split(header[3] ?? "|")[17] ?? "").split(header[5] ?? "~")[0] ?? "";
  if (/[\0-\x08\x0c\x0e-\x1f\x7f]/.test(raw)) bad("it has control characters");
  if (set === "UNICODE UTF-8" || set === "UTF-8") return tryUtf8(bytes) ?? bad("it is not UTF-8");
  if (set === "8859/1") return raw;
  if (set !== "" && set !== "ASCII")
    bad("its character set (MSH-18) is none of ASCII, 8859/1, UNICODE UTF-8");
  if (/[^\0-\x7f]/.test(raw)) bad("it is not ASCII, and MSH-18 names no character set");
  return raw;
}

function delimitersOf(text: string): Delimiters {
  if (!text.startsWith("MSH")) bad("it does not begin with MSH");
  const field = text[3] ?? "";
  const end = text.indexOf(field, 4);
  const encoding = end < 0 ? "" : text.slice(4, end);
  const all = field + encoding;
  // A fifth one, for truncation, is allowed from version 2.7 on.
  if (encoding.length < 4 || encoding.length > 5 || !/^[!-/:-@[-`{-~]+$/.test(all)) bad("MSH-1 and MSH-2");
  if (new Set(all).size !== all.length) bad("two of its delimiters are the same");
  const [component = "", repetition = "", escaping = "", subcomponent = ""] = encoding;
  return { field, component, repetition, escaping, subcomponent };
}
