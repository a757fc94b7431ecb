/** The embedded journal: one SQLite file. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { Kysely } from "kysely";
import { syncFolder } from "../../platform/node/private-files.ts";
import { databaseError } from "./database-error.ts";
import type { Journal } from "./journal.ts";
import { migrate } from "./migrations.ts";
import { SqlJournal } from "./sql-journal.ts";
import { NodeSqliteDialect } from "./sqlite-dialect.ts";
import type { Database, Tables } from "./tables.ts";
import { GroupWriter } from "./writers.ts";

export interface SqliteOptions {
  /** Bound of the file in pages of 4 KiB; then `storage-full`. SQLite's own, 2^32, when absent. */
  readonly pagesMax?: number | undefined;
  /** How long another process' transaction is waited for; 5 s when absent. */
  readonly busyMs?: number | undefined;
}

/** The thread stands still meanwhile: a command beside the gateway writes for milliseconds. */
const busyMsDefault = 5_000;
/** The change to WAL does not wait for others by itself. */
const walTries = 50;
const walPauseMs = 50;

/**
 * Opens or makes the journal at `path`; its folder exists. Committed means on disk: WAL with synchronous=FULL. Several processes on one
 * machine may have it open.
 * @throws ScansealError `io`, `storage-full`; `config-invalid` when a newer program made it
 */
export async function openSqliteJournal(path: string, options: SqliteOptions = {}): Promise<Journal> {
  const db = await openSqliteDatabase(path, options);
  return new SqlJournal(db, "sqlite", new GroupWriter(db));
}

/** The same without the gateway's journal over it. @throws ScansealError `io`, `storage-full`, `config-invalid` */
export async function openSqliteDatabase(path: string, options: SqliteOptions = {}): Promise<Database> {
  let database: DatabaseSync | undefined;
  try {
    // SQLite gives -wal and -shm the rights of the file.
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
    await file.close();
    syncFolder(dirname(path));
    database = new DatabaseSync(path, {
      timeout: options.busyMs ?? busyMsDefault,
      enableForeignKeyConstraints: true,
    });
    await useWal(database);
    database.exec("pragma synchronous = full");
    if (options.pagesMax !== undefined)
      database.exec(`pragma max_page_count = ${Math.trunc(options.pagesMax)}`);
    const db = new Kysely<Tables>({ dialect: new NodeSqliteDialect(database) });
    await db.transaction().execute((transaction) => migrate(transaction, "sqlite"));
    syncFolder(dirname(path));
    return db;
  } catch (error) {
    if (database?.isOpen) database.close();
    throw databaseError(error);
  }
}

async function useWal(database: DatabaseSync): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      database.exec("pragma journal_mode = wal");
      return;
    } catch (error) {
      // SQLITE_BUSY
      const busy = ((error as { readonly errcode?: number }).errcode ?? 0) % 256 === 5;
      if (!busy || attempt >= walTries) throw error;
      await pause(walPauseMs);
    }
  }
}
