/**
 * What puts instances into the index and takes them out, in one transaction. Rows of studies and series are what their instances make them: counted
 * on where an instance is added behind the others, made anew from what is left where one goes or one comes that goes first (better proven, or older).
 */
import { type Kysely, sql } from "kysely";
import { keptText } from "../journal/object-rows.ts";
import { listed } from "../journal/row-set.ts";
import { type Database, type Engine, pieces, type Tables } from "../journal/tables.ts";
import type { WriteJob } from "../journal/writers.ts";
import {
  type InstanceRow,
  instanceColumns,
  isBefore,
  type LevelJson,
  levelJson,
  placeOf,
  type SeriesRow,
  type StudyRow,
  seriesColumns,
  studyColumns,
} from "./index-rows.ts";
import type { IndexEntry, Superseded } from "./instance-index.ts";
import { packedJson, templateOf, unpackedAttributes } from "./packed-attributes.ts";

/** "scnindex" as a number: whoever changes the index waits for the others, so that counts are right and series have their numbers. */
const indexLock = 0x73636e696e6478;
/** In one statement, 18 columns each. */
const rowsPerStatement = 32;

export interface PutOptions {
  /** Objects that are here already are derived anew. */
  readonly isAgain?: boolean;
}

interface Here {
  readonly sop_instance_uid: string;
  readonly object_id: string;
  readonly admitted_at: number;
  readonly series_no: number;
}

/** Of two versions of an instance. */
function isLater(a: { at: number; id: string }, b: { at: number; id: string }): boolean {
  return a.at === b.at ? a.id > b.id : a.at > b.at;
}

export function putInstances(
  engine: Engine,
  entries: readonly IndexEntry[],
  { isAgain = false }: PutOptions = {},
): WriteJob<Superseded[]> {
  for (const entry of entries) {
    keptText(entry.seriesInstanceUid, "series instance UID");
    keptText(entry.studyInstanceUid, "study instance UID");
  }
  return async (transaction) => {
    await lockIndex(transaction, engine);
    const here = await instancesHere(
      transaction,
      engine,
      entries.map(({ sopInstanceUid }) => sopInstanceUid),
    );
    const { standing, superseded } = standingOf(entries, here, isAgain);
    const change = new Change(transaction, engine);
    const replaced = standing.flatMap(({ sopInstanceUid }) => here.get(sopInstanceUid) ?? []);
    await change.delete(replaced);
    await change.load(standing);
    for (const entry of [...standing].sort((a, b) => a.admittedAt - b.admittedAt)) change.add(entry);
    await change.write();
    return superseded;
  };
}

export function removeInstances(engine: Engine, sopInstanceUids: readonly string[]): WriteJob<void> {
  return async (transaction) => {
    await lockIndex(transaction, engine);
    const change = new Change(transaction, engine);
    await change.delete([...(await instancesHere(transaction, engine, sopInstanceUids)).values()]);
    await change.write();
  };
}

async function lockIndex(transaction: Database, engine: Engine): Promise<void> {
  if (engine === "postgres")
    await sql`select pg_advisory_xact_lock(${indexLock}::bigint)`.execute(transaction);
}

async function instancesHere(
  db: Database,
  engine: Engine,
  uids: readonly string[],
): Promise<ReadonlyMap<string, Here>> {
  const rows = await db
    .selectFrom("index_instances")
    .select(["sop_instance_uid", "object_id", "admitted_at", "series_no"])
    .where("sop_instance_uid", "in", listed(engine, [...new Set(uids)]))
    .execute();
  return new Map(rows.map((row) => [row.sop_instance_uid, row]));
}

/** The entries that are to be written, one for each instance, and the versions that are not, or no more. */
function standingOf(
  entries: readonly IndexEntry[],
  here: ReadonlyMap<string, Here>,
  isAgain: boolean,
): { readonly standing: readonly IndexEntry[]; readonly superseded: Superseded[] } {
  const versions = Map.groupBy(entries, ({ sopInstanceUid }) => sopInstanceUid);
  const standing: IndexEntry[] = [];
  const superseded: Superseded[] = [];
  for (const [sopInstanceUid, offered] of versions) {
    const kept = here.get(sopInstanceUid);
    const latest = offered.reduce((a, b) =>
      isLater({ at: b.admittedAt, id: b.objectId }, { at: a.admittedAt, id: a.objectId }) ? b : a,
    );
    const keptVersion = kept && { at: kept.admitted_at, id: kept.object_id };
    const isNew = !keptVersion || isLater({ at: latest.admittedAt, id: latest.objectId }, keptVersion);
    const by = isNew ? latest.objectId : kept!.object_id;
    if (isNew || (isAgain && kept!.object_id === latest.objectId)) standing.push(latest);
    const others = new Set([...offered.map(({ objectId }) => objectId), ...(kept ? [kept.object_id] : [])]);
    for (const objectId of others) if (objectId !== by) superseded.push({ sopInstanceUid, objectId, by });
  }
  return { standing, superseded };
}

interface StudyState {
  readonly row: StudyRow;
  readonly isNew: boolean;
}

interface SeriesState {
  readonly row: SeriesRow;
  readonly isNew: boolean;
}

/** One transaction's changes. */
class Change {
  readonly #db: Kysely<Tables>;
  readonly #engine: Engine;
  readonly #studies = new Map<string, StudyState>();
  /** By study and series UID: neither has a space. */
  readonly #series = new Map<string, SeriesState>();
  readonly #added: InstanceRow[] = [];
  /** To be derived anew. */
  readonly #dirtyStudies = new Set<string>();
  readonly #dirtySeries = new Set<number>();
  #lastNo = 0;

  constructor(db: Database, engine: Engine) {
    this.#db = db;
    this.#engine = engine;
  }

  async delete(rows: readonly Here[]): Promise<void> {
    if (rows.length === 0) return;
    const numbers = [...new Set(rows.map(({ series_no }) => series_no))];
    const uids = rows.map(({ sop_instance_uid }) => sop_instance_uid);
    await this.#db
      .deleteFrom("index_instances")
      .where("sop_instance_uid", "in", listed(this.#engine, uids))
      .execute();
    for (const part of pieces(numbers, 500)) {
      const series = await this.#db
        .selectFrom("index_series")
        .select(["no", "study_instance_uid"])
        .where("no", "in", part)
        .execute();
      for (const { no, study_instance_uid } of series) {
        this.#dirtySeries.add(no);
        this.#dirtyStudies.add(study_instance_uid);
      }
    }
  }

  /** The studies and series that the entries belong to. */
  async load(entries: readonly IndexEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const uids = (of: (entry: IndexEntry) => string) => listed(this.#engine, [...new Set(entries.map(of))]);
    const studies = await this.#db
      .selectFrom("index_studies")
      .selectAll()
      .where(
        "study_instance_uid",
        "in",
        uids((entry) => entry.studyInstanceUid),
      )
      .execute();
    for (const row of studies) this.#studies.set(row.study_instance_uid, { row, isNew: false });
    const series = await this.#db
      .selectFrom("index_series")
      .selectAll()
      .where(
        "series_instance_uid",
        "in",
        uids((entry) => entry.seriesInstanceUid),
      )
      .execute();
    for (const row of series)
      this.#series.set(`${row.study_instance_uid} ${row.series_instance_uid}`, { row, isNew: false });
    const last = await this.#db
      .selectFrom("index_series")
      .select((is) => is.fn.max("no").as("no"))
      .executeTakeFirst();
    this.#lastNo = last?.no ?? 0;
  }

  add(entry: IndexEntry): void {
    const { attributes } = entry;
    const json = JSON.stringify(attributes);
    const level = levelJson(attributes);
    const place = placeOf(entry);
    const isFirst = (row: Pick<StudyRow, "base_rank" | "base_at" | "base_uid">): boolean =>
      isBefore(place, { rank: row.base_rank, at: row.base_at, uid: row.base_uid });
    const study = this.#studyOf(entry, level);
    if (isFirst(study.row)) this.#dirtyStudies.add(entry.studyInstanceUid);
    if (level.prints.study !== study.row.print) study.row.differing++;
    const { row } = this.#seriesOf(entry, level, json);
    if (isFirst(row)) this.#dirtySeries.add(row.no);
    if (level.prints.series !== row.print) row.differing++;
    row.instances++;
    this.#added.push({
      ...instanceColumns(entry, level.prints),
      series_no: row.no,
      attributes: packedJson(json, row.template),
    });
  }

  #studyOf(entry: IndexEntry, level: LevelJson): StudyState {
    const known = this.#studies.get(entry.studyInstanceUid);
    if (known) return known;
    const made = { row: { ...studyColumns(entry, entry.attributes, level), differing: 0 }, isNew: true };
    this.#studies.set(entry.studyInstanceUid, made);
    return made;
  }

  #seriesOf(entry: IndexEntry, level: LevelJson, json: string): SeriesState {
    const key = `${entry.studyInstanceUid} ${entry.seriesInstanceUid}`;
    const known = this.#series.get(key);
    if (known) return known;
    const columns = seriesColumns(entry, entry.attributes, level);
    const counted = { no: ++this.#lastNo, differing: 0, instances: 0, template: templateOf(json) };
    const made = { row: { ...columns, ...counted }, isNew: true };
    this.#series.set(key, made);
    return made;
  }

  async write(): Promise<void> {
    await this.#writeStudies();
    await this.#writeSeries();
    const whole = this.#added.length - (this.#added.length % rowsPerStatement);
    for (const part of pieces(this.#added.slice(0, whole), rowsPerStatement))
      await this.#db.insertInto("index_instances").values(part).execute();
    // Statements of few lengths stay prepared.
    for (const row of this.#added.slice(whole))
      await this.#db.insertInto("index_instances").values(row).execute();
    for (const no of this.#dirtySeries) await deriveSeries(this.#db, no);
    for (const uid of this.#dirtyStudies) await deriveStudy(this.#db, uid);
  }

  async #writeStudies(): Promise<void> {
    for (const { row, isNew } of this.#studies.values()) {
      if (isNew) await this.#db.insertInto("index_studies").values(row).execute();
      else
        await this.#db
          .updateTable("index_studies")
          .set({ differing: row.differing })
          .where("study_instance_uid", "=", row.study_instance_uid)
          .execute();
    }
  }

  async #writeSeries(): Promise<void> {
    for (const { row, isNew } of this.#series.values()) {
      if (isNew) await this.#db.insertInto("index_series").values(row).execute();
      else
        await this.#db
          .updateTable("index_series")
          .set({ differing: row.differing, instances: row.instances })
          .where("no", "=", row.no)
          .execute();
    }
  }
}

/** From what is left of it; nothing is left of one without instances. */
async function deriveSeries(db: Database, no: number): Promise<void> {
  const series = await db
    .selectFrom("index_series")
    .select(["study_instance_uid", "series_instance_uid", "template"])
    .where("no", "=", no)
    .executeTakeFirst();
  const base = await db
    .selectFrom("index_instances")
    .selectAll()
    .where("series_no", "=", no)
    .orderBy("proof_rank")
    .orderBy("admitted_at")
    .orderBy("sop_instance_uid")
    .limit(1)
    .executeTakeFirst();
  if (!series) return;
  if (!base) {
    await db.deleteFrom("index_series").where("no", "=", no).execute();
    return;
  }
  const attributes = unpackedAttributes(base.attributes, series.template);
  const columns = seriesColumns(baseOf(base, series), attributes, levelJson(attributes));
  const { instances, differing } = await db
    .selectFrom("index_instances")
    .select((is) => [
      is.fn.countAll<number>().as("instances"),
      sql<number>`sum(case series_print when ${columns.print} then 0 else 1 end)`.as("differing"),
    ])
    .where("series_no", "=", no)
    .executeTakeFirstOrThrow();
  await db
    .updateTable("index_series")
    .set({ ...columns, instances: Number(instances), differing: Number(differing) })
    .where("no", "=", no)
    .execute();
}

async function deriveStudy(db: Database, study: string): Promise<void> {
  const ofStudy = db
    .selectFrom("index_series as r")
    .innerJoin("index_instances as i", "i.series_no", "r.no")
    .where("r.study_instance_uid", "=", study);
  const base = await ofStudy
    .selectAll("i")
    .select(["r.template", "r.study_instance_uid", "r.series_instance_uid"])
    .orderBy("i.proof_rank")
    .orderBy("i.admitted_at")
    .orderBy("i.sop_instance_uid")
    .limit(1)
    .executeTakeFirst();
  if (!base) {
    await db.deleteFrom("index_studies").where("study_instance_uid", "=", study).execute();
    return;
  }
  const attributes = unpackedAttributes(base.attributes, base.template);
  const columns = studyColumns(baseOf(base, base), attributes, levelJson(attributes));
  const { differing } = await ofStudy
    .select(sql<number>`sum(case i.study_print when ${columns.print} then 0 else 1 end)`.as("differing"))
    .executeTakeFirstOrThrow();
  await db
    .updateTable("index_studies")
    .set({ ...columns, differing: Number(differing) })
    .where("study_instance_uid", "=", study)
    .execute();
}

function baseOf(
  row: Pick<InstanceRow, "sop_instance_uid" | "admitted_at" | "basis">,
  of: Pick<SeriesRow, "study_instance_uid" | "series_instance_uid">,
): Parameters<typeof placeOf>[0] {
  return {
    studyInstanceUid: of.study_instance_uid,
    seriesInstanceUid: of.series_instance_uid,
    sopInstanceUid: row.sop_instance_uid,
    admittedAt: row.admitted_at,
    basis: row.basis,
  };
}
