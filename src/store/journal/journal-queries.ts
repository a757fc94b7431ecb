/** What people, metrics and recovery ask. Nothing here changes anything. */
import { sql } from "kysely";
import { ScansealError } from "../../foundation/errors.ts";
import { countKeptOnly } from "./added-deliveries.ts";
import type { HeldStudy, JournalCounts, ObjectFilter } from "./journal.ts";
import type { ObjectRow } from "./object-rows.ts";
import { type Database, idsPerStatement, pieces } from "./tables.ts";
import { tallies } from "./tallies.ts";

/** Of any list. */
const rowsMax = 1_000;

/** @throws ScansealError `usage` unless it is 1 to 1,000 */
export function listLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > rowsMax)
    throw new ScansealError("usage", `a list has 1 to ${rowsMax} rows`);
  return limit;
}

export async function known(
  db: Database,
  ids: readonly string[],
): Promise<Map<string, { readonly inSpool: boolean }>> {
  const out = new Map<string, { readonly inSpool: boolean }>();
  for (const part of pieces(ids, idsPerStatement)) {
    const rows = await db
      .selectFrom("objects")
      .select(["id", (column) => column("location", "is not", null).as("in_spool")])
      .where("id", "in", part)
      .execute();
    // A truth value on PostgreSQL, 0 or 1 on SQLite.
    for (const row of rows) out.set(row.id, { inSpool: Boolean(row.in_spool) });
  }
  return out;
}

export async function listObjects(db: Database, filter: ObjectFilter): Promise<ObjectRow[]> {
  let query = db.selectFrom("objects").selectAll().orderBy("id").limit(listLimit(filter.limit));
  // The most telling first: its index is the one to be used.
  const texts = [
    ["sop_instance_uid", filter.sopInstanceUid],
    ["series_instance_uid", filter.seriesInstanceUid],
    ["study_instance_uid", filter.studyInstanceUid],
    ["state", filter.state],
    ["source", filter.source],
  ] as const;
  let isFirst = true;
  for (const [column, value] of texts) {
    if (value === undefined) continue;
    // No row can have it, and PostgreSQL would refuse the question.
    if (value.includes("\0")) return [];
    // An expression has no index: SQLite would look through all that is held for what is held of one study.
    query = isFirst
      ? query.where(column, "=", value)
      : query.where(sql<boolean>`${sql.ref(column)} || '' = ${value}`);
    isFirst = false;
  }
  if (filter.judgedSince !== undefined) query = query.where("judged_at", ">=", filter.judgedSince);
  if (filter.idEnding !== undefined) {
    if (!/^[0-9a-f]{8,12}$/.test(filter.idEnding))
      throw new ScansealError("usage", "the end of an id is 8 to 12 hexadecimal digits");
    query = query.where("id", "like", `%${filter.idEnding}`);
  }
  if (filter.after !== undefined) query = query.where("id", ">", filter.after);
  return await query.execute();
}

export async function unsettled(db: Database, before: number, limit: number): Promise<ObjectRow[]> {
  return await db
    .selectFrom("objects")
    .selectAll()
    // Word for word what the partial index says.
    .where(sql<boolean>`state = 'admitted' and location is not null`)
    .where("stored", "=", 0)
    .where("judged_at", "<", before)
    .orderBy("judged_at")
    .orderBy("id")
    .limit(limit)
    .execute();
}

/** By study (null: those whose study could not be read) how many held objects were released. As many steps as objects are held. */
async function releasedByStudy(db: Database): Promise<ReadonlyMap<string | null, number>> {
  const rows = await db
    .selectFrom("objects")
    .select((from) => ["study_instance_uid", from.fn.countAll<number>().as("objects")])
    .where("state", "=", "held")
    .where((is) =>
      is.exists(
        is
          .selectFrom("deliveries")
          .select("deliveries.id")
          .whereRef("deliveries.object_id", "=", "objects.id")
          .where("released", "=", 1),
      ),
    )
    .groupBy("study_instance_uid")
    .execute();
  return new Map(rows.map((row) => [row.study_instance_uid, row.objects]));
}

export async function releasedHeld(db: Database): Promise<number> {
  return [...(await releasedByStudy(db)).values()].reduce((sum, objects) => sum + objects, 0);
}

/** Latest first. Three statements: a study that changes in between is shown as it was in any. */
export async function heldStudies(db: Database, limit: number): Promise<HeldStudy[]> {
  const studies = await db
    .selectFrom("objects")
    .select((from) => [
      "study_instance_uid",
      from.fn.countAll<number>().as("objects"),
      from.fn.count<number>("series_instance_uid").distinct().as("series"),
      from.fn.min("received_at").as("first_at"),
      from.fn.max("received_at").as("last_at"),
    ])
    .where("state", "=", "held")
    .groupBy("study_instance_uid")
    .orderBy("last_at", "desc")
    .orderBy("study_instance_uid")
    .limit(listLimit(limit))
    .execute();
  const uids = studies.flatMap((row) => row.study_instance_uid ?? []);
  const parts = await db
    .selectFrom("objects")
    .select((from) => [
      ...(["study_instance_uid", "verdict", "source"] as const),
      from.fn.countAll<number>().as("objects"),
      from.fn.min("id").as("first_id"),
    ])
    .where("state", "=", "held")
    .where((is) =>
      is.or([
        is("study_instance_uid", "is", null),
        ...(uids.length > 0 ? [is("study_instance_uid", "in", uids)] : []),
      ]),
    )
    .groupBy(["study_instance_uid", "verdict", "source"])
    .orderBy("source")
    .execute();
  const released = await releasedByStudy(db);
  return studies.map((row) => {
    const verdicts: Record<string, number> = {};
    const samples: Record<string, string> = {};
    const sources = new Set<string>();
    for (const part of parts) {
      if (part.study_instance_uid !== row.study_instance_uid) continue;
      const verdict = part.verdict ?? "undetermined";
      verdicts[verdict] = (verdicts[verdict] ?? 0) + part.objects;
      samples[verdict] ??= part.first_id;
      sources.add(part.source);
    }
    return {
      studyInstanceUid: row.study_instance_uid ?? undefined,
      objects: row.objects,
      released: released.get(row.study_instance_uid) ?? 0,
      series: row.series,
      verdicts,
      samples,
      sources: [...sources],
      firstAt: row.first_at,
      lastAt: row.last_at,
    };
  });
}

export async function counts(db: Database): Promise<JournalCounts> {
  const { objects, deliveries, destinations, copies } = await tallies(db);
  const received = await db
    .selectFrom("objects")
    .select("received_at as at")
    // Word for word what the partial index says.
    .where(sql<boolean>`state = 'received'`)
    .orderBy("received_at")
    .limit(1)
    .executeTakeFirst();
  const due = await db
    .selectFrom("deliveries")
    .select("created_at as at")
    .where("state", "=", "due")
    .orderBy("created_at")
    .limit(1)
    .executeTakeFirst();
  const keptOnly = Number((await countKeptOnly.execute(db)).rows[0]!.n);
  return {
    objects,
    deliveries,
    destinations,
    copies,
    keptOnly,
    oldestReceivedAt: received?.at,
    oldestDueAt: due?.at,
  };
}
