/** The index over SQL: one code path for both engines. */
import { sql } from "kysely";
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import type { Query } from "../../dicom-network/query/query.ts";
import { told } from "../journal/database-error.ts";
import { type Database, type Engine, pieces } from "../journal/tables.ts";
import type { WriteJob, Writer } from "../journal/writers.ts";
import { putInstances, removeInstances } from "./index-changes.ts";
import { instanceOf, isUnproven, rankOf } from "./index-rows.ts";
import { instancesIn, type Read, searchIndex } from "./index-search.ts";
import type {
  IndexCounts,
  IndexEntry,
  IndexedInstance,
  IndexScope,
  InstanceIndex,
  Superseded,
  UnprovenForm,
} from "./instance-index.ts";
import { unpackedAttributes } from "./packed-attributes.ts";
import { planOf } from "./search-plan.ts";

/** Rows whose attributes are looked at one by one for a query: some seconds. Who asks for more is told to ask narrower. */
const examinedMaxDefault = 100_000;
/** Of one transaction; the embedded database stops the event loop for it. */
const entriesPerTransaction = 64;

export class SqlInstanceIndex implements InstanceIndex {
  readonly #db: Database;
  readonly #engine: Engine;
  readonly #writer: Writer;
  readonly #examinedMax: number;

  constructor(db: Database, engine: Engine, writer: Writer, examinedMax: number = examinedMaxDefault) {
    this.#db = db;
    this.#engine = engine;
    this.#writer = writer;
    this.#examinedMax = examinedMax;
  }

  async put(entries: readonly IndexEntry[]): Promise<readonly Superseded[]> {
    if (entries.length === 0) return [];
    return await this.#write(putInstances(this.#engine, entries));
  }

  async remove(sopInstanceUids: readonly string[]): Promise<void> {
    if (sopInstanceUids.length > 0) await this.#write(removeInstances(this.#engine, sopInstanceUids));
  }

  async *search(query: Query, unproven?: UnprovenForm): AsyncIterable<JsonDataSet> {
    const plan = planOf(this.#engine, query, unproven);
    yield* searchIndex(this.#read, plan, this.#examinedMax);
  }

  async *instancesOf(scope: IndexScope): AsyncIterable<IndexedInstance> {
    for await (const { instance } of instancesIn(this.#read, scope)) yield instance;
  }

  async *metadataOf(scope: IndexScope, unproven?: UnprovenForm): AsyncIterable<JsonDataSet> {
    for await (const { instance, attributes } of instancesIn(this.#read, scope))
      yield unproven && isUnproven(rankOf(instance.basis)) ? unproven(attributes(), "IMAGE") : attributes();
  }

  async counts(): Promise<IndexCounts> {
    const [ofStudies, ofSeries] = await Promise.all([
      this.#read((db) =>
        db
          .selectFrom("index_studies")
          .select([
            sql<number>`count(distinct patient_key)`.as("patients"),
            sql<number>`count(*)`.as("studies"),
            sql<number | null>`sum(differing)`.as("differing"),
          ])
          .executeTakeFirstOrThrow(),
      ),
      this.#read((db) =>
        db
          .selectFrom("index_series")
          .select([
            sql<number>`count(*)`.as("series"),
            sql<number | null>`sum(instances)`.as("instances"),
            sql<number | null>`sum(differing)`.as("differing"),
          ])
          .executeTakeFirstOrThrow(),
      ),
    ]);
    return {
      patients: Number(ofStudies.patients),
      studies: Number(ofStudies.studies),
      series: Number(ofSeries.series),
      instances: Number(ofSeries.instances ?? 0),
      differingFromStudy: Number(ofStudies.differing ?? 0),
      differingFromSeries: Number(ofSeries.differing ?? 0),
    };
  }

  async rederive(): Promise<number> {
    let count = 0;
    for (let last = ""; ; ) {
      const rows = await this.#read((db) =>
        db
          .selectFrom("index_instances as i")
          .innerJoin("index_series as r", "r.no", "i.series_no")
          .selectAll("i")
          .select(["r.study_instance_uid", "r.series_instance_uid", "r.template"])
          .where("i.sop_instance_uid", ">", last)
          .orderBy("i.sop_instance_uid")
          .limit(entriesPerTransaction)
          .execute(),
      );
      const entries = rows.map((row) => ({
        ...instanceOf(row, row),
        attributes: unpackedAttributes(row.attributes, row.template),
      }));
      for (const part of pieces(entries, entriesPerTransaction))
        await this.#write(putInstances(this.#engine, part, { isAgain: true }));
      count += rows.length;
      if (rows.length < entriesPerTransaction) return count;
      last = rows.at(-1)!.sop_instance_uid;
    }
  }

  readonly #read: Read = async (query) => {
    return await told(query(this.#db));
  };

  async #write<T>(job: WriteJob<T>): Promise<T> {
    return await told(this.#writer.run(job));
  }
}
