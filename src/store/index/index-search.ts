/** The walk over studies, their series and their instances: page by page, each by its place in the order, so that no statement takes long. */
import { sql } from "kysely";
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { Database } from "../journal/tables.ts";
import { type MatchedRows, matchOf, type StudyFacts, type Totals } from "./index-answers.ts";
import {
  columnAttributes,
  type InstanceRow,
  instanceOf,
  isUnproven,
  type SeriesRow,
  type StudyRow,
} from "./index-rows.ts";
import type { IndexedInstance, IndexScope } from "./instance-index.ts";
import { levelOf } from "./levels.ts";
import { unpackedAttributes } from "./packed-attributes.ts";
import { allOf, type Condition, computed, type LevelPlan, type SearchPlan } from "./search-plan.ts";
import { matchesKey } from "./value-matching.ts";

const studiesPerPage = 100;
const rowsPerPage = 256;
/** Rows are unpacked one after another for so long, then others have their turn: a slice takes 0.1 ms, a large enhanced object a thousand times that. */
const turnMs = 8;
/** Runs one statement, with the database's errors as ours. */
export type Read = <T>(query: (db: Database) => Promise<T>) => Promise<T>;

/** What is left of offset and limit, and of what may be examined. */
class Window {
  skip: number;
  left: number;
  readonly #examinedMax: number;
  #examined = 0;

  constructor({ offset, limit }: SearchPlan, examinedMax: number) {
    this.skip = offset;
    this.left = limit;
    this.#examinedMax = examinedMax;
  }

  /** Whether a match is to be given. */
  take(): boolean {
    if (this.skip > 0) {
      this.skip--;
      return false;
    }
    this.left--;
    return true;
  }

  examine(): void {
    this.#examined++;
    if (this.#examined > this.#examinedMax)
      throw new ScansealError(
        "usage",
        `more than ${this.#examinedMax} entries would have to be looked at one by one: ask narrower`,
      );
  }
}

/** @throws ScansealError `usage` where more rows would have to be examined one by one: what was found so far is not all */
export async function* searchIndex(
  read: Read,
  plan: SearchPlan,
  examinedMax: number,
): AsyncIterable<JsonDataSet> {
  const window = new Window(plan, examinedMax);
  if (window.left <= 0) return;
  for await (const studies of studyPages(read, plan, window)) {
    const facts =
      plan.level === "IMAGE" || plan.level === "SERIES" ? undefined : await factsOf(read, plan, studies);
    for (const study of studies) {
      const attributes = parsed(study.attributes);
      if (!fits(plan.study, attributes, window)) continue;
      if (facts) {
        if (window.take())
          yield given(
            plan,
            matchOf(plan, { study: attributes }, facts.get(keyOf(plan, study))),
            study.base_rank,
          );
      } else yield* seriesMatches(read, plan, window, { row: study, attributes });
      if (window.left <= 0) return;
    }
  }
}

/** @param rank of the instance that speaks for it */
function given({ unproven, level }: SearchPlan, match: JsonDataSet, rank: number): JsonDataSet {
  return unproven && isUnproven(Number(rank)) ? unproven(match, level) : match;
}

function keyOf(plan: SearchPlan, study: StudyRow): string {
  return plan.level === "PATIENT" ? study.patient_key : study.study_instance_uid;
}

function fits({ examined }: LevelPlan, attributes: JsonDataSet, window: Window): boolean {
  if (examined.length === 0) return true;
  window.examine();
  return examined.every((key) => matchesKey(attributes, key));
}

function parsed(json: string): JsonDataSet {
  return JSON.parse(json) as JsonDataSet;
}

/** Latest first; of patients their first study, by ID. */
async function* studyPages(
  read: Read,
  { level, study, offset }: SearchPlan,
  window: Window,
): AsyncIterable<readonly StudyRow[]> {
  const isOfPatients = level === "PATIENT";
  // The database skips what it alone decides on.
  let skipped = (isOfPatients || level === "STUDY") && study.examined.length === 0 ? offset : 0;
  if (skipped > 0) window.skip = 0;
  let last: StudyRow | undefined;
  for (;;) {
    const page = await read((db) => {
      const query = db
        .selectFrom("index_studies as s")
        .selectAll()
        .where(allOf([...study.conditions, ...(isOfPatients ? [isFirstOfPatient] : [])]));
      const rest =
        last === undefined ? query : query.where(isOfPatients ? afterPatient(last) : afterStudy(last));
      const ordered = isOfPatients
        ? rest.orderBy("s.patient_key")
        : rest.orderBy("s.study_date", "desc").orderBy("s.study_instance_uid");
      return (skipped > 0 ? ordered.offset(skipped) : ordered).limit(studiesPerPage).execute();
    });
    skipped = 0;
    if (page.length > 0) yield page;
    if (page.length < studiesPerPage) return;
    last = page.at(-1)!;
    await othersTurn();
  }
}

const isFirstOfPatient: Condition = sql`not exists (select 1 from index_studies as o where o.patient_key = s.patient_key
  and (o.base_rank < s.base_rank or (o.base_rank = s.base_rank
    and (o.base_at < s.base_at or (o.base_at = s.base_at and o.study_instance_uid < s.study_instance_uid)))))`;

function afterPatient({ patient_key }: StudyRow): Condition {
  return sql`s.patient_key > ${patient_key}`;
}

function afterStudy({ study_date: date, study_instance_uid: uid }: StudyRow): Condition {
  return sql`(s.study_date <= ${date} and (s.study_date < ${date} or s.study_instance_uid > ${uid}))`;
}

async function* seriesMatches(
  read: Read,
  plan: SearchPlan,
  window: Window,
  study: { readonly row: StudyRow; readonly attributes: JsonDataSet },
): AsyncIterable<JsonDataSet> {
  for await (const series of seriesPages(read, study.row.study_instance_uid, plan.series.conditions)) {
    for (const row of series) {
      const attributes = parsed(row.attributes);
      if (!fits(plan.series, attributes, window)) continue;
      const rows = { study: study.attributes, series: attributes };
      if (plan.level === "SERIES") {
        if (window.take())
          yield given(plan, matchOf(plan, rows, { instances: row.instances }), row.base_rank);
      } else yield* imageMatches(read, plan, window, row, rows);
      if (window.left <= 0) return;
    }
  }
}

async function* imageMatches(
  read: Read,
  plan: SearchPlan,
  window: Window,
  series: SeriesRow,
  rows: MatchedRows,
): AsyncIterable<JsonDataSet> {
  const { conditions, examined } = plan.image;
  const isAll = conditions.length === 0 && examined.length === 0;
  const asked = examined.length > 0 ? undefined : askedOfImages(plan);
  if (isAll && window.skip >= series.instances) {
    window.skip -= series.instances;
    return;
  }
  for await (const instance of instanceRows(read, series.no, conditions)) {
    // Nothing is unpacked that is skipped.
    if (examined.length === 0 && window.skip > 0) {
      window.skip--;
      continue;
    }
    const ofColumns = asked && columnAttributes(instance, asked);
    const attributes = ofColumns ?? unpackedAttributes(instance.attributes, series.template);
    if (!fits(plan.image, attributes, window)) continue;
    if (window.take())
      yield given(plan, matchOf(plan, { ...rows, image: attributes }, undefined), instance.proof_rank);
    if (window.left <= 0) return;
  }
}

/** Of the instance itself; undefined: everything. */
function askedOfImages({ asked, isEverythingAsked }: SearchPlan): readonly string[] | undefined {
  if (isEverythingAsked) return undefined;
  const own = [...asked].filter((tag) => levelOf(tag) === "IMAGE" && !computed.has(tag));
  return [...new Set([...own, "00080018", "00080016"])];
}

async function* seriesPages(
  read: Read,
  study: string,
  conditions: readonly Condition[],
): AsyncIterable<readonly SeriesRow[]> {
  let last: SeriesRow | undefined;
  for (;;) {
    const page = await read((db) => {
      const query = db
        .selectFrom("index_series as r")
        .selectAll()
        .where("r.study_instance_uid", "=", study)
        .where(allOf(conditions))
        .orderBy("r.series_number")
        .orderBy("r.series_instance_uid")
        .limit(rowsPerPage);
      return (last === undefined ? query : query.where(afterSeries(last))).execute();
    });
    if (page.length > 0) yield page;
    if (page.length < rowsPerPage) return;
    last = page.at(-1)!;
    await othersTurn();
  }
}

function afterSeries({ series_number: number, series_instance_uid: uid }: SeriesRow): Condition {
  return sql`(r.series_number >= ${number} and (r.series_number > ${number} or r.series_instance_uid > ${uid}))`;
}

async function* instanceRows(
  read: Read,
  seriesNo: number,
  conditions: readonly Condition[],
): AsyncIterable<InstanceRow> {
  let last: InstanceRow | undefined;
  let since = performance.now();
  for (;;) {
    const page = await read((db) => {
      const query = db
        .selectFrom("index_instances as i")
        .selectAll()
        .where("i.series_no", "=", seriesNo)
        .where(allOf(conditions))
        .orderBy("i.instance_number")
        .orderBy("i.sop_instance_uid")
        .limit(rowsPerPage);
      return (last === undefined ? query : query.where(afterInstance(last))).execute();
    });
    for (const row of page) {
      yield row;
      // It was unpacked meanwhile.
      if (performance.now() - since < turnMs) continue;
      await othersTurn();
      since = performance.now();
    }
    if (page.length < rowsPerPage) return;
    last = page.at(-1)!;
    await othersTurn();
  }
}

function afterInstance({ instance_number: number, sop_instance_uid: uid }: InstanceRow): Condition {
  return sql`(i.instance_number >= ${number} and (i.instance_number > ${number} or i.sop_instance_uid > ${uid}))`;
}

/** An embedded database answers at once: between two pages others have their turn. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Every instance of the scope, in order, with what its attributes are packed against. */
export async function* instancesIn(
  read: Read,
  scope: IndexScope,
): AsyncIterable<{ readonly instance: IndexedInstance; readonly attributes: () => JsonDataSet }> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = scope;
  const ofSeries: Condition[] =
    seriesInstanceUid === undefined ? [] : [sql`r.series_instance_uid = ${plain(seriesInstanceUid)}`];
  const ofInstance: Condition[] =
    sopInstanceUid === undefined ? [] : [sql`i.sop_instance_uid = ${plain(sopInstanceUid)}`];
  for await (const page of seriesPages(read, plain(studyInstanceUid), ofSeries)) {
    for (const series of page) {
      for await (const row of instanceRows(read, series.no, ofInstance)) {
        const attributes = (): JsonDataSet => unpackedAttributes(row.attributes, series.template);
        yield { instance: instanceOf(row, series), attributes };
      }
    }
  }
}

/** No UID has a NUL, and PostgreSQL takes none. */
function plain(uid: string): string {
  return uid.replaceAll("\0", "\ufffd").toWellFormed();
}

/** Counts of a page's patients or studies, where they are asked for. */
async function factsOf(
  read: Read,
  plan: SearchPlan,
  page: readonly StudyRow[],
): Promise<ReadonlyMap<string, StudyFacts>> {
  const keys = [...new Set(page.map((row) => keyOf(plan, row)))];
  const isOfPatients = plan.level === "PATIENT";
  const out = new Map<string, { -readonly [K in keyof StudyFacts]: StudyFacts[K] }>();
  const of = (key: string) => out.get(key)!;
  for (const key of keys)
    out.set(key, { studies: 0, series: 0, instances: 0, modalities: [], sopClasses: [] });
  if (isOfPatients && isAsked(plan, "00201200", "00201202", "00201204")) {
    for (const { key, ...totals } of await read((db) => patientTotals(db, keys)))
      Object.assign(of(key), numbered(totals));
  }
  if (!isOfPatients && isAsked(plan, "00080061", "00201206", "00201208")) {
    const rows = await read((db) =>
      db
        .selectFrom("index_series")
        .select([
          "study_instance_uid",
          "modality",
          (is) => is.fn.countAll().as("series"),
          (is) => is.fn.sum("instances").as("instances"),
        ])
        .where("study_instance_uid", "in", keys)
        .groupBy(["study_instance_uid", "modality"])
        .orderBy("modality")
        .execute(),
    );
    for (const row of rows) {
      const facts = of(row.study_instance_uid);
      facts.series += Number(row.series);
      facts.instances += Number(row.instances);
      if (row.modality !== "") facts.modalities = [...facts.modalities, row.modality];
    }
  }
  if (!isOfPatients && isAsked(plan, "00080062")) {
    const rows = await read((db) =>
      db
        .selectFrom("index_series as r")
        .innerJoin("index_instances as i", "i.series_no", "r.no")
        .select(["r.study_instance_uid", "i.sop_class_uid"])
        .distinct()
        .where("r.study_instance_uid", "in", keys)
        .orderBy("i.sop_class_uid")
        .execute(),
    );
    for (const row of rows)
      of(row.study_instance_uid).sopClasses = [...of(row.study_instance_uid).sopClasses, row.sop_class_uid];
  }
  return out;
}

function isAsked({ asked, isEverythingAsked }: SearchPlan, ...tags: readonly string[]): boolean {
  return isEverythingAsked || tags.some((tag) => asked.has(tag));
}

function patientTotals(db: Database, keys: readonly string[]): Promise<(Totals & { key: string })[]> {
  return db
    .selectFrom("index_studies as s")
    .innerJoin("index_series as r", "r.study_instance_uid", "s.study_instance_uid")
    .select([
      "s.patient_key as key",
      sql<number>`count(distinct s.study_instance_uid)`.as("studies"),
      sql<number>`count(*)`.as("series"),
      sql<number>`sum(r.instances)`.as("instances"),
    ])
    .where("s.patient_key", "in", keys)
    .groupBy("s.patient_key")
    .execute();
}

function numbered({ studies, series, instances }: Totals): Totals {
  return { studies: Number(studies), series: Number(series), instances: Number(instances) };
}
