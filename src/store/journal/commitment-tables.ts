/** What archives are asked to commit to (PS3.4 annex J): a row for each object and destination, and each request that is not answered yet. */
import { sql } from "kysely";
import type { CommitmentState } from "./commitments.ts";
import type { Database, Engine } from "./tables.ts";

export interface CommitmentTable {
  object_id: string;
  destination: string;
  state: CommitmentState;
  /** Goes up with each delivery anew: an answer to what was asked before it is no answer any more. */
  round: number;
  /** Since its delivery. */
  asks: number;
  next_ask_at: number;
  owed_at: number;
  settled_at: number | null;
  /** How often it was delivered again. */
  resends: number;
  /** (0008,1197) of its last refusal. */
  reason: number | null;
}

export interface CommitmentAskTable {
  transaction_uid: string;
  destination: string;
  asked_at: number;
  answered_at: number | null;
  /** What was asked, as JSON; empty once it was answered. */
  items: string;
}

/** Destinations that are asked. */
export interface CommitmentPolicyTable {
  destination: string;
}

export async function makeCommitmentTables(db: Database, engine: Engine): Promise<void> {
  const text = engine === "postgres" ? `text collate "C"` : "text";
  const statements = [
    `create table commitments (object_id ${text} not null, destination ${text} not null, state ${text} not null,
       round bigint not null, asks bigint not null, next_ask_at bigint not null, owed_at bigint not null, settled_at bigint,
       resends bigint not null, reason bigint,
       constraint commitments_key primary key (object_id, destination),
       constraint commitments_object foreign key (object_id) references objects (id))`,
    "create index commitments_due on commitments (destination, next_ask_at, object_id) where state = 'waits'",
    "create index commitments_open on commitments (destination, state, owed_at) where state <> 'committed'",
    `create table commitment_asks (transaction_uid ${text} not null, destination ${text} not null, asked_at bigint not null,
       answered_at bigint, items ${text} not null, constraint commitment_asks_key primary key (transaction_uid))`,
    "create index commitment_asks_at on commitment_asks (asked_at)",
    `create table commitment_policy (destination ${text} not null, constraint commitment_policy_key primary key (destination))`,
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}
