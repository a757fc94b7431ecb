/** Kept bytes that are not what was acknowledged any more: known to be so, until the same object is sent again and its bytes take their place. */
import type { ActRecord, JudgedObject } from "./journal.ts";
import { damagedCopyError } from "./journal.ts";
import { keptNumber, objectOf } from "./object-rows.ts";
import { addRecord } from "./quarantine-requests.ts";
import type { Engine } from "./tables.ts";
import type { WriteJob } from "./writers.ts";

export function reportDamage(record: ActRecord): WriteJob<void> {
  const addAct = addRecord(record);
  return async (transaction) => {
    await transaction.updateTable("objects").set({ damaged: 1 }).where("id", "=", record.subject).execute();
    await addAct(transaction);
  };
}

export function restoreCopy(engine: Engine, record: ActRecord): WriteJob<JudgedObject["location"]> {
  const addAct = addRecord(record);
  const now = keptNumber(record.at, "time");
  return async (transaction) => {
    const query = transaction
      .selectFrom("objects")
      .selectAll()
      .where("id", "=", record.subject)
      .where("damaged", "=", 1)
      // Purged or delivered meanwhile, it is kept no longer.
      .where((is) => is.or([is("stored", "=", 1), is("location", "is not", null)]));
    const row = await (engine === "postgres" ? query.forUpdate() : query).executeTakeFirst();
    if (!row) return undefined;
    await transaction
      .updateTable("objects")
      .set({ damaged: 0, stored: 1, location: null })
      .where("id", "=", row.id)
      .execute();
    await transaction
      .updateTable("deliveries")
      .set({ state: "due", next_attempt_at: now, attempts: 0 })
      .where("object_id", "=", row.id)
      .where("state", "=", "dead")
      .where("last_error", "=", damagedCopyError)
      .execute();
    await addAct(transaction);
    return objectOf(row).location;
  };
}
