/** Admitted objects that a destination has not got, because it came later: a person has them sent. */
import { type RawBuilder, sql } from "kysely";
import { dueDelivery } from "./delivery-queue.ts";
import { keptNumber, keptText } from "./object-rows.ts";
import { listed } from "./row-set.ts";
import type { Engine } from "./tables.ts";
import type { WriteJob } from "./writers.ts";

export interface AddedDeliveries {
  /** Due now. */
  readonly added: number;
  /** They have a delivery there already: due, delivered or dead. */
  readonly there: number;
  /** Every other archive has them: their bytes are not here any more. */
  readonly gone: number;
}

/** A part of the journal. */
export interface LaterDeliveries {
  /**
   * Makes admitted objects due at one more destination, each once, in the order of their ids; what else is named is left out.
   * @param ids 1 to 1,000, of objects
   */
  addDeliveries(destination: string, ids: readonly string[], now: number): Promise<AddedDeliveries>;
}

/** More are told as so many: counting takes time with each. */
const keptOnlyMax = 100_000;

export function addLaterDeliveries(
  engine: Engine,
  destination: string,
  ids: readonly string[],
  now: number,
): WriteJob<AddedDeliveries> {
  keptText(destination, "destination");
  keptNumber(now, "time");
  return async (transaction) => {
    const query = transaction
      .selectFrom("objects")
      .select(["id", "stored", "location"])
      .where("id", "in", listed(engine, ids))
      .where("state", "=", "admitted")
      .orderBy("id");
    // Somebody else may end its last delivery: its bytes are kept or given away before this, or after it.
    const objects = await (engine === "postgres" ? query.forUpdate() : query).execute();
    const there = await transaction
      .selectFrom("deliveries")
      .select("object_id")
      .where("object_id", "in", listed(engine, ids))
      .where("destination", "=", destination)
      .where("released", "=", 0)
      .execute();
    const known = new Set(there.map((row) => row.object_id));
    const missing = objects.filter(({ id }) => !known.has(id));
    const here = missing.filter(({ stored, location }) => stored === 1 || location !== null);
    if (here.length > 0) {
      const rows = here.map(({ id }) => dueDelivery(id, destination, now, false));
      await transaction.insertInto("deliveries").values(rows).execute();
      const added = listed(
        engine,
        here.map(({ id }) => id),
      );
      await transaction.updateTable("objects").set({ kept_only: 0 }).where("id", "in", added).execute();
    }
    return {
      added: here.length,
      there: objects.length - missing.length,
      gone: missing.length - here.length,
    };
  };
}

/** Of the whole journal, as far as `keptOnlyMax`. */
export const countKeptOnly: RawBuilder<{ n: number }> = sql<{ n: number }>`
  select count(*) as n from (select 1 from objects where kept_only = 1 limit ${sql.lit(keptOnlyMax)}) as kept`;
