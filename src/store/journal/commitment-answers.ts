/** What an archive's report changes: committed, delivered again, or left to a person. Each in the caller's transaction, whose objects are locked. */
import { sql } from "kysely";
import type { CommitmentReport, SopReference } from "../../dicom-network/dimse/storage-commitment.ts";
import type { ReportOutcome } from "./commitments.ts";
import { rowSet } from "./row-set.ts";
import type { Database, Engine } from "./tables.ts";

/** One instance of a request, as it is kept. */
export interface AskedItem extends SopReference {
  readonly id: string;
  readonly round: number;
}

/** A refused one. */
interface RefusedItem extends AskedItem {
  readonly reason: number;
}

/** What a report says of what was asked; or why it counts for nothing. */
export function namedOf(
  { committed, failed }: CommitmentReport,
  items: readonly AskedItem[],
): { readonly committed: AskedItem[]; readonly failed: RefusedItem[] } | "not asked" | "contradicts itself" {
  const byUid = new Map(items.map((item) => [item.sopInstanceUid, item]));
  const out = {
    committed: new Map<string, AskedItem>(),
    failed: new Map<string, RefusedItem>(),
  };
  for (const reference of [...committed, ...failed]) {
    const item = byUid.get(reference.sopInstanceUid);
    if (item?.sopClassUid !== reference.sopClassUid) return "not asked";
    if ("reason" in reference) out.failed.set(item.id, { ...item, reason: Number(reference.reason) });
    else out.committed.set(item.id, item);
  }
  if ([...out.failed.keys()].some((id) => out.committed.has(id))) return "contradicts itself";
  return { committed: [...out.committed.values()], failed: [...out.failed.values()] };
}

/** @returns ids of those that are committed by this */
export async function commit(
  transaction: Database,
  engine: Engine,
  destination: string,
  items: readonly AskedItem[],
  now: number,
): Promise<readonly string[]> {
  if (items.length === 0) return [];
  const set = rowSet(engine, { id: "text", round: "whole" }, roundsOf(items));
  const done = await sql<{ object_id: string }>`update commitments set
      state = 'committed', settled_at = ${now}, reason = null from ${set} as v
    where commitments.object_id = v.id and commitments.destination = ${destination}
      and commitments.round = v.round and state in ('waits', 'failed')
    returning commitments.object_id`.execute(transaction);
  return done.rows.map((row) => row.object_id);
}

/** Delivered again as long as that may help; then a person decides. */
export async function refuse(
  transaction: Database,
  destination: string,
  items: readonly RefusedItem[],
  resendsMax: number,
  now: number,
): Promise<Pick<Extract<ReportOutcome, { result: "taken" }>, "resent" | "failed">> {
  const resent: string[] = [];
  const failed: { id: string; reason: number }[] = [];
  for (const { id, round, reason } of items) {
    const row = await transaction
      .selectFrom("commitments")
      .innerJoin("objects", "objects.id", "commitments.object_id")
      .select(["resends", "stored", "location"])
      .where("object_id", "=", id)
      .where("destination", "=", destination)
      .where("round", "=", round)
      .where("commitments.state", "=", "waits")
      .executeTakeFirst();
    if (!row) continue;
    const isHere = row.stored === 1 || row.location !== null;
    const isAgain =
      isHere && row.resends < resendsMax && (await redeliver(transaction, destination, id, now));
    const change = isAgain
      ? { state: "resent" as const, resends: row.resends + 1 }
      : { state: "failed" as const };
    await transaction
      .updateTable("commitments")
      .set({ ...change, reason, settled_at: now })
      .where("object_id", "=", id)
      .where("destination", "=", destination)
      .execute();
    if (isAgain) resent.push(id);
    else failed.push({ id, reason });
  }
  return { resent, failed };
}

/** @returns whether there is a delivery that is due by this */
async function redeliver(
  transaction: Database,
  destination: string,
  id: string,
  now: number,
): Promise<boolean> {
  const result = await transaction
    .updateTable("deliveries")
    .set({
      ...{ state: "due", next_attempt_at: now, created_at: now, delivered_at: null, attempts: 0 },
      last_error: "the archive did not commit to it",
    })
    .where("object_id", "=", id)
    .where("destination", "=", destination)
    .where("released", "=", 0)
    .where("state", "=", "delivered")
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

export function roundsOf(items: readonly AskedItem[]): { readonly id: string; readonly round: number }[] {
  return items.map(({ id, round }) => ({ id, round }));
}
