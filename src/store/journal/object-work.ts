/** What waits to be judged, and who has it. */
import { sql } from "kysely";
import type { JudgedObject, Lease, LeaseScope, ReceivedObject } from "./journal.ts";
import { keptBackMs } from "./kept-bytes.ts";
import { keptNumber, keptText, notJudged, objectOf, receivedRow } from "./object-rows.ts";
import { listed } from "./row-set.ts";
import { type Engine, idsPerStatement, pieces } from "./tables.ts";
import type { WriteJob } from "./writers.ts";

/** 30 columns each: below both engines' bound on parameters. */
const rowsPerStatement = 100;

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
              .where("p.purged_at", ">", Math.max(0, now - keptBackMs)),
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

export function releaseLost(engine: Engine, owner: string, scope: LeaseScope): WriteJob<void> {
  const { of, destination, underWay } = scope;
  return async (transaction) => {
    await transaction
      .updateTable(of)
      // Nobody worked at it: the claim was no attempt.
      .set({ lease_owner: null, lease_until: null, attempts: sql<number>`attempts - 1` })
      .where("lease_owner", "=", owner)
      .where("id", "not in", listed(engine, underWay))
      .$if(destination !== undefined, (query) => query.where(sql`destination`, "=", destination!))
      .execute();
  };
}

export function releaseLeases(owner: string): WriteJob<void> {
  return async (transaction) => {
    const free = { lease_owner: null, lease_until: null };
    await transaction.updateTable("objects").set(free).where("lease_owner", "=", owner).execute();
    await transaction.updateTable("deliveries").set(free).where("lease_owner", "=", owner).execute();
  };
}
