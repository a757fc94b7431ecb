/** Work on objects: what waits, who has it, and the one transaction in which a judgement becomes a fact. */
import { sql } from "kysely";
import { dueDelivery } from "./delivery-queue.ts";
import type {
  JudgedObject,
  Judgement,
  JudgementOutcome,
  Lease,
  ObjectState,
  ReceivedObject,
} from "./journal.ts";
import {
  judgedColumns,
  keptNumber,
  keptText,
  notJudged,
  type ObjectRow,
  objectOf,
  receivedRow,
} from "./object-rows.ts";
import { type Database, type Engine, idsPerStatement, pieces } from "./tables.ts";
import type { WriteJob } from "./writers.ts";

/** 30 columns each: below both engines' bound on parameters. */
const rowsPerStatement = 100;

/**
 * Bytes given out for deletion may be deleted a little later. An object with the same bytes that arrives in between is not judged before:
 * it would find them in the object store, and lose them.
 */
const purgeMs = 60_000;

/** @throws ScansealError `usage` before anything is written */
export function addReceived(objects: readonly ReceivedObject[]): WriteJob<void> {
  const rows = objects.map(receivedRow);
  return async (transaction) => {
    for (const part of pieces(rows, rowsPerStatement)) {
      await transaction
        .insertInto("objects")
        .values(part)
        .onConflict((conflict) => conflict.column("id").doNothing())
        .execute();
    }
  };
}

export function claimReceived(
  engine: Engine,
  owner: string,
  limit: number,
  leaseMs: number,
  now: number,
): WriteJob<Lease<JudgedObject>[]> {
  keptText(owner, "owner");
  return async (transaction) => {
    const free = transaction
      .selectFrom("objects as o")
      .select("o.id")
      .where("o.state", "=", "received")
      .where((is) => is.or([is("o.lease_until", "is", null), is("o.lease_until", "<=", now)]))
      .where((is) =>
        is.not(
          is.exists(
            is
              .selectFrom("purges as p")
              .select("p.digest")
              .whereRef("p.digest", "=", "o.digest")
              .where("p.purged_at", ">", now - purgeMs),
          ),
        ),
      )
      .orderBy("o.id")
      .limit(keptNumber(limit, "limit"));
    const rows = await transaction
      .with("free", () => (engine === "postgres" ? free.forUpdate("o").skipLocked() : free))
      .updateTable("objects")
      .set((column) => ({
        lease_owner: owner,
        lease_until: now + leaseMs,
        fence: column("fence", "+", 1),
        attempts: column("attempts", "+", 1),
      }))
      .where("id", "in", (from) => from.selectFrom("free").select("free.id"))
      .returningAll()
      .execute();
    return rows
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map((row) => ({ work: objectOf(row), fence: row.fence, attempt: row.attempts }));
  };
}

/** What becomes of an object, once it is known what else is here under its UID. */
interface Fate {
  readonly state: ObjectState;
  readonly relatedId?: string | undefined;
  /** Its bytes are in the object store already. */
  readonly stored: boolean;
}

/**
 * The fence is the proof: a lease that is over but was not given to anybody else still commits, because nobody else can have judged.
 * Where the connection broke during the commit, the caller that tries again is told `lease-lost`: the judgement stands.
 */
export function commitJudgement(
  engine: Engine,
  id: string,
  fence: number,
  judgement: Judgement,
  destinations: readonly string[],
): WriteJob<JudgementOutcome> {
  const columns = judgedColumns(judgement);
  for (const destination of destinations) keptText(destination, "destination");
  return async (transaction) => {
    const row = await leasedRow(transaction, engine, id, fence);
    if (!row) return { result: "lease-lost" };
    const fate = await fateOf(transaction, row, judgement);
    if ("conflictWith" in fate) return { result: "conflict", conflictWith: fate.conflictWith };
    const keepsSpool = !fate.stored && fate.state !== "resent";
    await transaction
      .updateTable("objects")
      .set({
        ...columns,
        state: fate.state,
        related_id: fate.relatedId ?? null,
        stored: fate.stored ? 1 : 0,
        location: keepsSpool ? row.location : null,
      })
      .where("id", "=", id)
      .execute();
    if (fate.state === "admitted") await addDeliveries(transaction, id, destinations, judgement.judgedAt);
    await noteSealedStudy(transaction, row, judgement);
    return {
      result: "committed",
      state: fate.state,
      spoolFreed: row.location !== null && !keepsSpool,
      ...(fate.relatedId === undefined ? {} : { relatedId: fate.relatedId }),
    };
  };
}

async function leasedRow(
  transaction: Database,
  engine: Engine,
  id: string,
  fence: number,
): Promise<ObjectRow | undefined> {
  const query = transaction.selectFrom("objects").selectAll().where("id", "=", id);
  // One judgement at a time for a SOP Instance UID, whichever gateway makes it: what is read after this stays true until the commit.
  const lock = sql`pg_advisory_xact_lock(hashtextextended(sop_instance_uid, 0))`.as("lock");
  const row = await (engine === "postgres" ? query.select(lock).forUpdate() : query).executeTakeFirst();
  const isLeased = row?.state === "received" && row.fence === fence && row.lease_owner !== null;
  return isLeased ? row : undefined;
}

async function fateOf(
  transaction: Database,
  row: ObjectRow,
  judgement: Judgement,
): Promise<Fate | { readonly conflictWith: string }> {
  const there = await transaction
    .selectFrom("admitted")
    .selectAll()
    .where("sop_instance_uid", "=", row.sop_instance_uid)
    .executeTakeFirst();
  const resent = (relatedId: string): Fate => ({ state: "resent", relatedId, stored: row.stored === 1 });
  if (there?.digest === row.digest) return resent(there.object_id);
  const stored = judgement.stored || row.stored === 1;
  if (judgement.disposition === "held") {
    // Another encoding of an admitted seal that did not pass is evidence, and is kept: only the same bytes are a re-send.
    const held = await transaction
      .selectFrom("objects")
      .select("id")
      .where("digest", "=", row.digest)
      .where("state", "=", "held")
      .where("sop_instance_uid", "=", row.sop_instance_uid)
      .orderBy("id")
      .executeTakeFirst();
    return held ? resent(held.id) : { state: "held", stored };
  }
  if (there) {
    const samePayload =
      judgement.payloadDigest !== undefined && there.payload_digest === judgement.payloadDigest;
    return samePayload ? resent(there.object_id) : { conflictWith: there.object_id };
  }
  await transaction
    .insertInto("admitted")
    .values({
      sop_instance_uid: row.sop_instance_uid,
      object_id: row.id,
      digest: row.digest,
      payload_digest: judgement.payloadDigest ?? null,
    })
    .execute();
  const resolved = await transaction
    .updateTable("objects")
    .set({ state: "resolved", related_id: row.id, location: null })
    .where("digest", "=", row.digest)
    .where("state", "=", "held")
    .where("sop_instance_uid", "=", row.sop_instance_uid)
    .returning("stored")
    .execute();
  // Quarantine had put the same bytes into the object store: they are this object's now.
  return { state: "admitted", stored: stored || resolved.some((other) => other.stored === 1) };
}

async function addDeliveries(
  transaction: Database,
  objectId: string,
  destinations: readonly string[],
  now: number,
): Promise<void> {
  if (destinations.length === 0) return;
  await transaction
    .insertInto("deliveries")
    .values([...new Set(destinations)].map((destination) => dueDelivery(objectId, destination, now, false)))
    .execute();
}

/** Verdicts that prove a capture seal of this very object. */
const sealedVerdicts: ReadonlySet<string | undefined> = new Set(["verified", "verified-with-changes"]);

/** Held ones count too: a seal that was verified binds its study, wherever the object is. */
async function noteSealedStudy(transaction: Database, row: ObjectRow, judgement: Judgement): Promise<void> {
  if (judgement.sealedBy === undefined || row.study_instance_uid === null) return;
  if (!sealedVerdicts.has(judgement.verdict)) return;
  await transaction
    .insertInto("sealed_studies")
    .values({ study_instance_uid: row.study_instance_uid, source: row.source })
    .onConflict((conflict) => conflict.columns(["study_instance_uid", "source"]).doNothing())
    .execute();
}

/** The judgement is forgotten with the state: an object that waits has none. */
export function recheck(ids: readonly string[]): WriteJob<number> {
  return async (transaction) => {
    let count = 0n;
    for (const part of pieces([...new Set(ids)].sort(), idsPerStatement)) {
      const result = await transaction
        .updateTable("objects")
        .set(notJudged)
        .where("id", "in", part)
        .where("state", "=", "held")
        .executeTakeFirst();
      count += result.numUpdatedRows;
    }
    return Number(count);
  };
}

/** Nothing changes for an object whose bytes are nobody's any more: resent, purged. */
export function markStored(engine: Engine, id: string): WriteJob<JudgedObject["location"]> {
  return async (transaction) => {
    const query = transaction.selectFrom("objects").selectAll().where("id", "=", id);
    const row = await (engine === "postgres" ? query.forUpdate() : query).executeTakeFirst();
    if (!row || row.location === null) return undefined;
    await transaction
      .updateTable("objects")
      .set({ stored: 1, location: null })
      .where("id", "=", id)
      .execute();
    return objectOf(row).location;
  };
}

/** Every delivery counts, one that two people released too: it still reads from the spool. */
export function markDelivered(engine: Engine, id: string): WriteJob<JudgedObject["location"]> {
  return async (transaction) => {
    const query = transaction
      .selectFrom("objects")
      .selectAll()
      .where("id", "=", id)
      .where("state", "=", "admitted")
      .where("stored", "=", 0)
      .where("location", "is not", null);
    const row = await (engine === "postgres" ? query.forUpdate() : query).executeTakeFirst();
    if (!row) return undefined;
    const deliveries = await transaction
      .selectFrom("deliveries")
      .select("state")
      .where("object_id", "=", id)
      .execute();
    if (deliveries.length === 0 || deliveries.some(({ state }) => state !== "delivered")) return undefined;
    await transaction.updateTable("objects").set({ location: null }).where("id", "=", id).execute();
    return objectOf(row).location;
  };
}

export function releaseLeases(owner: string): WriteJob<void> {
  return async (transaction) => {
    const free = { lease_owner: null, lease_until: null };
    await transaction.updateTable("objects").set(free).where("lease_owner", "=", owner).execute();
    await transaction.updateTable("deliveries").set(free).where("lease_owner", "=", owner).execute();
  };
}
