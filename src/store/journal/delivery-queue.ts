/** What is owed to destinations: due, claimed by lease, delivered, or dead until somebody revives it. */
import { type Selectable, sql } from "kysely";
import { v7 as newId } from "uuid";
import { type Delivery, type JudgedObject, type Lease, linkErrors } from "./journal.ts";
import { leaveStore } from "./kept-bytes.ts";
import { keptNumber, keptText, objectOf, sentenceMax } from "./object-rows.ts";
import { oweCommitments } from "./owed-commitments.ts";
import { listed, rowSet } from "./row-set.ts";
import { type Database, type DeliveryTable, type Engine, idsPerStatement, pieces } from "./tables.ts";
import type { WriteJob } from "./writers.ts";

type DeliveryRow = Selectable<DeliveryTable>;

export function deliveryOf(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    objectId: row.object_id,
    destination: row.destination,
    state: row.state,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    createdAt: row.created_at,
    deliveredAt: row.delivered_at ?? undefined,
    lastError: row.last_error ?? undefined,
    released: row.released === 1,
  };
}

export function dueDelivery(
  objectId: string,
  destination: string,
  now: number,
  released: boolean,
): DeliveryRow {
  return {
    id: newId(),
    object_id: objectId,
    destination,
    state: "due",
    next_attempt_at: now,
    created_at: now,
    delivered_at: null,
    last_error: null,
    released: released ? 1 : 0,
    lease_owner: null,
    lease_until: null,
    fence: 0,
    attempts: 0,
  };
}

/** Those that wait longest first. An attempt counts from its claim: one that ends with its worker was one too. */
export function claimDeliveries(
  engine: Engine,
  owner: string,
  destination: string,
  limit: number,
  leaseMs: number,
  now: number,
): WriteJob<Lease<{ readonly delivery: Delivery; readonly object: JudgedObject }>[]> {
  keptText(owner, "owner");
  return async (transaction) => {
    const free = transaction
      .selectFrom("deliveries as d")
      .select("d.id")
      .where("d.destination", "=", destination)
      .where("d.state", "=", "due")
      .where("d.next_attempt_at", "<=", now)
      .where((is) => is.or([is("d.lease_until", "is", null), is("d.lease_until", "<=", now)]))
      .orderBy("d.next_attempt_at")
      .orderBy("d.id")
      .limit(keptNumber(limit, "limit"));
    const rows = await transaction
      .with("free", () => (engine === "postgres" ? free.forUpdate("d").skipLocked() : free))
      .updateTable("deliveries")
      .set((column) => ({
        lease_owner: owner,
        lease_until: now + leaseMs,
        fence: column("fence", "+", 1),
        attempts: column("attempts", "+", 1),
      }))
      .where("id", "in", (from) => from.selectFrom("free").select("free.id"))
      .returningAll()
      .execute();
    rows.sort((a, b) => a.next_attempt_at - b.next_attempt_at || (a.id < b.id ? -1 : 1));
    const objects = await objectsById(
      transaction,
      rows.map((row) => row.object_id),
    );
    return rows.map((row) => ({
      work: { delivery: deliveryOf(row), object: objects.get(row.object_id)! },
      fence: row.fence,
      attempt: row.attempts,
    }));
  };
}

async function objectsById(db: Database, ids: readonly string[]): Promise<Map<string, JudgedObject>> {
  const out = new Map<string, JudgedObject>();
  for (const part of pieces(ids, idsPerStatement)) {
    const rows = await db.selectFrom("objects").selectAll().where("id", "in", part).execute();
    for (const row of rows) out.set(row.id, objectOf(row));
  }
  return out;
}

/** A claim that comes to its end. */
export interface Completion {
  readonly id: string;
  readonly fence: number;
  readonly at: number;
}

/** @throws ScansealError `usage` */
export function completion(id: string, fence: number, at: number): Completion {
  return { id, fence: keptNumber(fence, "fence"), at: keptNumber(at, "time of delivery") };
}

/**
 * As for judgements, the fence is the proof of the lease. With the last delivery of an object its copy in the object store is owed nobody.
 * @returns for each whether its lease was good
 */
export function completeDeliveries(engine: Engine, items: readonly Completion[]): WriteJob<boolean[]> {
  return async (transaction) => {
    const ids = listed(
      engine,
      items.map(({ id }) => id),
    );
    const query = transaction
      .selectFrom("objects")
      .select(["id", "stored"])
      .where("id", "in", (from) =>
        from.selectFrom("deliveries").select("deliveries.object_id").where("deliveries.id", "in", ids),
      )
      .orderBy("id");
    // Another gateway may end another delivery of the same object: whoever comes second sees both.
    const objects = await (engine === "postgres" ? query.forUpdate() : query).execute();
    const rows = rowSet(
      engine,
      { id: "text", fence: "whole", at: "whole" },
      items.map((item) => ({ ...item })),
    );
    const done = await sql<{ id: string; fence: number }>`update deliveries set
        state = 'delivered', delivered_at = v.at, last_error = null, lease_owner = null, lease_until = null
      from ${rows} as v
      where deliveries.id = v.id and deliveries.fence = v.fence and state = 'due' and lease_owner is not null
      returning deliveries.id, deliveries.fence`.execute(transaction);
    const open = new Map(done.rows.map((row) => [row.id, row.fence]));
    await oweCommitments(transaction, engine, [...open.keys()]);
    const stored = objects.filter((row) => row.stored === 1).map((row) => row.id);
    if (stored.length > 0) await leaveStore(transaction, engine, stored);
    return items.map(({ id, fence }) => {
      const isDone = open.get(id) === fence;
      // The same twice: the second came too late.
      if (isDone) open.delete(id);
      return isDone;
    });
  };
}

function sentence(error: string): string {
  return error.replaceAll("\0", " ").slice(0, sentenceMax);
}

/** The sentence may quote what a peer said: it is shortened and cleaned rather than refused, the failure has to be written. */
export function failDelivery(
  id: string,
  fence: number,
  error: string,
  nextAttemptAt: number | undefined,
): WriteJob<boolean> {
  const last_error = sentence(error);
  const change =
    nextAttemptAt === undefined
      ? { state: "dead" as const, last_error }
      : { last_error, next_attempt_at: keptNumber(nextAttemptAt, "next attempt") };
  return async (transaction) => {
    const result = await transaction
      .updateTable("deliveries")
      .set({ ...change, lease_owner: null, lease_until: null })
      .where("id", "=", id)
      .where("fence", "=", fence)
      .where("state", "=", "due")
      .where("lease_owner", "is not", null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  };
}

/** The claim was no attempt. */
export function returnDelivery(id: string, fence: number, error: string): WriteJob<boolean> {
  const last_error = sentence(error);
  return async (transaction) => {
    const result = await transaction
      .updateTable("deliveries")
      .set({ last_error, lease_owner: null, lease_until: null, attempts: sql<number>`attempts - 1` })
      .where("id", "=", id)
      .where("fence", "=", fence)
      .where("state", "=", "due")
      .where("lease_owner", "is not", null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  };
}

/** Times of their making keep their order. */
export function hastenDeliveries(destination: string): WriteJob<void> {
  keptText(destination, "destination");
  return async (transaction) => {
    await transaction
      .updateTable("deliveries")
      .set((column) => ({ next_attempt_at: column.ref("created_at") }))
      .where("destination", "=", destination)
      .where("state", "=", "due")
      .where("lease_owner", "is", null)
      .where((is) => is.or(linkErrors.map((code) => is("last_error", "like", `${code}%`))))
      .execute();
  };
}

/** Attempts count from the start again; deliveries of purged objects stay dead. */
export function reviveDeliveries(destination: string | undefined, now: number): WriteJob<number> {
  keptNumber(now, "time");
  return async (transaction) => {
    let update = transaction
      .updateTable("deliveries")
      .set({ state: "due", next_attempt_at: now, attempts: 0 })
      .where("state", "=", "dead")
      .where("object_id", "not in", (from) =>
        from.selectFrom("objects").select("objects.id").where("objects.state", "=", "purged"),
      );
    if (destination !== undefined) update = update.where("destination", "=", destination);
    return Number((await update.executeTakeFirst()).numUpdatedRows);
  };
}
