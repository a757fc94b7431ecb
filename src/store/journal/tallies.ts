/** How many objects and deliveries there are in each state, kept by the database itself in the transactions that change them: counting takes longer with every object. */
import { sql } from "kysely";
import type { DeliveryState, JournalCounts, ObjectState } from "./journal.ts";
import type { Database, Engine } from "./tables.ts";

/**
 * Transactions that change one count wait for each other: a server's connections have counts of their own, as far as this number goes, and
 * whoever asks adds them up.
 */
export const shards = 64;

export async function makeTallies(db: Database, engine: Engine): Promise<void> {
  const text = engine === "postgres" ? `text collate "C"` : "text";
  const statements = [
    `create table tallies (of_table ${text} not null, name ${text} not null, state ${text} not null, shard integer not null, amount bigint not null,
       constraint tallies_key primary key (of_table, name, state, shard))`,
    "insert into tallies select 'objects', '', state, 0, count(*) from objects group by state",
    "insert into tallies select 'deliveries', destination, state, 0, count(*) from deliveries group by destination, state",
    ...(engine === "postgres" ? postgresTriggers : sqliteTriggers),
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}

type Counted = readonly [table: string, name: string];

const counted: readonly Counted[] = [
  ["objects", "''"],
  ["deliveries", "destination"],
];

const sqliteTriggers: readonly string[] = counted.flatMap(([table, name]) => {
  const of = (row: "old" | "new"): string => (name.startsWith("'") ? name : `${row}.${name}`);
  const change = (row: "old" | "new", by: number): string => `
    insert into tallies select '${table}', ${of(row)}, ${row}.state, 0, 0 where not exists
      (select 1 from tallies where of_table = '${table}' and name = ${of(row)} and state = ${row}.state and shard = 0);
    update tallies set amount = amount + ${by}
      where of_table = '${table}' and name = ${of(row)} and state = ${row}.state and shard = 0;`;
  const changed = name.startsWith("'")
    ? "old.state <> new.state"
    : `old.state <> new.state or old.${name} <> new.${name}`;
  return [
    `create trigger ${table}_added after insert on ${table} begin ${change("new", 1)} end`,
    `create trigger ${table}_removed after delete on ${table} begin ${change("old", -1)} end`,
    `create trigger ${table}_changed after update on ${table} when ${changed} begin ${change("old", -1)} ${change("new", 1)} end`,
  ];
});

/** Once for a statement, however many rows it changes. */
const postgresTriggers: readonly string[] = counted.flatMap(([table, name]) => {
  const was = `select ${name} as name, state, -1 as n from was`;
  const is = `select ${name} as name, state, 1 as n from became`;
  const tally = (rows: string): string => `
    insert into tallies as t (of_table, name, state, shard, amount)
      select '${table}', c.name, c.state, pg_backend_pid() % ${shards}, sum(c.n) from (${rows}) as c
      group by c.name, c.state having sum(c.n) <> 0 order by c.name, c.state
      on conflict (of_table, name, state, shard) do update set amount = t.amount + excluded.amount;`;
  const made = [
    ["insert", is, "new table as became"],
    ["delete", was, "old table as was"],
    ["update", `${was} union all ${is}`, "old table as was new table as became"],
  ] as const;
  return made.flatMap(([event, rows, tables]) => [
    `create function tally_${table}_${event}() returns trigger language plpgsql as $$ begin ${tally(rows)} return null; end $$`,
    `create trigger ${table}_${event} after ${event} on ${table} referencing ${tables} for each statement execute function tally_${table}_${event}()`,
  ]);
});

export async function tallies(
  db: Database,
): Promise<Pick<JournalCounts, "objects" | "deliveries" | "destinations" | "copies">> {
  const objects: Record<ObjectState, number> = {
    received: 0,
    admitted: 0,
    held: 0,
    resent: 0,
    resolved: 0,
    sealed: 0,
    purged: 0,
  };
  const deliveries: Record<DeliveryState, number> = { due: 0, delivered: 0, dead: 0 };
  const destinations: Record<string, { due: number; dead: number }> = {};
  const copies = { objects: 0, bytes: 0 };
  // One row where a database counts with several.
  const sums = new Map<string, { of_table: string; name: string; state: string; amount: number }>();
  for (const row of await db.selectFrom("tallies").selectAll().execute()) {
    const key = JSON.stringify([row.of_table, row.name, row.state]);
    const amount = (sums.get(key)?.amount ?? 0) + row.amount;
    sums.set(key, { ...row, amount });
  }
  for (const { of_table, name, state, amount } of sums.values()) {
    if (amount === 0) continue;
    if (of_table === "objects") objects[state as ObjectState] = amount;
    else if (of_table === "copies") copies[state as keyof typeof copies] = amount;
    else {
      deliveries[state as DeliveryState] += amount;
      destinations[name] ??= { due: 0, dead: 0 };
      if (state !== "delivered") destinations[name][state as "due" | "dead"] += amount;
    }
  }
  return { objects, deliveries, destinations, copies };
}
