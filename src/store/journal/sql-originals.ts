/** Originals over SQL. */
import { type RawBuilder, sql } from "kysely";
import type { SpoolLocation } from "../spool/spool.ts";
import { told } from "./database-error.ts";
import type { JudgedObject, ReceivedObject } from "./journal.ts";
import { isDeliveredOf, listForDeletion } from "./kept-bytes.ts";
import { keptNumber, type ObjectRow, receivedRow } from "./object-rows.ts";
import type { Originals, SealedOriginal, SealingOutcome } from "./originals.ts";
import { listed } from "./row-set.ts";
import type { Database, Engine } from "./tables.ts";
import type { WriteJob, Writer } from "./writers.ts";

const rowsMax = 1_000;

/** Everybody who should have the sealed object `s` has it, or nobody is to have it any more. */
const isDone: RawBuilder<boolean> = sql<boolean>`(s.state = 'purged' or (s.state = 'admitted' and ${isDeliveredOf("s")}))`;
/** A sealed object that was here already, or was held and came again, names the one that counts. */
const isDoneByAnother: RawBuilder<boolean> = sql<boolean>`(s.state in ('resent', 'resolved') and exists
  (select 1 from objects as o where o.id = s.related_id
    and (o.state = 'purged' or (o.state = 'admitted' and ${isDeliveredOf("o")}))))`;

export class SqlOriginals implements Originals {
  readonly #db: Database;
  readonly #engine: Engine;
  readonly #writer: Writer;

  constructor(db: Database, engine: Engine, writer: Writer) {
    this.#db = db;
    this.#engine = engine;
    this.#writer = writer;
  }

  async ofInstance(sopInstanceUid: string): Promise<readonly SealedOriginal[]> {
    if (sopInstanceUid.includes("\0")) return [];
    return await told(
      this.#db
        .selectFrom("objects as o")
        .innerJoin("objects as s", "s.id", "o.related_id")
        .select(["o.id", "o.digest", "s.state as sealedState"])
        .where("o.sop_instance_uid", "=", sopInstanceUid)
        .where("o.state", "in", ["sealed", "resolved"])
        // Of a sealed object that was held and came again it is another row of its own kind.
        .whereRef("o.digest", "<>", "s.digest")
        .orderBy("o.id")
        .limit(rowsMax)
        .execute(),
    );
  }

  commitSealing(
    { id }: Pick<JudgedObject, "id">,
    fence: number,
    sealed: ReceivedObject,
    at: number,
  ): Promise<SealingOutcome> {
    const made = receivedRow(sealed);
    return this.#settled(id, fence, at, async (transaction, row) => {
      await transaction.insertInto("objects").values(made).execute();
      await transaction
        .updateTable("objects")
        .set({ state: "resolved", related_id: id, location: null, stored: 0 })
        .where("digest", "=", row.digest)
        .where("state", "=", "held")
        .where("sop_instance_uid", "=", row.sop_instance_uid)
        .execute();
      return { state: "sealed", related_id: sealed.id, stored: 1 };
    });
  }

  commitResent(id: string, fence: number, by: string, at: number): Promise<SealingOutcome> {
    return this.#settled(id, fence, at, async (transaction, { stored, digest }) => {
      if (stored === 1) await listForDeletion(transaction, [digest]);
      return { state: "resent", related_id: by, stored: 0 };
    });
  }

  /** Of an original whose lease is ours. */
  #settled(
    id: string,
    fence: number,
    at: number,
    settle: (
      transaction: Database,
      row: ObjectRow,
    ) => Promise<Pick<ObjectRow, "state" | "related_id" | "stored">>,
  ): Promise<SealingOutcome> {
    const judged_at = keptNumber(at, "time of sealing");
    return this.#write(async (transaction) => {
      const query = transaction.selectFrom("objects").selectAll().where("id", "=", id);
      const row = await (this.#engine === "postgres" ? query.forUpdate() : query).executeTakeFirst();
      const isOurs = row?.state === "received" && row.fence === fence && row.lease_owner !== null;
      if (!row || !isOurs) return { result: "lease-lost" };
      const settled = await settle(transaction, row);
      await transaction
        .updateTable("objects")
        .set({ ...settled, judged_at, location: null, lease_owner: null, lease_until: null })
        .where("id", "=", id)
        .execute();
      const freed = row.location === null ? undefined : (JSON.parse(row.location) as SpoolLocation);
      return { result: "committed", freed };
    });
  }

  letGo(ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return Promise.resolve(0);
    return this.#write(async (transaction) => {
      const left = await transaction
        .updateTable("objects")
        .set({ state: "resolved", stored: 0, location: null })
        .where("id", "in", listed(this.#engine, ids))
        .where("state", "=", "sealed")
        .where(
          sql<boolean>`exists (select 1 from objects as s where s.id = objects.related_id and (${isDone} or ${isDoneByAnother}))`,
        )
        .returning("digest")
        .execute();
      if (left.length > 0)
        await listForDeletion(
          transaction,
          left.map(({ digest }) => digest),
        );
      return left.length;
    });
  }

  async kept({ sealed, after = "", limit }: Parameters<Originals["kept"]>[0]): Promise<readonly string[]> {
    if (sealed === undefined) {
      const query = this.#db
        .selectFrom("objects as o")
        .select("o.id")
        .where("o.state", "=", "sealed")
        .where("o.id", ">", after)
        .orderBy("o.id")
        .limit(Math.min(Math.max(limit, 1), rowsMax));
      return (await told(query.execute())).map(({ id }) => id);
    }
    // By the instance: the index of the states has every original that waits for an archive.
    const rows = await told(
      this.#db
        .selectFrom("objects as s")
        .innerJoin("objects as o", "o.sop_instance_uid", "s.sop_instance_uid")
        .select(["o.id", "o.state"])
        .where("s.id", "in", listed(this.#engine, sealed))
        .execute(),
    );
    return rows.filter(({ state }) => state === "sealed").map(({ id }) => id);
  }

  #write<T>(job: WriteJob<T>): Promise<T> {
    return told(this.#writer.run(job));
  }
}
