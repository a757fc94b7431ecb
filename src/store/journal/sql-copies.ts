/** Copies over SQL. */
import { ScansealError } from "../../foundation/errors.ts";
import type { SpoolLocation } from "../spool/spool.ts";
import type { Copies, CopyUsage, DroppedCopies } from "./copies.ts";
import { told } from "./database-error.ts";
import type { ActRecord } from "./journal.ts";
import { letGo, markDelivered } from "./kept-bytes.ts";
import { keptNumber } from "./object-rows.ts";
import { addRecord } from "./quarantine-requests.ts";
import { listed } from "./row-set.ts";
import { type Database, type Engine, idsPerStatement } from "./tables.ts";
import type { WriteJob, Writer } from "./writers.ts";

export class SqlCopies implements Copies {
  readonly #db: Database;
  readonly #engine: Engine;
  readonly #writer: Writer;

  constructor(db: Database, engine: Engine, writer: Writer) {
    this.#db = db;
    this.#engine = engine;
    this.#writer = writer;
  }

  async keepUpTo(bytesMax: number): Promise<void> {
    const bytes_max = keptNumber(bytesMax, "length");
    await this.#write((transaction) => transaction.updateTable("copy_policy").set({ bytes_max }).execute());
  }

  async usage(): Promise<CopyUsage> {
    const query = this.#db
      .selectFrom("tallies")
      .select((from) => ["state", from.fn.sum<number>("amount").as("amount")])
      .where("of_table", "=", "copies")
      .groupBy("state");
    const rows = await told(query.execute());
    const of = (state: string): number => Number(rows.find((row) => row.state === state)?.amount ?? 0);
    return { objects: of("objects"), bytes: of("bytes") };
  }

  dropOldest(objectsMax: number, named?: string | undefined): Promise<DroppedCopies> {
    if (!Number.isInteger(objectsMax) || objectsMax < 1 || objectsMax > idsPerStatement)
      throw new ScansealError("usage", `1 to ${idsPerStatement} copies are dropped at once`);
    return this.#write(async (transaction) => {
      const study = named ?? (await oldestStudy(transaction));
      if (study === undefined) return { listed: 0, objects: 0, bytes: 0, study: undefined };
      const rows = await transaction
        .selectFrom("copies")
        .select(["object_id", "bytes"])
        .where("study", "=", study)
        .orderBy("object_id")
        .limit(objectsMax)
        .execute();
      const ids = rows.map((row) => row.object_id);
      const left = new Set(await this.#drop(transaction, ids));
      const dropped = rows.filter((row) => left.has(row.object_id));
      return {
        listed: rows.length,
        objects: dropped.length,
        bytes: dropped.reduce((sum, { bytes }) => sum + bytes, 0),
        study: rows.length < objectsMax ? undefined : study,
      };
    });
  }

  /** No copies any more. @returns ids of those whose bytes nobody needs; the others are due, or waited for, again */
  async #drop(transaction: Database, ids: readonly string[]): Promise<readonly string[]> {
    if (ids.length === 0) return [];
    await this.#lock(transaction, ids);
    await transaction.deleteFrom("copies").where("object_id", "in", listed(this.#engine, ids)).execute();
    return await letGo(transaction, this.#engine, ids);
  }

  /** As everybody does who looks whether all has been delivered: objects first, by id. */
  async #lock(transaction: Database, ids: readonly string[]): Promise<void> {
    if (this.#engine === "postgres")
      await transaction
        .selectFrom("objects")
        .select("id")
        .where("id", "in", listed(this.#engine, ids))
        .orderBy("id")
        .forUpdate()
        .execute();
  }

  async leave(id: string, isPressed: boolean): Promise<SpoolLocation | undefined> {
    const how = isPressed ? "pressed" : "perhaps-stored";
    const [location] = await this.#write(markDelivered(this.#engine, [id], how));
    return location;
  }

  damaged(record: ActRecord): Promise<"dropped" | "needed" | "known"> {
    const addAct = addRecord(record);
    const id = record.subject;
    return this.#write(async (transaction) => {
      await this.#lock(transaction, [id]);
      const row = await transaction
        .selectFrom("objects")
        .select(["stored", "location", "damaged"])
        .where("id", "=", id)
        .executeTakeFirst();
      if (!row || row.damaged === 1 || (row.stored === 0 && row.location === null)) return "known";
      await addAct(transaction);
      const left = await this.#drop(transaction, [id]);
      if (left.length > 0) return "dropped";
      await transaction.updateTable("objects").set({ damaged: 1 }).where("id", "=", id).execute();
      return "needed";
    });
  }

  #write<T>(job: WriteJob<T>): Promise<T> {
    return told(this.#writer.run(job));
  }
}

async function oldestStudy(transaction: Database): Promise<string | undefined> {
  const row = await transaction
    .selectFrom("copies")
    .select("study")
    .orderBy("at")
    .orderBy("study")
    .limit(1)
    .executeTakeFirst();
  return row?.study;
}
