/** The index lies in the journal's database: what was admitted and what is known of it are backed up together. */
import { openPostgresDatabase } from "../journal/postgres-journal.ts";
import { openSqliteDatabase } from "../journal/sqlite-journal.ts";
import { GroupWriter, PooledWriter } from "../journal/writers.ts";
import type { InstanceIndex } from "./instance-index.ts";
import { SqlInstanceIndex } from "./sql-instance-index.ts";

/**
 * @param path of the journal's SQLite file
 * @throws ScansealError `io`, `storage-full`; `config-invalid` when a newer program made it
 */
export async function openSqliteInstanceIndex(path: string): Promise<InstanceIndex> {
  const db = await openSqliteDatabase(path);
  return new SqlInstanceIndex(db, "sqlite", new GroupWriter(db));
}

/** @throws ScansealError `io`, `storage-full`; `config-invalid` as for the journal */
export async function openPostgresInstanceIndex(url: string): Promise<InstanceIndex> {
  const db = await openPostgresDatabase(url, { connectionsMax: 4 });
  return new SqlInstanceIndex(db, "postgres", new PooledWriter(db));
}
