/** The embedded journal: one SQLite file. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { Kysely } from "kysely";
import { databaseError } from "./database-error.ts";
import type { Journal } from "./journal.ts";
import { migrate } from "./migrations.ts";
import { SqlJournal } from "./sql-journal.ts";
import { NodeSqliteDialect } from "./sqlite-dialect.ts";
import type { Tables } from "./tables.ts";
import { GroupWriter } from "./writers.ts";

/** How long another process' transaction is waited for. The thread stands still meanwhile: a command beside the gateway writes for milliseconds. */
const busyMs = 5_000;
/** The change to WAL does not wait for others by itself. */
const walTries = 50;
const walPauseMs = 50;

/**
 * Opens or makes the journal at `path`; its folder exists. Committed means on disk: WAL with synchronous=FULL. Several processes on one
 * machine may have it open.
 * @throws ScansealError `io`, `storage-full`; `config-invalid` when a newer program made it
 */
export async function openSqliteJournal(path: string): Promise<Journal> {
  let database: DatabaseSync | undefined;
  try {
    // SQLite gives -wal and -shm the rights of the file.
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
    await file.close();
    await syncFolder(dirname(path));
    database = new DatabaseSync(path, { timeout: busyMs, enableForeignKeyConstraints: true });
    await useWal(database);
    database.exec("pragma synchronous = full");
    const db = new Kysely<Tables>({ dialect: new NodeSqliteDialect(database) });
    await db.transaction().execute((transaction) => migrate(transaction, "sqlite"));
    await syncFolder(dirname(path));
    return new SqlJournal(db, "sqlite", new GroupWriter(db));
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

/** The names of new files are durable with their folder. */
async function syncFolder(path: string): Promise<void> {
  // Windows has no such thing as a folder that is opened.
  if (process.platform === "win32") return;
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
