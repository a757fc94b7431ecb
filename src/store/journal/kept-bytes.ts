/** Where an object's bytes are kept, and when they are kept no longer: what leaves the spool, and what leaves the object store. */
import { type RawBuilder, sql } from "kysely";
import type { JudgedObject } from "./journal.ts";
import { keptNumber, objectOf } from "./object-rows.ts";
import { listed } from "./row-set.ts";
import { type Database, type Engine, idsPerStatement, pieces } from "./tables.ts";
import type { WriteJob } from "./writers.ts";

type Location = JudgedObject["location"];

/**
 * Bytes given out for deletion may be deleted a little later. An object with the same bytes that arrives in between is not judged before:
 * it would find them in the object store, and lose them.
 */
export const keptBackMs = 60_000;

/** Of `objects`: there are deliveries, all are done, and committed where the archive is asked. One that two people released counts too: it still reads the bytes. */
const isDelivered: RawBuilder<boolean> = isDeliveredOf("objects");

/** Of the objects under that name in a statement. */
export function isDeliveredOf(objects: string): RawBuilder<boolean> {
  const id = sql.ref(`${objects}.id`);
  return sql<boolean>`
  exists (select 1 from deliveries as d where d.object_id = ${id})
  and not exists (select 1 from deliveries as d where d.object_id = ${id} and d.state <> 'delivered')
  and not exists (select 1 from commitments as c where c.object_id = ${id} and c.state <> 'committed')`;
}

/** Nothing changes for an object whose bytes are nobody's any more: resent, purged, delivered. What was stored of it is to be deleted. */
export function markStored(engine: Engine, id: string): WriteJob<Location> {
  return async (transaction) => {
    const query = transaction.selectFrom("objects").selectAll().where("id", "=", id);
    const row = await (engine === "postgres" ? query.forUpdate() : query).executeTakeFirst();
    if (!row) return undefined;
    if (row.location === null) {
      if (row.stored === 0) await listForDeletion(transaction, [row.digest]);
      return undefined;
    }
    await transaction
      .updateTable("objects")
      .set({ stored: 1, location: null })
      .where("id", "=", id)
      .execute();
    // The last delivery was done while the bytes were copied.
    await leaveStore(transaction, engine, [id]);
    return objectOf(row).location;
  };
}

/** How a delivered object leaves: as the policy of copies says; the same, with bytes in both places, perhaps; without a copy, whatever it says. */
export type Leaving = "by-policy" | "perhaps-stored" | "pressed";

/** For each id what leaves the spool. Whatever of them is in the object store leaves that, or is a copy from now on. */
export function markDelivered(
  engine: Engine,
  ids: readonly string[],
  how: Leaving = "by-policy",
): WriteJob<Location[]> {
  return async (transaction) => {
    const isKeeping = how !== "pressed" && (await keepsCopies(transaction));
    const query = transaction
      .selectFrom("objects")
      .select(["id", "digest", "stored", "location"])
      .where("id", "in", listed(engine, ids))
      .where("state", "=", "admitted")
      .where((is) => is.or([is("stored", "=", 1), is("location", "is not", null)]))
      .where(isDelivered)
      .orderBy("id");
    const rows = await (engine === "postgres" ? query.forUpdate() : query).execute();
    const stored = rows.filter((row) => row.stored === 1).map(({ id }) => id);
    if (stored.length > 0) await leaveStore(transaction, engine, stored, isKeeping);
    // What is to be a copy moves to the object store first: it stays in the spool until it is there.
    const spooled = isKeeping ? [] : rows.filter((row) => row.stored === 0);
    if (spooled.length > 0) {
      if (how !== "by-policy")
        await listForDeletion(
          transaction,
          spooled.map(({ digest }) => digest),
        );
      await transaction
        .updateTable("objects")
        .set({ location: null })
        .where(
          "id",
          "in",
          listed(
            engine,
            spooled.map(({ id }) => id),
          ),
        )
        .execute();
    }
    const locations = new Map(spooled.map(({ id, location }) => [id, location!]));
    return ids.map((id) => {
      const location = locations.get(id);
      // An id that is asked for twice is answered once.
      locations.delete(id);
      return location === undefined ? undefined : (JSON.parse(location) as Location);
    });
  };
}

/** Admitted objects that every archive has are kept no longer in the object store, or as copies. */
export async function leaveStore(
  transaction: Database,
  engine: Engine,
  ids: readonly string[],
  isKeeping?: boolean,
): Promise<void> {
  if (isKeeping ?? (await keepsCopies(transaction))) await keepAsCopies(transaction, engine, ids);
  else await letGo(transaction, engine, ids);
}

/** In the transaction, so that commands beside the gateway do as it does. */
async function keepsCopies(transaction: Database): Promise<boolean> {
  const policy = await transaction.selectFrom("copy_policy").select("bytes_max").executeTakeFirst();
  return (policy?.bytes_max ?? 0) > 0;
}

async function keepAsCopies(transaction: Database, engine: Engine, ids: readonly string[]): Promise<void> {
  const lastDelivery = sql<number>`(select max(d.delivered_at) from deliveries as d where d.object_id = objects.id)`;
  await transaction
    .insertInto("copies")
    .columns(["object_id", "study", "at", "bytes"])
    .expression((from) =>
      from
        .selectFrom("objects")
        .select([
          "id",
          sql<string>`coalesce(study_instance_uid, id)`.as("study"),
          sql<number>`coalesce(${lastDelivery}, 0)`.as("at"),
          "bytes",
        ])
        .where("id", "in", listed(engine, ids))
        .where("state", "=", "admitted")
        .where("stored", "=", 1)
        .where("damaged", "=", 0)
        .where(isDelivered),
    )
    .onConflict((conflict) => conflict.column("object_id").doNothing())
    .execute();
  // What is damaged is nobody's copy.
  await letGo(transaction, engine, ids, 1);
}

/** @param damaged 1: only those @returns ids of those that left */
export async function letGo(
  transaction: Database,
  engine: Engine,
  ids: readonly string[],
  damaged = 0,
): Promise<readonly string[]> {
  const left = await transaction
    .updateTable("objects")
    .set({ stored: 0 })
    .where("id", "in", listed(engine, ids))
    .where("state", "=", "admitted")
    .where("stored", "=", 1)
    .where("damaged", ">=", damaged)
    .where(isDelivered)
    .returning(["id", "digest"])
    .execute();
  const out = left.map(({ id }) => id);
  if (out.length > 0) {
    await transaction.deleteFrom("copies").where("object_id", "in", listed(engine, out)).execute();
    await listForDeletion(
      transaction,
      left.map(({ digest }) => digest),
    );
  }
  return out;
}

/** Looked at again before anything is deleted: somebody else may need the bytes, or come to need them. */
export async function listForDeletion(transaction: Database, digests: readonly string[]): Promise<void> {
  await transaction
    .insertInto("purges")
    .values([...new Set(digests)].sort().map((digest) => ({ digest, purged_at: 0, pending: 1 })))
    .onConflict((conflict) => conflict.column("digest").doUpdateSet({ pending: 1 }))
    .execute();
}

/** Those that were given out before and not confirmed were cut off, and come again. */
export function claimDeletions(engine: Engine, limit: number, now: number): WriteJob<string[]> {
  keptNumber(now, "time");
  return async (transaction) => {
    const query = transaction
      .selectFrom("purges")
      .select("digest")
      // Word for word what the partial index says.
      .where(sql<boolean>`pending = 1`)
      .where("purged_at", "<=", now - keptBackMs)
      .orderBy("purged_at")
      .orderBy("digest")
      .limit(limit);
    const rows = await (engine === "postgres" ? query.forUpdate().skipLocked() : query).execute();
    const digests = rows.map(({ digest }) => digest);
    if (digests.length === 0) return [];
    const needed = await neededDigests(transaction, digests);
    if (needed.size > 0) {
      await transaction
        .updateTable("purges")
        .set({ pending: 0 })
        .where("digest", "in", listed(engine, [...needed]))
        .execute();
    }
    const unneeded = digests.filter((digest) => !needed.has(digest));
    await giveOut(transaction, unneeded, now);
    return unneeded;
  };
}

/** @param at of the claim: one that was given out again meanwhile stays */
export function confirmDeletions(engine: Engine, digests: readonly string[], at: number): WriteJob<void> {
  return async (transaction) => {
    await transaction
      .deleteFrom("purges")
      .where("digest", "in", listed(engine, digests))
      .where("pending", "=", 1)
      .where("purged_at", "=", at)
      .execute();
  };
}

export async function giveOut(transaction: Database, digests: Iterable<string>, at: number): Promise<void> {
  for (const digest of digests) {
    await transaction
      .insertInto("purges")
      .values({ digest, purged_at: at, pending: 0 })
      .onConflict((conflict) => conflict.column("digest").doUpdateSet({ purged_at: at }))
      .execute();
  }
}

export function renewPurge(digests: readonly string[], at: number): WriteJob<string[]> {
  keptNumber(at, "time");
  return async (transaction) => {
    const out: string[] = [];
    for (const part of pieces([...new Set(digests)].sort(), idsPerStatement)) {
      const given = await transaction
        .selectFrom("purges")
        .select("digest")
        .where("digest", "in", part)
        .execute();
      const needed = await neededDigests(transaction, part);
      out.push(...given.map(({ digest }) => digest).filter((digest) => !needed.has(digest)));
    }
    await giveOut(transaction, out, at);
    return out;
  };
}

/** Digests that an object refers to which waits, is held, is kept after its admission, or is still to be delivered. */
export async function neededDigests(transaction: Database, digests: readonly string[]): Promise<Set<string>> {
  const out = new Set<string>();
  for (const part of pieces(digests, idsPerStatement)) {
    const rows = await transaction
      .selectFrom("objects as o")
      .select("o.digest")
      .distinct()
      .where("o.digest", "in", part)
      .where((is) =>
        is.or([
          is("o.state", "in", ["received", "held"]),
          // An original is kept until the sealed object is where it should be.
          is.and([is("o.state", "=", "sealed"), is("o.stored", "=", 1)]),
          // Delivered and kept nowhere here, it needs nothing.
          is.and([
            is("o.state", "=", "admitted"),
            is.or([is("o.stored", "=", 1), is("o.location", "is not", null)]),
          ]),
          is.exists(
            is
              .selectFrom("deliveries as d")
              .select("d.id")
              .whereRef("d.object_id", "=", "o.id")
              .where("d.state", "=", "due"),
          ),
        ]),
      )
      .execute();
    for (const { digest } of rows) out.add(digest);
  }
  return out;
}
