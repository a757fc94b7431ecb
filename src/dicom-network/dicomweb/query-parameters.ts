/** QIDO-RS parameters (PS3.18 8.3.4, 10.6.1) read to queries. */
import { lookup, tagOfKeyword } from "../../dicom/dictionary/dictionary.ts";
import { isPrivate, type Tag, tags } from "../../dicom/tags.ts";
import { isVr, type Vr, vrTraits } from "../../dicom/vr.ts";
import { matchingOf } from "../query/matching.ts";
import type { Matching, Query, QueryKey } from "../query/query.ts";
import { badRequest } from "./bad-request.ts";
import type { WebScope } from "./resource.ts";

export interface QidoQuery {
  readonly query: Query;
  /** PS3.18 8.3.4.2: matching is literal all the same, and a Warning header says so. */
  readonly isFuzzyAsked: boolean;
}

/** PS3.18 8.3.4.2, what the Warning header (code 299) says. */
export const fuzzyWarning =
  "The fuzzymatching parameter is not supported. Only literal matching has been performed.";

type SearchLevel = "STUDY" | "SERIES" | "IMAGE";

/** A viewer asks for a few dozen. */
const parametersMax = 256;
const valueCharactersMax = 8_192;
const fieldsMax = 1_024;
/** Of a 32-bit number: no archive has more. */
const countMax = 2 ** 31 - 1;

/** What is answered unasked (PS3.18 tables 10.6.3-3 to -5), but for what the handler adds (Retrieve URL). */
const returned: Readonly<Record<SearchLevel, readonly Tag[]>> = {
  STUDY: [
    0x00080020, 0x00080030, 0x00080050, 0x00080056, 0x00080061, 0x00080090, 0x00080201, 0x00100010,
    0x00100020, 0x00100030, 0x00100040, 0x0020000d, 0x00200010, 0x00201206, 0x00201208,
  ],
  SERIES: [
    0x00080060, 0x00080201, 0x0008103e, 0x0020000e, 0x00200011, 0x00201209, 0x00400244, 0x00400245,
    0x00400275,
  ],
  IMAGE: [
    0x00080016, 0x00080018, 0x00080056, 0x00080201, 0x00200013, 0x00280008, 0x00280010, 0x00280011,
    0x00280100,
  ],
};

/** Of content negotiation (PS3.18 8.3.3): read elsewhere. */
const notOfTheQuery: ReadonlySet<string> = new Set(["accept", "charset"]);

/**
 * A parameter that is not understood is refused: leaving it out would answer more than was asked for.
 * @param parameters decoded, in their order
 * @throws ScansealError `peer-protocol` (400); no values in its message
 */
export function readQueryParameters(
  level: SearchLevel,
  scope: WebScope,
  parameters: Iterable<readonly [string, string]>,
): QidoQuery {
  const reader = new ParameterReader();
  for (const [name, value] of parameters) reader.read(name, value);
  reader.addScope(scope);
  for (const one of levelsTold(level, scope)) for (const tag of returned[one]) reader.addReturned([tag]);
  const { keys, isEverythingAsked, isFuzzyAsked, offset = 0, limit } = reader;
  return {
    query: {
      root: "study",
      level,
      keys: [...keys.values()],
      isEverythingAsked,
      isDateTimeCombined: true,
      offset,
      limit,
    },
    isFuzzyAsked,
  };
}

/** PS3.18 10.6.3.3: the levels above are told too, as far as the path does not say them. */
function levelsTold(level: SearchLevel, { study, series }: WebScope): readonly SearchLevel[] {
  const above: SearchLevel[] = study === undefined ? ["STUDY"] : [];
  if (level === "STUDY") return ["STUDY"];
  if (level === "SERIES") return [...above, "SERIES"];
  return series === undefined ? [...above, "SERIES", "IMAGE"] : ["IMAGE"];
}

class ParameterReader {
  readonly keys = new Map<string, QueryKey>();
  isEverythingAsked = false;
  isFuzzyAsked = false;
  offset: number | undefined;
  limit: number | undefined;
  #count = 0;
  #fields = 0;

  read(name: string, value: string): void {
    if (++this.#count > parametersMax) throw badRequest("too many parameters");
    if (value.length > valueCharactersMax) throw badRequest("a value that is too long");
    if (notOfTheQuery.has(name)) return;
    switch (name) {
      case "limit":
        if (this.limit !== undefined) throw badRequest("limit twice");
        this.limit = countOf(value);
        break;
      case "offset":
        if (this.offset !== undefined) throw badRequest("offset twice");
        this.offset = countOf(value);
        break;
      case "fuzzymatching":
        this.isFuzzyAsked = flagOf(value);
        break;
      case "emptyvaluematching":
      case "multiplevaluematching":
        // PS3.18 8.3.4.1: for servers that support them.
        if (flagOf(value)) throw badRequest("a kind of matching that is not supported");
        break;
      case "includefield":
        for (const field of value.split(",")) this.#include(field.trim());
        break;
      default:
        this.#match(name, value);
    }
  }

  addScope({ study, series }: WebScope): void {
    if (study !== undefined) this.#add([tags.studyInstanceUid], { kind: "single", value: study });
    if (series !== undefined) this.#add([tags.seriesInstanceUid], { kind: "single", value: series });
  }

  addReturned(path: readonly Tag[]): void {
    const key = path.join(".");
    if (!this.keys.has(key)) this.keys.set(key, { path, match: { kind: "universal" } });
  }

  #include(field: string): void {
    if (++this.#fields > fieldsMax) throw badRequest("too many fields");
    if (field === "all") this.isEverythingAsked = true;
    else {
      const path = pathOf(field);
      // What nobody knows is returned by nobody.
      if (path.every((tag) => lookup(tag) && !isPrivate(tag))) this.addReturned(path);
    }
  }

  #match(name: string, value: string): void {
    const path = pathOf(name);
    const vr = vrOf(path.at(-1)!);
    if (vr === undefined || path.some(isPrivate)) throw badRequest("an attribute that is not known");
    this.#add(path, matchOf(vr, value));
  }

  #add(path: readonly Tag[], match: Matching): void {
    const key = path.join(".");
    const before = this.keys.get(key)?.match;
    const isSame = before?.kind === "single" && match.kind === "single" && before.value === match.value;
    if (before && before.kind !== "universal" && match.kind !== "universal" && !isSame)
      throw badRequest("an attribute twice");
    if (!before || before.kind === "universal") this.keys.set(key, { path, match });
  }
}

/** PS3.18 8.3.4.1.1: keywords or tags, dots between a sequence and what is in it; `QueryKey.path` has no third. */
function pathOf(attribute: string): readonly Tag[] {
  const path = attribute.split(".", 4).map(tagOf);
  if (path.length > 2) throw badRequest("an attribute in a sequence of a sequence");
  if (path.length === 2 && vrOf(path[0]!) !== "SQ") throw badRequest("an attribute in no sequence");
  return path;
}

function tagOf(text: string): Tag {
  const tag = /^[0-9A-Fa-f]{8}$/.test(text) ? Number.parseInt(text, 16) : tagOfKeyword(text);
  if (tag === undefined) throw badRequest("a parameter that is not known");
  return tag;
}

/** Of the ambiguous ones the first. */
function vrOf(tag: Tag): Vr | undefined {
  const vr = lookup(tag)?.vr.slice(0, 2) ?? "";
  return isVr(vr) ? vr : undefined;
}

const integerVrs: ReadonlySet<Vr> = new Set<Vr>(["SL", "SS", "SV", "UL", "US", "UV"]);

function matchOf(vr: Vr, value: string): Matching {
  // PS3.18 8.3.4.1: lists of UIDs by commas; the backslash is of DIMSE, and some send it.
  if (vr === "UI") return matchingOf(vr, value.replaceAll(",", "\\"));
  if (value === "" || vrTraits[vr].text) return matchingOf(vr, value);
  if (integerVrs.has(vr) && /^-?\d{1,20}$/.test(value)) return { kind: "single", value: `${BigInt(value)}` };
  if (vr === "AT" && /^[0-9A-Fa-f]{8}$/.test(value)) return { kind: "single", value: value.toLowerCase() };
  if ((vr === "FL" || vr === "FD") && /^-?\d{1,20}(\.\d{1,20})?$/.test(value))
    return { kind: "single", value: `${vr === "FL" ? Math.fround(Number(value)) : Number(value)}` };
  throw badRequest("a value that cannot be matched");
}

function countOf(value: string): number {
  const count = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(count <= countMax)) throw badRequest("a number that is none");
  return count;
}

function flagOf(value: string): boolean {
  if (value !== "true" && value !== "false") throw badRequest("neither true nor false");
  return value === "true";
}
