/** Values as they are compared: the same form in columns, in queries and in what is examined one by one. */
import type { JsonElement, JsonPersonName, JsonValue } from "../../dicom/json/json-model.ts";

/** Text without the spaces around it, which are padding or no difference (PS3.5 6.2). */
export function textsOf(element: JsonElement | undefined): string[] {
  return (element?.Value ?? []).flatMap((value) => {
    if (typeof value === "string") return [value.trim()];
    return typeof value === "number" ? [String(value)] : [];
  });
}

export interface NormalName {
  readonly alphabetic: string;
  readonly ideographic: string;
  readonly phonetic: string;
}

export function namesOf(element: JsonElement | undefined): NormalName[] {
  return (element?.Value ?? []).filter(isName).map((name) => ({
    alphabetic: foldedName(name.Alphabetic ?? ""),
    ideographic: foldedName(name.Ideographic ?? ""),
    phonetic: foldedName(name.Phonetic ?? ""),
  }));
}

function isName(value: JsonValue): value is JsonPersonName {
  return typeof value === "object" && value !== null;
}

/** PS3.4 C.2.2.2.1: without regard to case. Absent components at the end make no difference (PS3.5 6.2.1.1). */
export function foldedName(text: string): string {
  return foldedPattern(text).replace(/[\^ ]+$/, "");
}

export function foldedPattern(text: string): string {
  return text.normalize("NFC").toLowerCase().trim();
}

/** YYYYMMDD; also of what ACR-NEMA wrote, YYYY.MM.DD (PS3.5 6.2). "" for anything else. */
export function normalDate(text: string): string {
  const digits = text.trim().replace(/^(\d{4})[.-](\d\d)[.-](\d\d)$/, "$1$2$3");
  return /^\d{8}$/.test(digits) ? digits : "";
}

/** Of a time that names no more than an hour or a minute: its first moment, or its last. */
export type Edge = "first" | "last";

/** HHMMSS.FFFFFF. "" for what is none. */
export function normalTime(text: string, edge: Edge = "first"): string {
  const match = /^(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6}))?)?)?$/.exec(text.trim());
  if (!match) return "";
  const [, hour, minute, second, fraction = ""] = match;
  const rest = edge === "first" ? "00" : "59";
  return `${hour}${minute ?? rest}${second ?? rest}.${fraction.padEnd(6, edge === "first" ? "0" : "9")}`;
}

/** YYYYMMDDHHMMSS.FFFFFF, as written: the offset from UTC is left out. "" for what is none. */
export function normalDateTime(text: string, edge: Edge = "first"): string {
  const match =
    /^(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?)?)?)?(?:[+-]\d{4})?$/.exec(
      text.trim(),
    );
  if (!match) return "";
  const [, year, month, day, hour, minute, second, fraction = ""] = match;
  const of = (part: string | undefined, first: string, last: string): string =>
    part ?? (edge === "first" ? first : last);
  const date = `${year}${of(month, "01", "12")}${of(day, "01", "31")}`;
  const time = `${of(hour, "00", "23")}${of(minute, "00", "59")}${of(second, "00", "59")}`;
  return `${date}${time}.${fraction.padEnd(6, edge === "first" ? "0" : "9")}`;
}

/** A whole number that fits an IS (PS3.5 6.2), or undefined. */
export function wholeOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d{1,10}$/.test(text.trim())) return undefined;
  const value = Number(text);
  return value >= -(2 ** 31) && value < 2 ** 31 ? value : undefined;
}

/** `**` is `*`. */
export function normalPattern(pattern: string): string {
  return pattern.replace(/\*{2,}/g, "*");
}
