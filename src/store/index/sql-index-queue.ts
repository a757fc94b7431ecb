/** The queue of the index over SQL. */
import { sql } from "kysely";
import { told } from "../journal/database-error.ts";
import { keptText, objectOf } from "../journal/object-rows.ts";
import { listed } from "../journal/row-set.ts";
import type { Database, Engine } from "../journal/tables.ts";
import type { WriteJob, Writer } from "../journal/writers.ts";
import type { IndexQueue, IndexQueueCounts, WaitingObject } from "./index-queue.ts";

/** Rows of a statement: of admitted objects that are looked at for one transaction. */
const rowsPerPage = 1_000;

export class SqlIndexQueue implements IndexQueue {
  readonly #db: Database;
  readonly #engine: Engine;
  readonly #writer: Writer;

  constructor(db: Database, engine: Engine, writer: Writer) {
    this.#db = db;
    this.#engine = engine;
    this.#writer = writer;
  }

  async waiting(limit: number): Promise<readonly WaitingObject[]> {
    const rows = await told(
      this.#db
        .selectFrom("index_queue as q")
        .innerJoin("objects as o", "o.id", "q.object_id")
        .selectAll("o")
        .select(["q.attributes as queued", "q.payload_digest as sealed"])
        .where("q.problem", "is", null)
        .orderBy("q.object_id")
        .limit(Math.min(Math.max(limit, 1), rowsPerPage))
        .execute(),
    );
    return rows.map(({ queued, sealed, ...row }) => ({
      object: objectOf(row),
      payloadDigest: sealed ?? row.payload_digest ?? undefined,
      attributes: queued ?? undefined,
    }));
  }

  async settled(objectIds: readonly string[]): Promise<void> {
    if (objectIds.length === 0) return;
    await this.#write(async (transaction) => {
      await transaction
        .deleteFrom("index_queue")
        .where("object_id", "in", listed(this.#engine, objectIds))
        .execute();
    });
  }

  async failed(objectId: string, problem: string): Promise<void> {
    keptText(problem, "problem");
    await this.#write(async (transaction) => {
      await transaction
        .updateTable("index_queue")
        .set({ problem })
        .where("object_id", "=", objectId)
        .execute();
    });
  }

  retry(): Promise<number> {
    return this.#write(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable("index_queue")
        .set({ problem: null })
        .where("problem", "is not", null)
        .executeTakeFirst();
      return Number(numUpdatedRows);
    });
  }

  async addMissing(): Promise<number> {
    let added = 0;
    for (let last = ""; ; ) {
      const page = await told(
        this.#db
          .selectFrom("admitted")
          .select("sop_instance_uid")
          .where("sop_instance_uid", ">", last)
          .orderBy("sop_instance_uid")
          .offset(rowsPerPage - 1)
          .limit(1)
          .execute(),
      );
      const end = page[0]?.sop_instance_uid;
      added += await this.#write(addMissingBetween(last, end));
      if (end === undefined) return added;
      last = end;
      // An embedded database answers at once: others have their turn.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async counts(): Promise<IndexQueueCounts> {
    const rows = await told(
      this.#db
        .selectFrom("index_queue")
        .select(["problem", (is) => is.fn.countAll().as("amount")])
        .groupBy("problem")
        .execute(),
    );
    const problems: Record<string, number> = {};
    let waiting = 0;
    for (const { problem, amount } of rows) {
      if (problem === null) waiting = Number(amount);
      else problems[problem] = Number(amount);
    }
    return { waiting, problems };
  }

  async #write<T>(job: WriteJob<T>): Promise<T> {
    return told(this.#writer.run(job));
  }
}

/** @param end the last UID, or none: to the end */
function addMissingBetween(after: string, end: string | undefined): WriteJob<number> {
  const upTo = end === undefined ? sql`` : sql`and a.sop_instance_uid <= ${end}`;
  return async (transaction) => {
    const { numAffectedRows } = await sql`insert into index_queue (object_id)
      select a.object_id from admitted as a where a.sop_instance_uid > ${after} ${upTo}
        and not exists (select 1 from index_instances as i where i.sop_instance_uid = a.sop_instance_uid and i.object_id = a.object_id)
        and not exists (select 1 from index_queue as q where q.object_id = a.object_id)`.execute(transaction);
    return Number(numAffectedRows ?? 0);
  };
}
