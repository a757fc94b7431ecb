/**
 * The journal and the index over one database: what was admitted and what is known of it are backed up together, and share the connection: two of
 * one process would wait for each other's transactions, of which the embedded database has one at a time.
 */
import type { Commitments } from "../journal/commitments.ts";
import type { Copies } from "../journal/copies.ts";
import type { Journal } from "../journal/journal.ts";
import type { Originals } from "../journal/originals.ts";
import { openPostgresDatabase } from "../journal/postgres-journal.ts";
import { SqlCommitments } from "../journal/sql-commitments.ts";
import { SqlCopies } from "../journal/sql-copies.ts";
import { SqlJournal } from "../journal/sql-journal.ts";
import { SqlOriginals } from "../journal/sql-originals.ts";
import { openSqliteDatabase, type SqliteOptions } from "../journal/sqlite-journal.ts";
import type { Database, Engine } from "../journal/tables.ts";
import { GroupWriter, PooledWriter, type Writer } from "../journal/writers.ts";
import type { IndexQueue } from "./index-queue.ts";
import type { InstanceIndex } from "./instance-index.ts";
import { SqlIndexQueue } from "./sql-index-queue.ts";
import { SqlInstanceIndex } from "./sql-instance-index.ts";

export interface IndexedJournal {
  /** Closing it closes the others. */
  readonly journal: Journal;
  readonly index: InstanceIndex;
  readonly queue: IndexQueue;
  readonly originals: Originals;
  readonly copies: Copies;
  readonly commitments: Commitments;
}

/**
 * @param path of the journal's SQLite file
 * @throws ScansealError `io`, `storage-full`; `config-invalid` when a newer program made it
 */
export async function openSqliteIndexedJournal(
  path: string,
  options: SqliteOptions = {},
): Promise<IndexedJournal> {
  const db = await openSqliteDatabase(path, options);
  return over(db, "sqlite", new GroupWriter(db));
}

/** @throws ScansealError `io`, `storage-full`; `config-invalid` as for the journal */
export async function openPostgresIndexedJournal(url: string): Promise<IndexedJournal> {
  const db = await openPostgresDatabase(url);
  return over(db, "postgres", new PooledWriter(db));
}

function over(db: Database, engine: Engine, writer: Writer): IndexedJournal {
  return {
    journal: new SqlJournal(db, engine, writer),
    index: new SqlInstanceIndex(db, engine, writer),
    queue: new SqlIndexQueue(db, engine, writer),
    originals: new SqlOriginals(db, engine, writer),
    copies: new SqlCopies(db, engine, writer),
    commitments: new SqlCommitments(db, engine, writer),
  };
}
