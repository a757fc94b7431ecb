/** Tables of transparency logs and of witnesses. Roots are hexadecimal, entries base64 of their bundle encoding. */
import { sql } from "kysely";
import type { Database, Engine } from "../journal/tables.ts";

export interface LogTable {
  origin: string;
  /** Which sequencer has the log: each that takes it adds one. */
  epoch: number;
  /** Entries that have their place, for ever. */
  size: number;
  published_size: number;
  published_root: string;
  /** As it was signed; empty before the first. */
  checkpoint: string;
}

/** Entries that no tile holds yet. */
export interface LogBatchTable {
  origin: string;
  first: number;
  amount: number;
  entries: string;
}

/** What a witness has cosigned last. */
export interface WitnessedTable {
  origin: string;
  size: number;
  root: string;
}

export async function logTables(db: Database, engine: Engine): Promise<void> {
  const text = engine === "postgres" ? sql`text collate "C"` : sql`text`;
  const whole = engine === "postgres" ? sql`bigint` : sql`integer`;
  await sql`create table logs (origin ${text} not null primary key, epoch ${whole} not null, size ${whole} not null,
    published_size ${whole} not null, published_root ${text} not null, checkpoint ${text} not null)`.execute(
    db,
  );
  await sql`create table log_batches (origin ${text} not null references logs (origin), first ${whole} not null,
    amount ${whole} not null, entries ${text} not null, primary key (origin, first))`.execute(db);
  await sql`create table witnessed (origin ${text} not null primary key, size ${whole} not null, root ${text} not null)`.execute(
    db,
  );
}
