/** Commitments over SQL. */
import { type Selectable, sql } from "kysely";
import type { CommitmentReport } from "../../dicom-network/dimse/storage-commitment.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type AskedItem, commit, namedOf, refuse, roundsOf } from "./commitment-answers.ts";
import type { CommitmentTable } from "./commitment-tables.ts";
import type {
  CommitmentAsk,
  Commitments,
  ObjectCommitment,
  OpenCommitments,
  ReportOutcome,
} from "./commitments.ts";
import { told } from "./database-error.ts";
import { leaveStore } from "./kept-bytes.ts";
import { keptNumber, keptText } from "./object-rows.ts";
import { listed, rowSet } from "./row-set.ts";
import { type Database, type Engine, idsPerStatement } from "./tables.ts";
import type { WriteJob, Writer } from "./writers.ts";

const listedMax = 1_000;
/** A request that nobody answered for so long is forgotten: an answer to it is refused. What it named was asked for again long before. */
const askMsMax = 3 * 24 * 60 * 60_000;

export class SqlCommitments implements Commitments {
  readonly #db: Database;
  readonly #engine: Engine;
  readonly #writer: Writer;

  constructor(db: Database, engine: Engine, writer: Writer) {
    this.#db = db;
    this.#engine = engine;
    this.#writer = writer;
  }

  async askAt(destinations: readonly string[], not: readonly string[]): Promise<void> {
    for (const one of [...destinations, ...not]) keptText(one, "destination");
    await this.#write(async (transaction) => {
      await transaction.deleteFrom("commitment_policy").execute();
      if (destinations.length > 0)
        await transaction
          .insertInto("commitment_policy")
          .values(destinations.map((destination) => ({ destination })))
          .execute();
    });
    for (const destination of not) while ((await this.#forgiven(destination)) === idsPerStatement);
  }

  /** What waits there is owed no longer. @returns how many */
  #forgiven(destination: string): Promise<number> {
    return this.#write(async (transaction) => {
      const rows = await transaction
        .selectFrom("commitments")
        .select("object_id")
        .where("destination", "=", destination)
        // Word for word what the partial index says.
        .where(sql<boolean>`state <> 'committed'`)
        .limit(idsPerStatement)
        .execute();
      const ids = rows.map((row) => row.object_id);
      await this.#lock(transaction, ids);
      await transaction
        .deleteFrom("commitments")
        .where("destination", "=", destination)
        .where("object_id", "in", listed(this.#engine, ids))
        .execute();
      await leaveStore(transaction, this.#engine, ids);
      return ids.length;
    });
  }

  claim(
    destination: string,
    transactionUid: string,
    limit: number,
    now: number,
    pauseMs: (asks: number) => number,
  ): Promise<CommitmentAsk | undefined> {
    keptNumber(now, "time");
    if (!Number.isInteger(limit) || limit < 1 || limit > idsPerStatement)
      throw new ScansealError("usage", `1 to ${idsPerStatement} instances are asked for at once`);
    return this.#write(async (transaction) => {
      const query = transaction
        .selectFrom("commitments as c")
        .innerJoin("objects as o", "o.id", "c.object_id")
        .select(["c.object_id", "c.round", "c.asks", "o.sop_class_uid", "o.sop_instance_uid"])
        .where("c.destination", "=", destination)
        .where(sql<boolean>`c.state = 'waits'`)
        .where("c.next_ask_at", "<=", now)
        .orderBy("c.next_ask_at")
        .orderBy("c.object_id")
        .limit(limit);
      const rows = await (this.#engine === "postgres" ? query.forUpdate("c").skipLocked() : query).execute();
      if (rows.length === 0) return undefined;
      const asked = rows.map((row) => {
        const asks = row.asks + 1;
        return { id: row.object_id, asks, next: keptNumber(now + pauseMs(asks), "next request") };
      });
      const set = rowSet(this.#engine, { id: "text", asks: "whole", next: "whole" }, asked);
      await sql`update commitments set asks = v.asks, next_ask_at = v.next from ${set} as v
        where commitments.object_id = v.id and commitments.destination = ${destination}`.execute(transaction);
      const items: AskedItem[] = rows.map((row) => ({
        id: row.object_id,
        round: row.round,
        sopClassUid: row.sop_class_uid,
        sopInstanceUid: row.sop_instance_uid,
      }));
      await transaction
        .insertInto("commitment_asks")
        .values({
          ...{ transaction_uid: transactionUid, destination, asked_at: now },
          ...{ answered_at: null, items: JSON.stringify(items) },
        })
        .execute();
      await transaction
        .deleteFrom("commitment_asks")
        .where("asked_at", "<", now - askMsMax)
        .execute();
      return {
        transactionUid,
        instances: items.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid })),
        asks: Math.max(...asked.map(({ asks }) => asks)),
      };
    });
  }

  async unasked(transactionUid: string, nextAt: number): Promise<void> {
    keptNumber(nextAt, "next request");
    await this.#write(async (transaction) => {
      const ask = await this.#ask(transaction, transactionUid);
      if (!ask || ask.answered_at !== null) return;
      const items = rowSet(this.#engine, { id: "text", round: "whole" }, roundsOf(itemsOf(ask)));
      await sql`update commitments set next_ask_at = ${nextAt} from ${items} as v
        where commitments.object_id = v.id and commitments.destination = ${ask.destination}
          and commitments.round = v.round and state = 'waits' and next_ask_at > ${nextAt}`.execute(
        transaction,
      );
      await transaction.deleteFrom("commitment_asks").where("transaction_uid", "=", transactionUid).execute();
    });
  }

  report(
    destination: string,
    report: CommitmentReport,
    resendsMax: number,
    now: number,
  ): Promise<ReportOutcome> {
    keptNumber(now, "time");
    return this.#write(async (transaction) => {
      const ask = await this.#ask(transaction, report.transactionUid);
      if (ask?.destination !== destination) return { result: "refused", why: "unknown transaction" };
      if (ask.answered_at !== null) return { result: "repeated" };
      const items = itemsOf(ask);
      const named = namedOf(report, items);
      if (typeof named === "string") return { result: "refused", why: named };
      const { committed, failed } = named;
      await this.#lock(
        transaction,
        [...committed, ...failed].map(({ id }) => id),
      );
      const kept = await commit(transaction, this.#engine, destination, committed, now);
      const refused = await refuse(transaction, destination, failed, resendsMax, now);
      await leaveStore(transaction, this.#engine, kept);
      await transaction
        .updateTable("commitment_asks")
        .set({ answered_at: now, items: "[]" })
        .where("transaction_uid", "=", report.transactionUid)
        .execute();
      const missing = items.length - committed.length - failed.length;
      return { result: "taken", committed: kept, ...refused, missing };
    });
  }

  async of(objectId: string): Promise<readonly ObjectCommitment[]> {
    const rows = await told(
      this.#db
        .selectFrom("commitments")
        .selectAll()
        .where("object_id", "=", objectId)
        .orderBy("destination")
        .execute(),
    );
    return rows.map(commitmentOf);
  }

  async open(): Promise<readonly OpenCommitments[]> {
    const rows = await told(
      this.#db
        .selectFrom("commitments")
        .select((from) => [
          "destination",
          sql<number>`sum(case when state = 'failed' then 0 else 1 end)`.as("waits"),
          sql<number>`sum(case when state = 'failed' then 1 else 0 end)`.as("failed"),
          from.fn.min("owed_at").as("oldest"),
        ])
        .where(sql<boolean>`state <> 'committed'`)
        .groupBy("destination")
        .orderBy("destination")
        .execute(),
    );
    return rows.map(({ destination, waits, failed, oldest }) => {
      return { destination, waits: Number(waits), failed: Number(failed), oldestAt: Number(oldest) };
    });
  }

  async failed(limit: number): Promise<readonly ObjectCommitment[]> {
    const rows = await told(
      this.#db
        .selectFrom("commitments")
        .selectAll()
        .where(sql<boolean>`state <> 'committed'`)
        .where("state", "=", "failed")
        .orderBy("owed_at")
        .orderBy("object_id")
        .limit(Math.min(Math.max(limit, 1), listedMax))
        .execute(),
    );
    return rows.map(commitmentOf);
  }

  revive(destination: string | undefined, now: number): Promise<number> {
    keptNumber(now, "time");
    return this.#write(async (transaction) => {
      let update = transaction
        .updateTable("commitments")
        .set({ state: "waits", round: sql<number>`round + 1`, asks: 0, resends: 0, next_ask_at: now })
        .where("state", "=", "failed");
      if (destination !== undefined) update = update.where("destination", "=", destination);
      return Number((await update.executeTakeFirst()).numUpdatedRows);
    });
  }

  async #ask(
    transaction: Database,
    uid: string,
  ): Promise<{ destination: string; answered_at: number | null; items: string } | undefined> {
    if (uid.includes("\0")) return undefined;
    const query = transaction
      .selectFrom("commitment_asks")
      .select(["destination", "answered_at", "items"])
      .where("transaction_uid", "=", uid);
    return await (this.#engine === "postgres" ? query.forUpdate() : query).executeTakeFirst();
  }

  /** As everybody does who looks whether all has been delivered: objects first, by id. */
  async #lock(transaction: Database, ids: readonly string[]): Promise<void> {
    if (this.#engine === "postgres" && ids.length > 0)
      await transaction
        .selectFrom("objects")
        .select("id")
        .where("id", "in", listed(this.#engine, ids))
        .orderBy("id")
        .forUpdate()
        .execute();
  }

  #write<T>(job: WriteJob<T>): Promise<T> {
    return told(this.#writer.run(job));
  }
}

function itemsOf({ items }: { readonly items: string }): AskedItem[] {
  return JSON.parse(items) as AskedItem[];
}

function commitmentOf(row: Selectable<CommitmentTable>): ObjectCommitment {
  return {
    objectId: row.object_id,
    destination: row.destination,
    state: row.state,
    asks: row.asks,
    owedAt: row.owed_at,
    reason: row.reason ?? undefined,
  };
}
