/** Media types and ranges (RFC 9110 8.3.1, 12.5.1), read strictly. */
import { ScansealError } from "../../foundation/errors.ts";

export interface MediaType {
  /** Lower case: "application/dicom", in a range also "image/*". */
  readonly type: string;
  /** Names in lower case, values as they stand. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Of one header: more is no request of anybody's. */
const headerCharactersMax = 8_192;
const parametersMax = 16;

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}";
const typeForm = new RegExp(`^(${token})/(${token})`);
/** Slashes and colons too: `type=application/dicom` without quotes is what many send. */
const plainValue = "[!#$%&'*+.^_`|~0-9A-Za-z/:-]{1,512}";
const quotedValue = '"((?:[^"\\\\\\x00-\\x08\\x0a-\\x1f\\x7f]|\\\\[\\x20-\\x7e]){0,512})"';
const parameterForm = new RegExp(`^[ \\t]*;[ \\t]*(?:(${token})=(?:(${plainValue})|${quotedValue}))?`);

/** @throws ScansealError `peer-protocol` for what is no media type */
export function parseMediaType(text: string): MediaType {
  const [type, rest] = readType(text);
  if (rest.trim() !== "") throw wrong();
  return type;
}

/** The types of an Accept header, in its order; q is a parameter like others. @throws ScansealError `peer-protocol` */
export function parseMediaRanges(text: string): readonly MediaType[] {
  const out: MediaType[] = [];
  let rest = text;
  if (rest.length > headerCharactersMax) throw wrong();
  while (rest.trim() !== "") {
    const [type, after] = readType(rest);
    out.push(type);
    const comma = /^[ \t]*(,|$)/.exec(after);
    if (!comma) throw wrong();
    rest = after.slice(comma[0].length);
  }
  return out;
}

function readType(text: string): readonly [MediaType, string] {
  if (text.length > headerCharactersMax) throw wrong();
  const trimmed = text.replace(/^[ \t]+/, "");
  const head = typeForm.exec(trimmed);
  if (!head) throw wrong();
  const parameters = new Map<string, string>();
  let rest = trimmed.slice(head[0].length);
  for (let count = 0; ; count++) {
    const found = parameterForm.exec(rest);
    if (!found) break;
    if (count === parametersMax) throw wrong();
    rest = rest.slice(found[0].length);
    const [, name, plain, quoted] = found;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (parameters.has(key)) throw wrong();
    parameters.set(key, plain ?? (quoted ?? "").replace(/\\(.)/g, "$1"));
  }
  return [{ type: head[0].toLowerCase(), parameters }, rest];
}

function wrong(): ScansealError {
  return new ScansealError("peer-protocol", "a media type that is none");
}
