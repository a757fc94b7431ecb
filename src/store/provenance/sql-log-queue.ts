/** What is to be logged, over SQL. */

import { toBase64 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { told } from "../journal/database-error.ts";
import { keptText } from "../journal/object-rows.ts";
import { type Database, idsPerStatement, pieces } from "../journal/tables.ts";
import type { WriteJob, Writer } from "../journal/writers.ts";
import type { NewEntry, QueuedEntry } from "./provenance-journal.ts";
import { entryOf } from "./provenance-rows.ts";

const summaryMax = 200;

export class SqlLogQueue {
  protected readonly db: Database;
  protected readonly writer: Writer;

  constructor(db: Database, writer: Writer) {
    this.db = db;
    this.writer = writer;
  }

  async queueEntry(entry: NewEntry, seals: readonly string[] = []): Promise<boolean> {
    const { id, kind, queuedAt } = entry;
    const row = {
      id,
      kind,
      salt: toBase64(entry.salt),
      content: toBase64(entry.content),
      summary: keptText(entry.summary, "a summary", summaryMax),
      queued_at: queuedAt,
      tried_from: null,
      tried_at: null,
      origin: null,
      entry_index: null,
      proof: null,
    };
    return this.write(async (db) => {
      const made = await db
        .insertInto("log_queue")
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (made.numInsertedOrUpdatedRows !== 1n) return false;
      for (const piece of pieces([...seals], idsPerStatement)) {
        const taken = await db
          .updateTable("seals")
          .set({ queue_id: id })
          .where("payload_digest", "in", piece)
          .where("queue_id", "is", null)
          .executeTakeFirst();
        if (Number(taken.numUpdatedRows) !== piece.length)
          throw new ScansealError("usage", "a seal is named by another log entry already");
      }
      return true;
    });
  }

  waitingEntries(limit: number): Promise<readonly QueuedEntry[]> {
    return this.#entries(undefined, limit);
  }

  unprovenEntries(origin: string, limit: number): Promise<readonly QueuedEntry[]> {
    return this.#entries(origin, limit);
  }

  setTried(ids: readonly string[], from: number, at: number): Promise<void> {
    return this.write(async (db) => {
      for (const piece of pieces([...ids], idsPerStatement))
        await db
          .updateTable("log_queue")
          .set({ tried_from: from, tried_at: at })
          .where("id", "in", piece)
          .execute();
    });
  }

  setLogged(id: string, origin: string, index: number): Promise<void> {
    return this.write(async (db) => {
      await db
        .updateTable("log_queue")
        .set({ origin, entry_index: index })
        .where("id", "=", id)
        .where("entry_index", "is", null)
        .execute();
    });
  }

  setProof(id: string, proof: string): Promise<void> {
    return this.write(async (db) => {
      await db.updateTable("log_queue").set({ proof }).where("id", "=", id).execute();
    });
  }

  async entry(id: string): Promise<QueuedEntry | undefined> {
    const query = this.db.selectFrom("log_queue").selectAll().where("id", "=", id);
    const row = await told(query.executeTakeFirst());
    return row && entryOf(row);
  }

  async entryOfSeal(
    payloadDigest: string,
  ): Promise<{ readonly entry: QueuedEntry; readonly payloadDigests: readonly string[] } | undefined> {
    const sealed = this.db.selectFrom("seals").select("queue_id").where("payload_digest", "=", payloadDigest);
    const id = (await told(sealed.executeTakeFirst()))?.queue_id;
    const entry = typeof id === "string" ? await this.entry(id) : undefined;
    if (!entry) return undefined;
    return { entry, payloadDigests: await this.sealsOfEntry(entry.id) };
  }

  async sealsOfEntry(id: string): Promise<readonly string[]> {
    const batch = this.db.selectFrom("seals").select("payload_digest").where("queue_id", "=", id);
    const ordered = batch.orderBy("device").orderBy("key_epoch").orderBy("counter").orderBy("payload_digest");
    return (await told(ordered.execute())).map((row) => row.payload_digest);
  }

  async newestEntries(limit: number): Promise<readonly QueuedEntry[]> {
    const newest = this.db
      .selectFrom("log_queue")
      .selectAll()
      .orderBy("queued_at", "desc")
      .orderBy("id", "desc");
    return (await told(newest.limit(limit).execute())).map(entryOf);
  }

  /** @param origin of the log that has them; undefined: none has */
  async #entries(origin: string | undefined, limit: number): Promise<readonly QueuedEntry[]> {
    const open = this.db.selectFrom("log_queue").selectAll().where("proof", "is", null);
    const asked =
      origin === undefined
        ? open.where("entry_index", "is", null)
        : open.where("entry_index", "is not", null).where("origin", "=", origin);
    const query = asked.orderBy("queued_at").orderBy("id").limit(limit);
    return (await told(query.execute())).map(entryOf);
  }

  protected write<T>(job: WriteJob<T>): Promise<T> {
    return told(this.writer.run(job));
  }
}
