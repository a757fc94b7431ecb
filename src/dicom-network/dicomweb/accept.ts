/** What is sent, of what a reader accepts (PS3.18 8.7.5; RFC 9110 12.5.1). */
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { badRequest } from "./bad-request.ts";
import { type MediaType, parseMediaRanges } from "./media-type.ts";

/** What could be sent, most wanted by us first. */
export interface Offer {
  /** Of the body, or of each part: "application/dicom". */
  readonly type: string;
  readonly isMultipart: boolean;
}

export interface Accepted<O extends Offer> {
  readonly offer: O;
  /** Most wanted first; `any` is `transfer-syntax=*`, or a reader that takes everything. */
  readonly transferSyntaxes: readonly string[] | "any";
}

interface Wanted {
  readonly q: number;
  readonly specificity: number;
  readonly syntax: string;
}

/**
 * @param header of the Accept header; @param parameter of the query parameter `accept`, which goes before it (PS3.18 8.3.3.1)
 * @returns undefined: 406
 * @throws ScansealError `peer-protocol` for what is no list of media types (400)
 */
export function negotiate<O extends Offer>(
  header: string | undefined,
  parameter: string | undefined,
  offers: readonly O[],
): Accepted<O> | undefined {
  const text = [parameter, header].find((one) => one !== undefined && one.trim() !== "");
  const ranges = text === undefined ? everything : parseMediaRanges(text);
  let best: (Accepted<O> & { readonly q: number }) | undefined;
  for (const offer of offers) {
    const wanted = wantedOf(offer, ranges);
    const q = wanted[0]?.q ?? 0;
    if (q === 0 || (best && best.q >= q)) continue;
    const syntaxes = wanted.map(({ syntax }) => syntax);
    best = { offer, q, transferSyntaxes: syntaxes.includes("*") ? "any" : [...new Set(syntaxes)] };
  }
  return best && { offer: best.offer, transferSyntaxes: best.transferSyntaxes };
}

const everything: readonly MediaType[] = [{ type: "*/*", parameters: new Map() }];

/** The most specific ranges that name the offer, most wanted first; those with q=0 left out. */
function wantedOf(offer: Offer, ranges: readonly MediaType[]): readonly Wanted[] {
  const all = ranges.flatMap((range): Wanted[] => {
    const specificity = specificityOf(offer, range);
    if (specificity === 0) return [];
    // PS3.18 8.7.3.5.2: without the parameter it is explicit VR little endian; who takes everything takes it as it is.
    const unsaid = range.type === "*/*" ? "*" : explicitLittleEndianUid;
    return [{ q: qOf(range), specificity, syntax: syntaxOf(range) ?? unsaid }];
  });
  const most = Math.max(0, ...all.map(({ specificity }) => specificity));
  return all.filter(({ q, specificity }) => specificity === most && q > 0).sort((a, b) => b.q - a.q);
}

/** 0: the range does not name the offer. */
function specificityOf({ type, isMultipart }: Offer, range: MediaType): number {
  if (range.type === "*/*") return 1;
  if (!isMultipart) return rangeSpecificity(range.type, type);
  if (range.type === "multipart/*") return 2;
  if (range.type !== "multipart/related") return 0;
  const of = range.parameters.get("type")?.toLowerCase();
  if (of === undefined) return 3;
  const inner = rangeSpecificity(of, type);
  return inner === 0 ? 0 : 3 + inner;
}

function rangeSpecificity(range: string, type: string): number {
  if (range === type) return 3;
  if (range === "*/*") return 1;
  return range.endsWith("/*") && type.startsWith(range.slice(0, -1)) ? 2 : 0;
}

function qOf({ parameters }: MediaType): number {
  const text = parameters.get("q") ?? "1";
  if (!/^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text)) throw badRequest("a q that is none");
  return Number(text);
}

function syntaxOf({ parameters }: MediaType): string | undefined {
  const text = parameters.get("transfer-syntax");
  if (text !== undefined && text !== "*" && !/^[0-9.]{1,64}$/.test(text))
    throw badRequest("a transfer syntax that is none");
  return text;
}

/** All text of ours is UTF-8. @param parameter of the query parameter `charset` (PS3.18 8.3.3.2) */
export function isUtf8Accepted(parameter: string | undefined): boolean {
  if (parameter === undefined || parameter.trim() === "") return true;
  const names = parameter.split(",", 64).map((one) => one.split(";")[0]!.trim().toLowerCase());
  return names.some((name) => name === "utf-8" || name === "utf8" || name === "*");
}
