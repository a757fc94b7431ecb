/** What waits for a destination that is gone goes to another one, or is given up: a person decides, and a record says so. */
import { type RawBuilder, sql } from "kysely";
import { ScansealError } from "../../foundation/errors.ts";
import type { ActRecord, Redirected } from "./journal.ts";
import { leaveStore } from "./kept-bytes.ts";
import { keptNumber, keptText } from "./object-rows.ts";
import { addRecord } from "./quarantine-requests.ts";
import { listed } from "./row-set.ts";
import { type Database, type Engine, idsPerStatement, pieces } from "./tables.ts";
import type { WriteJob } from "./writers.ts";

/**
 * Leases are ended: who is sending right now cannot complete any more.
 * @param to undefined: what is due becomes dead
 * @param record its detail gets the counts
 */
export function redirectDeliveries(
  engine: Engine,
  from: string,
  to: string | undefined,
  now: number,
  record: ActRecord,
): WriteJob<Redirected> {
  keptText(from, "destination");
  if (to !== undefined) keptText(to, "destination");
  if (from === to) throw new ScansealError("usage", "a destination is not redirected to itself");
  keptNumber(now, "time");
  return async (transaction) => {
    const outcome = await (to === undefined
      ? giveUp(transaction, from)
      : moveAll(transaction, engine, from, to, now));
    const detail = { ...record.detail, ...outcome };
    await addRecord({ ...record, detail })(transaction);
    return outcome;
  };
}

/** It has the object, and has not committed to it. */
function isUncommitted(destination: string): RawBuilder<boolean> {
  return sql<boolean>`(deliveries.released = 0 and exists (select 1 from commitments as c where c.object_id = deliveries.object_id
    and c.destination = ${destination} and c.state <> 'committed'))`;
}

/** Nobody asks it any more. */
async function forgetCommitments(transaction: Database, destination: string): Promise<void> {
  await transaction
    .deleteFrom("commitments")
    .where("destination", "=", destination)
    .where(sql<boolean>`state <> 'committed'`)
    .execute();
}

async function giveUp(transaction: Database, from: string): Promise<Redirected> {
  const result = await transaction
    .updateTable("deliveries")
    .set((column) => ({
      state: "dead",
      last_error: "given up by an operator",
      fence: column("fence", "+", 1),
      lease_owner: null,
      lease_until: null,
    }))
    .where("destination", "=", from)
    .where((is) => is.or([is("state", "=", "due"), isUncommitted(from)]))
    .executeTakeFirst();
  await forgetCommitments(transaction, from);
  return { moved: Number(result.numUpdatedRows), merged: 0 };
}

async function moveAll(
  transaction: Database,
  engine: Engine,
  from: string,
  to: string,
  now: number,
): Promise<Redirected> {
  const query = transaction
    .selectFrom("deliveries")
    .select(["id", "object_id"])
    .where("destination", "=", from)
    .where((is) => is.or([is("state", "in", ["due", "dead"]), isUncommitted(from)]))
    // What two people released goes to the place they named, or nowhere.
    .where("released", "=", 0)
    .orderBy("id");
  const rows = await (engine === "postgres" ? query.forUpdate() : query).execute();
  await forgetCommitments(transaction, from);
  let merged = 0;
  for (const part of pieces(rows, idsPerStatement))
    merged += await moveSome(transaction, engine, part, to, now);
  return { moved: rows.length - merged, merged };
}

/** An object that has a delivery to the other destination needs no second one: that one is due, if it was dead. */
async function moveSome(
  transaction: Database,
  engine: Engine,
  rows: readonly { readonly id: string; readonly object_id: string }[],
  to: string,
  now: number,
): Promise<number> {
  const objectIds = rows.map((row) => row.object_id);
  const there = await transaction
    .selectFrom("deliveries")
    .select(["id", "object_id"])
    .where("object_id", "in", listed(engine, objectIds))
    .where("destination", "=", to)
    .where("released", "=", 0)
    .execute();
  const known = new Set(there.map((row) => row.object_id));
  const [doubled, alone] = [
    rows.filter((row) => known.has(row.object_id)),
    rows.filter((row) => !known.has(row.object_id)),
  ].map((some) => some.map(({ id }) => id)) as [string[], string[]];
  if (doubled.length > 0) {
    await transaction.deleteFrom("deliveries").where("id", "in", listed(engine, doubled)).execute();
    const ids = there.map(({ id }) => id);
    await transaction
      .updateTable("deliveries")
      .set({ state: "due", next_attempt_at: now, attempts: 0 })
      .where("id", "in", listed(engine, ids))
      .where("state", "=", "dead")
      .execute();
    await leaveStore(transaction, engine, [...known]);
  }
  await transaction
    .updateTable("deliveries")
    .set({
      destination: to,
      state: "due",
      next_attempt_at: now,
      delivered_at: null,
      // Its age counts from now: deliveries that are too old are given up.
      created_at: now,
      attempts: 0,
      last_error: null,
      fence: sql<number>`fence + 1`,
      lease_owner: null,
      lease_until: null,
    })
    .where("id", "in", listed(engine, alone))
    .execute();
  return doubled.length;
}
