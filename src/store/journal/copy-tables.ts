/** Where copies of delivered objects are listed, and what they come to: counted by the database in the transactions that change them. */
import { sql } from "kysely";
import type { Database, Engine } from "./tables.ts";
import { shards } from "./tallies.ts";

export interface CopyTable {
  object_id: string;
  /** Its Study Instance UID; its own id where that could not be read. */
  study: string;
  /** Of its last delivery. */
  at: number;
  bytes: number;
}

/** One row. */
export interface CopyPolicyTable {
  /** 0: no copies are kept. */
  bytes_max: number;
}

export async function makeCopyTables(db: Database, engine: Engine): Promise<void> {
  const text = engine === "postgres" ? `text collate "C"` : "text";
  const statements = [
    `create table copies (object_id ${text} not null, study ${text} not null, at bigint not null, bytes bigint not null,
       constraint copies_key primary key (object_id), constraint copies_object foreign key (object_id) references objects (id))`,
    "create index copies_at on copies (at, study)",
    "create index copies_study on copies (study, object_id)",
    "create table copy_policy (bytes_max bigint not null)",
    "insert into copy_policy values (0)",
    ...(engine === "postgres" ? postgresTriggers : sqliteTriggers),
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const sqliteTriggers: readonly string[] = [
  "insert into tallies values ('copies', '', 'objects', 0, 0), ('copies', '', 'bytes', 0, 0)",
  ...(["insert", "delete"] as const).map((event) => {
    const [sign, row] = event === "insert" ? ["+", "new"] : ["-", "old"];
    const change = (state: string, by: string): string =>
      `update tallies set amount = amount ${sign} ${by} where of_table = 'copies' and name = '' and state = '${state}' and shard = 0;`;
    return `create trigger copies_${event} after ${event} on copies begin ${change("objects", "1")} ${change("bytes", `${row}.bytes`)} end`;
  }),
];

/** Once for a statement, however many rows it changes. */
const postgresTriggers: readonly string[] = (["insert", "delete"] as const).flatMap((event) => {
  const [sign, table] = event === "insert" ? ["", "new table as changed"] : ["-", "old table as changed"];
  const body = `insert into tallies as t (of_table, name, state, shard, amount)
      select 'copies', '', c.state, pg_backend_pid() % ${shards}, ${sign}c.n
      from (select 'bytes' as state, sum(bytes) as n from changed union all select 'objects', count(*) from changed) as c
      where c.n is not null and c.n <> 0 order by c.state
      on conflict (of_table, name, state, shard) do update set amount = t.amount + excluded.amount;`;
  return [
    `create function tally_copies_${event}() returns trigger language plpgsql as $$ begin ${body} return null; end $$`,
    `create trigger copies_${event} after ${event} on copies referencing ${table} for each statement execute function tally_copies_${event}()`,
  ];
});
