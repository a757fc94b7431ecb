/** Whether an attribute matches a key (PS3.4 C.2.2.2), of what no column has. */

import type { JsonDataSet, JsonElement } from "../../dicom/json/json-model.ts";
import type { Matching, QueryKey } from "../../dicom-network/query/query.ts";
import {
  type Edge,
  foldedName,
  foldedPattern,
  type NormalName,
  namesOf,
  normalDate,
  normalDateTime,
  normalPattern,
  normalTime,
  textsOf,
} from "./normal-values.ts";

/** Longer texts are looked at as far as this: steps are the product of text and pattern. */
const lookedAtMax = 16_384;

type Normal = (text: string, edge?: Edge) => string;
const moments: Readonly<Record<string, Normal>> = { DA: normalDate, TM: normalTime, DT: normalDateTime };
const numbers: ReadonlySet<string> = new Set("IS DS US SS UL SL FL FD SV UV".split(" "));

export function matchesKey(attributes: JsonDataSet, { path, match }: QueryKey): boolean {
  return matchesPath(
    attributes,
    path.map((tag) => hexOf(tag)),
    match,
  );
}

export function hexOf(tag: number): string {
  return tag.toString(16).toUpperCase().padStart(8, "0");
}

/** Of a sequence one item has to match (C.2.2.2.6). As deep as the path is long. */
function matchesPath(attributes: JsonDataSet, path: readonly string[], match: Matching): boolean {
  if (match.kind === "universal") return true;
  const element = attributes[path[0]!];
  if (path.length === 1) return matchesElement(element, match);
  const items = (element?.Value ?? []).filter(
    (item): item is JsonDataSet => typeof item === "object" && item !== null,
  );
  return items.some((item) => matchesPath(item, path.slice(1), match));
}

function matchesElement(element: JsonElement | undefined, match: Matching): boolean {
  if (match.kind === "universal") return true;
  if (element === undefined) return false;
  if (element.vr === "PN") return namesOf(element).some((name) => matchesName(name, match));
  const texts = textsOf(element);
  const normal = moments[element.vr];
  if (normal && match.kind !== "wildcard") return texts.some((text) => matchesMoment(normal, text, match));
  switch (match.kind) {
    case "single": {
      const wanted = match.value.trim();
      if (!numbers.has(element.vr)) return texts.includes(wanted);
      return texts.some((text) => text === wanted || (text !== "" && Number(text) === Number(wanted)));
    }
    case "uids":
      return texts.some((text) => match.values.includes(text));
    case "wildcard":
      return texts.some((text) => text !== "" && fitsPattern(text, normalPattern(match.pattern.trim())));
    case "range":
      return false;
  }
}

function matchesMoment(normal: Normal, text: string, match: Matching): boolean {
  const value = normal(text);
  if (value === "") return false;
  if (match.kind === "single") return value === normal(match.value);
  if (match.kind !== "range") return false;
  const from = match.from === undefined ? "" : normal(match.from, "first");
  const to = match.to === undefined ? undefined : normal(match.to, "last");
  return value >= from && (to === undefined || value <= to);
}

/** Component groups: each that is asked for, or, where no group is named, any. */
function matchesName(name: NormalName, match: Matching): boolean {
  if (match.kind !== "single" && match.kind !== "wildcard") return false;
  const groups = [name.alphabetic, name.ideographic, name.phonetic];
  const asked = namePatterns(match);
  if (asked.length === 1) return groups.some((group) => group !== "" && fitsName(group, asked[0]!, match));
  return asked.every(
    (pattern, n) => pattern === "" || (groups[n] !== "" && fitsName(groups[n] ?? "", pattern, match)),
  );
}

/** Folded; one, or one for each group. */
export function namePatterns(match: Extract<Matching, { kind: "single" | "wildcard" }>): string[] {
  return match.kind === "single"
    ? match.value.split("=", 3).map(foldedName)
    : match.pattern.split("=", 3).map((part) => normalPattern(foldedPattern(part)));
}

function fitsName(group: string, pattern: string, { kind }: Matching): boolean {
  return kind === "single" ? group === pattern : fitsPattern(group, pattern);
}

/** `*` any characters, `?` one (C.2.2.2.4). Goes back to the last `*` only: no pattern takes more steps than its length times the text's. */
function fitsPattern(whole: string, pattern: string): boolean {
  const text = [...whole.slice(0, lookedAtMax)];
  const wanted = [...pattern];
  let at = 0;
  let next = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    if (wanted[next] === "*") {
      star = next++;
      starAt = at;
    } else if (next < wanted.length && (wanted[next] === "?" || wanted[next] === text[at])) {
      next++;
      at++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (wanted[next] === "*") next++;
  return next === wanted.length;
}
