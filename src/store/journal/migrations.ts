/** The schema, version by version. A migration that was released is never changed: the next one goes forward. */
import { type CreateTableBuilder, sql } from "kysely";
import { ScansealError } from "../../foundation/errors.ts";
import { indexTables } from "../index/index-tables.ts";
import { logTables } from "../log-journal/log-tables.ts";
import { provenanceTables } from "../provenance/provenance-tables.ts";
import { causeOf } from "./cause.ts";
import { makeCommitmentTables } from "./commitment-tables.ts";
import { makeCopyTables } from "./copy-tables.ts";
import type { StoredFinding } from "./journal.ts";
import { type Database, type Engine, idsPerStatement } from "./tables.ts";
import { makeTallies } from "./tallies.ts";

type Migration = (db: Database, engine: Engine) => Promise<void>;

/** Each brings the schema from its index to its index + 1. */
const migrations: readonly Migration[] = [
  firstTables,
  talliesAndDeletions,
  damagedCopies,
  keptOnly,
  logTables,
  provenanceTables,
  indexTables,
  causes,
  makeCopyTables,
  makeCommitmentTables,
  releasesToReaders,
];

/** "scnseal1" as a number: only starts of this program take this lock. */
const migrationLock = 0x73636e7365616c;

/**
 * Brings the schema to this program's version, in the caller's transaction: two processes that start at once wait for each other.
 * @throws ScansealError `config-invalid` when a newer program made it
 */
export async function migrate(transaction: Database, engine: Engine): Promise<void> {
  if (engine === "postgres")
    await sql`select pg_advisory_xact_lock(${migrationLock}::bigint)`.execute(transaction);
  await transaction.schema
    .createTable("journal_version")
    .ifNotExists()
    .addColumn("version", "integer", (column) => column.notNull())
    .execute();
  const row = await transaction.selectFrom("journal_version").select("version").executeTakeFirst();
  const version = row?.version ?? 0;
  if (version > migrations.length) {
    const versions = `its schema is version ${version}, this program knows ${migrations.length}`;
    throw new ScansealError("config-invalid", `the journal was made by a newer program: ${versions}`);
  }
  if (version === migrations.length) return;
  for (const step of migrations.slice(version)) await step(transaction, engine);
  await (row
    ? transaction.updateTable("journal_version").set({ version: migrations.length })
    : transaction.insertInto("journal_version").values({ version: migrations.length })
  ).execute();
}

async function firstTables(db: Database, engine: Engine): Promise<void> {
  // Byte order: ids are compared with <, and must sort alike on both engines.
  const text = engine === "postgres" ? sql`text collate "C"` : sql`text`;
  // 64 bits on both; SQLite calls its own so.
  const whole = engine === "postgres" ? sql`bigint` : sql`integer`;
  const table = (name: string, required: string, optional: string, numbers: string) => {
    let made: CreateTableBuilder<string, string> = db.schema.createTable(name);
    for (const column of words(required)) made = made.addColumn(column, text, (type) => type.notNull());
    for (const column of words(optional)) made = made.addColumn(column, text);
    for (const column of words(numbers)) {
      made = column.endsWith("?")
        ? made.addColumn(column.slice(0, -1), whole)
        : made.addColumn(column, whole, (type) => type.notNull().defaultTo(0));
    }
    return made;
  };
  await table(
    "objects",
    "id source peer_title peer_address sop_class_uid sop_instance_uid transfer_syntax_uid digest arrival state findings",
    "series_instance_uid study_instance_uid modality location verdict disposition assurance basis mode enforced related_id payload_digest sealed_by lease_owner",
    "received_at bytes data_set_offset stored judged_at? lease_until? fence attempts",
  )
    .addPrimaryKeyConstraint("objects_key", ["id"])
    .execute();
  await table("admitted", "sop_instance_uid object_id digest", "payload_digest", "")
    .addPrimaryKeyConstraint("admitted_key", ["sop_instance_uid"])
    .addForeignKeyConstraint("admitted_object", ["object_id"], "objects", ["id"])
    .execute();
  await table("sealed_studies", "study_instance_uid source", "", "")
    .addPrimaryKeyConstraint("sealed_studies_key", ["study_instance_uid", "source"])
    .execute();
  await table("purges", "digest", "", "purged_at")
    .addPrimaryKeyConstraint("purges_key", ["digest"])
    .execute();
  await table(
    "deliveries",
    "id object_id destination state",
    "last_error lease_owner",
    "next_attempt_at created_at delivered_at? released lease_until? fence attempts",
  )
    .addPrimaryKeyConstraint("deliveries_key", ["id"])
    // Never two deliveries of one object to one destination, whatever races.
    .addUniqueConstraint("deliveries_once", ["object_id", "destination", "released"])
    .addForeignKeyConstraint("deliveries_object", ["object_id"], "objects", ["id"])
    .execute();
  await table("acts", "id actor act subject detail", "", "at")
    .addPrimaryKeyConstraint("acts_key", ["id"])
    .execute();
  await table(
    "requests",
    "id act object_ids reason requested_by state",
    "destination approved_by",
    "requested_at approved_at?",
  )
    .addPrimaryKeyConstraint("requests_key", ["id"])
    .execute();
  for (const statement of indexes) await sql.raw(statement).execute(db);
}

/** Counts without counting; digests whose bytes the gateway still has to delete; what waits longest. */
async function talliesAndDeletions(db: Database, engine: Engine): Promise<void> {
  await sql`alter table purges add column pending bigint not null default 0`.execute(db);
  await sql`create index purges_pending on purges (purged_at, digest) where pending = 1`.execute(db);
  // With the state in it, or SQLite takes the index of the states and sorts.
  await sql`create index objects_waiting on objects (state, received_at) where state = 'received'`.execute(
    db,
  );
  await sql`drop index objects_state`.execute(db);
  await sql`create index objects_state on objects (state, id)`.execute(db);
  await makeTallies(db, engine);
}

async function damagedCopies(db: Database): Promise<void> {
  await sql`alter table objects add column damaged bigint not null default 0`.execute(db);
}

/** What was admitted before there was an archive. */
async function keptOnly(db: Database): Promise<void> {
  await sql`alter table objects add column kept_only bigint not null default 0`.execute(db);
  await sql`update objects set kept_only = 1 where state = 'admitted' and (stored = 1 or location is not null)
    and not exists (select 1 from deliveries where deliveries.object_id = objects.id)`.execute(db);
  await sql`create index objects_kept_only on objects (id) where kept_only = 1`.execute(db);
}

async function releasesToReaders(db: Database): Promise<void> {
  await sql`alter table requests add column readers text`.execute(db);
  await sql`alter table requests add column readable_ms bigint`.execute(db);
}

/** What decided, in a column: commissioning counts by it. Found here for what was judged before: findings may hold text that PostgreSQL's JSON refuses. */
async function causes(db: Database): Promise<void> {
  await sql`alter table objects add column cause text`.execute(db);
  for (let after = ""; ; ) {
    const rows = await db
      .selectFrom("objects")
      .select(["id", "findings"])
      .where("id", ">", after)
      .orderBy("id")
      .limit(idsPerStatement)
      .execute();
    if (rows.length === 0) return;
    after = rows.at(-1)!.id;
    const ids = new Map<string, string[]>();
    for (const { id, findings } of rows) {
      const cause = causeOf(JSON.parse(findings) as readonly StoredFinding[])?.code;
      if (cause !== undefined) ids.set(cause, [...(ids.get(cause) ?? []), id]);
    }
    for (const [cause, of] of ids)
      await db.updateTable("objects").set({ cause }).where("id", "in", of).execute();
  }
}

/** One for each question the port asks. Partial ones hold only rows that are still in motion. */
const indexes: readonly string[] = [
  "create index objects_state on objects (state, id, received_at)",
  "create index objects_digest on objects (digest, state)",
  "create index objects_instance on objects (sop_instance_uid, id)",
  "create index objects_series on objects (series_instance_uid, id) where series_instance_uid is not null",
  "create index objects_study on objects (study_instance_uid, id) where study_instance_uid is not null",
  "create index objects_source on objects (source, id)",
  "create index objects_judged on objects (judged_at) where judged_at is not null",
  // The state leads, though it is the same in all of it: otherwise SQLite takes the index above, and reads every admitted object there is.
  "create index objects_unsettled on objects (state, judged_at, id) where state = 'admitted' and location is not null",
  "create index objects_leased on objects (lease_owner) where lease_owner is not null",
  "create index deliveries_due on deliveries (destination, state, next_attempt_at, id)",
  "create index deliveries_state on deliveries (state, created_at)",
  "create index deliveries_leased on deliveries (lease_owner) where lease_owner is not null",
  "create index acts_subject on acts (subject, at, id)",
  "create index acts_time on acts (at, id)",
  "create index requests_state on requests (state, requested_at)",
];

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}
