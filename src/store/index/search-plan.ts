/**
 * A query as what the database is asked and what is examined row by row. The evaluation of a `Query` is here, beside the columns that it is an image
 * of: whoever asks has no columns. Only types come from the protocol's side.
 */
import { type RawBuilder, type SqlBool, sql } from "kysely";
import type { Matching, Query, QueryKey, QueryLevel } from "../../dicom-network/query/query.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { listed } from "../journal/row-set.ts";
import type { Engine } from "../journal/tables.ts";
import { noNumber } from "./index-tables.ts";
import type { UnprovenForm } from "./instance-index.ts";
import { isBelow, levelOf } from "./levels.ts";
import { normalDate, normalPattern, normalTime, wholeOf } from "./normal-values.ts";
import { hexOf, namePatterns } from "./value-matching.ts";

export type Condition = RawBuilder<SqlBool>;

/** Of one level's rows. */
export interface LevelPlan {
  readonly conditions: Condition[];
  /** Keys that no column has: examined in the attributes. */
  readonly examined: QueryKey[];
}

export interface SearchPlan {
  readonly level: QueryLevel;
  readonly study: LevelPlan;
  readonly series: LevelPlan;
  readonly image: LevelPlan;
  /** Tags of the first attribute of each key, eight digits. */
  readonly asked: ReadonlySet<string>;
  readonly isEverythingAsked: boolean;
  /** As matches are given that were never verified. */
  readonly unproven: UnprovenForm | undefined;
  readonly offset: number;
  readonly limit: number;
}

/** C-FIND identifiers and URLs are bounded before; this bounds one statement. */
const keysMax = 256;
const uidsMax = 10_000;
/** Of a value or pattern; texts that are longer are matched by nobody. */
const wantedMax = 1_024;
const offsetMax = 2 ** 31;

/** Answered from counts, or the same for all: no keys (PS3.4 C.3.4, C.6.1.1). */
export const computed: ReadonlySet<string> = new Set([
  "00080056",
  "00201200",
  "00201202",
  "00201204",
  "00201206",
  "00201208",
  "00201209",
]);
const modalitiesInStudy = "00080061";
const sopClassesInStudy = "00080062";

type Column = { readonly name: string; readonly kind: "text" | "uid" | "name" | "date" | "time" | "number" };

const columns: Readonly<Record<string, Column>> = {
  "00100010": { name: "s.patient_name", kind: "name" },
  "00100020": { name: "s.patient_id", kind: "text" },
  "0020000D": { name: "s.study_instance_uid", kind: "uid" },
  "00080020": { name: "s.study_date", kind: "date" },
  "00080030": { name: "s.study_time", kind: "time" },
  "00080050": { name: "s.accession_number", kind: "text" },
  "00081030": { name: "s.study_description", kind: "text" },
  "00080090": { name: "s.referring_name", kind: "name" },
  "00200010": { name: "s.study_id", kind: "text" },
  "0020000E": { name: "r.series_instance_uid", kind: "uid" },
  "00080060": { name: "r.modality", kind: "text" },
  "00200011": { name: "r.series_number", kind: "number" },
  "0008103E": { name: "r.series_description", kind: "text" },
  "00180015": { name: "r.body_part_examined", kind: "text" },
  "00400244": { name: "r.performed_date", kind: "date" },
  "00080018": { name: "i.sop_instance_uid", kind: "uid" },
  "00080016": { name: "i.sop_class_uid", kind: "uid" },
  "00200013": { name: "i.instance_number", kind: "number" },
};

/** @throws ScansealError `usage` for what is larger than anybody asks */
export function planOf(engine: Engine, query: Query, unproven?: UnprovenForm): SearchPlan {
  requireBounded(query);
  const { level } = query;
  const plans: Record<QueryLevel, LevelPlan> = {
    PATIENT: { conditions: [], examined: [] },
    STUDY: { conditions: [], examined: [] },
    SERIES: { conditions: [], examined: [] },
    IMAGE: { conditions: [], examined: [] },
  };
  const planner = new Planner(engine);
  const moments = momentsOf(query);
  for (const key of query.keys) {
    const tag = hexOf(key.path[0]!);
    const { match } = key;
    if (isUnrestricted(match) || computed.has(tag)) continue;
    if (moments && key.path[0] === studyTime) continue;
    const isOfStudies = tag === modalitiesInStudy || tag === sopClassesInStudy;
    const keyLevel = isOfStudies ? "STUDY" : levelOf(tag);
    if (isBelow(keyLevel, level)) continue;
    const column = key.path.length === 1 ? columns[tag] : undefined;
    const plan = plans[keyLevel];
    if (isOfStudies) plan.conditions.push(planner.ofStudies(tag, match));
    else if (column) plan.conditions.push(planner.ofColumn(column, match));
    else plan.examined.push(key);
    // Few rows instead of all studies.
    if (tag === "00080018" || tag === "0020000E") planner.narrow(tag, match, plans, level);
  }
  if (moments && !isBelow("STUDY", level)) plans.STUDY.conditions.push(...moments);
  const study = {
    conditions: [...plans.PATIENT.conditions, ...plans.STUDY.conditions],
    examined: [...plans.PATIENT.examined, ...plans.STUDY.examined],
  };
  return {
    level,
    study,
    series: plans.SERIES,
    image: plans.IMAGE,
    asked: new Set(query.keys.map(({ path }) => hexOf(path[0]!))),
    isEverythingAsked: query.isEverythingAsked,
    unproven,
    offset: query.offset,
    limit: query.limit ?? Number.POSITIVE_INFINITY,
  };
}

function requireBounded({ keys, offset, limit }: Query): void {
  const refuse = (what: string): never => {
    throw new ScansealError("usage", what);
  };
  if (keys.length > keysMax) refuse(`a query with more than ${keysMax} keys`);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > offsetMax) refuse("an offset out of its range");
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0)) refuse("a limit out of its range");
  for (const { path, match } of keys) {
    if (path.length === 0 || path.length > 8) refuse("a key without an attribute, or too deep");
    if (match.kind === "uids" && match.values.length > uidsMax) refuse(`more than ${uidsMax} UIDs`);
    const texts =
      match.kind === "single"
        ? [match.value]
        : match.kind === "wildcard"
          ? [normalPattern(match.pattern)]
          : match.kind === "uids"
            ? match.values
            : match.kind === "range"
              ? [match.from ?? "", match.to ?? ""]
              : [];
    if (texts.some(({ length }) => length > wantedMax)) refuse(`a key of more than ${wantedMax} characters`);
  }
}

/** Only `*` matches what has no value too (C.2.2.2.4). */
function isUnrestricted(match: Matching): boolean {
  return (
    match.kind === "universal" ||
    (match.kind === "wildcard" && /^\**$/.test(match.pattern.trim())) ||
    (match.kind === "range" && match.from === undefined && match.to === undefined)
  );
}

const studyDate = 0x00080020;
const studyTime = 0x00080030;

/** Where they are one range of moments, not of days and of the hours of each (C.2.2.2.5). The days alone are asked for beside it, by an index. */
function momentsOf({ keys, isDateTimeCombined }: Query): Condition[] | undefined {
  const rangeOf = (tag: number) =>
    keys
      .map(({ path, match }) => (path.length === 1 && path[0] === tag ? match : undefined))
      .find((match) => match?.kind === "range");
  const date = rangeOf(studyDate);
  const time = rangeOf(studyTime);
  if (!isDateTimeCombined || date?.kind !== "range" || time?.kind !== "range") return undefined;
  const found = sql`(s.study_date || case s.study_time when '' then '000000.000000' else s.study_time end)`;
  const out: Condition[] = [];
  if (date.from !== undefined)
    out.push(sql`${found} >= ${normalDate(date.from) + normalTime(time.from ?? "00", "first")}`);
  if (date.to !== undefined)
    out.push(sql`${found} <= ${normalDate(date.to) + normalTime(time.to ?? "23", "last")}`);
  return out;
}

class Planner {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  ofColumn({ name, kind }: Column, match: Matching): Condition {
    switch (kind) {
      case "name":
        return this.#name(name, match);
      case "date":
        return moment(name, match, normalDate, normalDate);
      case "time":
        return moment(name, match, normalTime, (text) => normalTime(text, "last"));
      case "number": {
        const number = match.kind === "single" ? wholeOf(match.value) : undefined;
        return number === undefined || number === noNumber ? never : sql`${sql.ref(name)} = ${number}`;
      }
      default:
        return this.#text(name, match);
    }
  }

  #text(name: string, match: Matching): Condition {
    switch (match.kind) {
      case "single":
        return sql`${sql.ref(name)} = ${kept(match.value.trim())}`;
      case "uids":
        return sql`${sql.ref(name)} in ${listed(this.#engine, match.values.map(kept))}`;
      case "wildcard":
        return this.#like(name, normalPattern(match.pattern.trim()));
      default:
        return never;
    }
  }

  #name(name: string, match: Matching): Condition {
    if (match.kind !== "single" && match.kind !== "wildcard") return never;
    const groups = [name, `${name}_ideographic`, `${name}_phonetic`];
    const asked = namePatterns(match);
    const fits = (group: string, pattern: string): Condition =>
      match.kind === "single"
        ? sql`(${sql.ref(group)} = ${kept(pattern)} and ${sql.ref(group)} <> '')`
        : this.#like(group, pattern);
    if (asked.length === 1) return anyOf(groups.map((group) => fits(group, asked[0]!)));
    return allOf(asked.flatMap((pattern, n) => (pattern === "" ? [] : [fits(groups[n]!, pattern)])));
  }

  /** SQLite's LIKE knows no case; its GLOB does. Both take any character but the wildcards as itself. */
  #like(name: string, pattern: string): Condition {
    const column = sql.ref(name);
    const test =
      this.#engine === "sqlite"
        ? sql`${column} glob ${kept(pattern.replaceAll("[", "[[]"))}`
        : sql`${column} like ${kept(
            pattern
              .replace(/[\\%_]/g, "\\$&")
              .replaceAll("*", "%")
              .replaceAll("?", "_"),
          )} escape '\\'`;
    // No value fits `*` alone, which is no restriction.
    const conditions = [sql<SqlBool>`${column} <> ''`, sql<SqlBool>`${test}`];
    const beginning = /^[^*?]*/.exec(pattern)![0].toWellFormed();
    const end = successorOf(beginning);
    if (beginning !== "" && end !== undefined)
      conditions.push(sql`${column} >= ${kept(beginning)}`, sql`${column} < ${kept(end)}`);
    return allOf(conditions);
  }

  /** What any series, or any instance, of a study is. */
  ofStudies(tag: string, match: Matching): Condition {
    return tag === modalitiesInStudy
      ? sql`exists (select 1 from index_series as m where m.study_instance_uid = s.study_instance_uid and ${this.#text("m.modality", match)})`
      : sql`exists (select 1 from index_series as m inner join index_instances as n on n.series_no = m.no
          where m.study_instance_uid = s.study_instance_uid and ${this.#text("n.sop_class_uid", match)})`;
  }

  /** A UID of a lower level names few rows of the upper ones. */
  narrow(
    tag: string,
    match: Matching,
    plans: Readonly<Record<QueryLevel, LevelPlan>>,
    level: QueryLevel,
  ): void {
    if (isBelow("SERIES", level)) return;
    if (tag === "0020000E") {
      plans.STUDY.conditions.push(
        sql`s.study_instance_uid in (select r.study_instance_uid from index_series as r where ${this.#text("r.series_instance_uid", match)})`,
      );
      return;
    }
    const ofInstances = this.#text("i.sop_instance_uid", match);
    plans.SERIES.conditions.push(
      sql`r.no in (select i.series_no from index_instances as i where ${ofInstances})`,
    );
    plans.STUDY.conditions.push(
      sql`s.study_instance_uid in (select q.study_instance_uid from index_instances as i inner join index_series as q on q.no = i.series_no where ${ofInstances})`,
    );
  }
}

const never: Condition = sql`1 = 0`;

function moment(
  name: string,
  match: Matching,
  first: (text: string) => string,
  last: (text: string) => string,
): Condition {
  const column = sql.ref(name);
  if (match.kind === "single") {
    const value = first(match.value);
    return value === "" ? never : sql`${column} = ${value}`;
  }
  if (match.kind !== "range") return never;
  const conditions = [sql<SqlBool>`${column} <> ''`];
  if (match.from !== undefined) conditions.push(sql`${column} >= ${first(match.from)}`);
  if (match.to !== undefined) conditions.push(sql`${column} <= ${last(match.to)}`);
  return allOf(conditions);
}

/** As columns keep it; what had to be changed fits nothing. */
function kept(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}

/** The least text that is above all that begin so; code points are compared, as UTF-8 is. */
function successorOf(beginning: string): string | undefined {
  const points = [...beginning];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0)! + 1;
    if (point <= 0x10ffff) return points.join("") + String.fromCodePoint(point === 0xd800 ? 0xe000 : point);
  }
  return undefined;
}

export function allOf(conditions: readonly Condition[]): Condition {
  return conditions.length === 0 ? sql`1 = 1` : sql`(${sql.join(conditions, sql` and `)})`;
}

function anyOf(conditions: readonly Condition[]): Condition {
  return sql`(${sql.join(conditions, sql` or `)})`;
}
