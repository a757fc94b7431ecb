/** Transparency logs over SQL: one code path for both engines. */
import { fromBase64, fromHex, toBase64, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { told } from "../journal/database-error.ts";
import type { Database } from "../journal/tables.ts";
import type { WriteJob, Writer } from "../journal/writers.ts";
import type { LogBatch, LogHead, LogJournal, LogState, WitnessMemory } from "./log-journal.ts";
import type { LogTable } from "./log-tables.ts";

export class SqlLogJournal implements LogJournal, WitnessMemory {
  readonly #db: Database;
  readonly #writer: Writer;

  constructor(db: Database, writer: Writer) {
    this.#db = db;
    this.#writer = writer;
  }

  create(origin: string, root: Uint8Array): Promise<void> {
    return this.#write(async (db) => {
      const known = await db
        .selectFrom("logs")
        .select("origin")
        .where("origin", "=", origin)
        .executeTakeFirst();
      if (known) throw new ScansealError("usage", "the log exists already");
      const row = {
        origin,
        epoch: 0,
        size: 0,
        published_size: 0,
        published_root: toHex(root),
        checkpoint: "",
      };
      await db.insertInto("logs").values(row).execute();
    });
  }

  take(origin: string): Promise<LogState> {
    return this.#write(async (db) => {
      const rows = await db
        .updateTable("logs")
        .set((row) => ({ epoch: row("epoch", "+", 1) }))
        .where("origin", "=", origin)
        .returningAll()
        .execute();
      return stateOf(rows[0]);
    });
  }

  async state(origin: string): Promise<LogState> {
    const query = this.#db.selectFrom("logs").selectAll().where("origin", "=", origin);
    return stateOf(await told(query.executeTakeFirst()));
  }

  append(origin: string, epoch: number, { first, count, entries }: LogBatch): Promise<void> {
    return this.#write(async (db) => {
      const moved = await db
        .updateTable("logs")
        .set({ size: first + count })
        .where("origin", "=", origin)
        .where("epoch", "=", epoch)
        .where("size", "=", first)
        .executeTakeFirst();
      requireMoved(moved.numUpdatedRows);
      const row = { origin, first, amount: count, entries: toBase64(entries) };
      await db.insertInto("log_batches").values(row).execute();
    });
  }

  async pending(origin: string, from: number, limit: number): Promise<readonly LogBatch[]> {
    const query = this.#db
      .selectFrom("log_batches")
      .selectAll()
      .where("origin", "=", origin)
      .where("first", ">=", from)
      .orderBy("first")
      .limit(limit);
    const rows = await told(query.execute());
    return rows.map(({ first, amount, entries }) => ({ first, count: amount, entries: fromBase64(entries) }));
  }

  commit(origin: string, epoch: number, from: LogHead, to: LogHead, checkpoint: string): Promise<void> {
    return this.#write(async (db) => {
      const moved = await db
        .updateTable("logs")
        .set({ published_size: to.size, published_root: toHex(to.root), checkpoint })
        .where("origin", "=", origin)
        .where("epoch", "=", epoch)
        .where("published_size", "=", from.size)
        .where("published_root", "=", toHex(from.root))
        .where("size", ">=", to.size)
        .executeTakeFirst();
      requireMoved(moved.numUpdatedRows);
      await db.deleteFrom("log_batches").where("origin", "=", origin).where("first", "<", to.size).execute();
    });
  }

  async witnessed(origin: string): Promise<LogHead | undefined> {
    const query = this.#db.selectFrom("witnessed").selectAll().where("origin", "=", origin);
    const row = await told(query.executeTakeFirst());
    return row && { size: row.size, root: fromHex(row.root) };
  }

  remember(origin: string, from: LogHead | undefined, to: LogHead): Promise<boolean> {
    const row = { size: to.size, root: toHex(to.root) };
    return this.#write(async (db) => {
      if (!from) {
        const made = await db
          .insertInto("witnessed")
          .values({ origin, ...row })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return made.numInsertedOrUpdatedRows === 1n;
      }
      const moved = await db
        .updateTable("witnessed")
        .set(row)
        .where("origin", "=", origin)
        .where("size", "=", from.size)
        .where("root", "=", toHex(from.root))
        .executeTakeFirst();
      return moved.numUpdatedRows === 1n;
    });
  }

  async close(): Promise<void> {
    await this.#writer.drain();
    await this.#db.destroy();
  }

  #write<T>(job: WriteJob<T>): Promise<T> {
    return told(this.#writer.run(job));
  }
}

function requireMoved(rows: bigint): void {
  if (rows !== 1n)
    throw new ScansealError("log-conflict", "another sequencer has taken the log, or it is not where it was");
}

function stateOf(row: LogTable | undefined): LogState {
  if (!row) throw new ScansealError("usage", "the journal has no log of that name");
  return {
    epoch: row.epoch,
    size: row.size,
    published: { size: row.published_size, root: fromHex(row.published_root) },
    checkpoint: row.checkpoint,
  };
}
