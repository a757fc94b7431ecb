/** The journal of a log or a witness, in the database of a gateway's journal or in one of its own. */
import { openPostgresDatabase } from "../journal/postgres-journal.ts";
import { openSqliteDatabase } from "../journal/sqlite-journal.ts";
import { GroupWriter, PooledWriter } from "../journal/writers.ts";
import { SqlLogJournal } from "./sql-log-journal.ts";

/**
 * @param place a `postgres://` URL, or the path of a SQLite file
 * @throws ScansealError `io`, `storage-full`; `config-invalid` when a newer program made the tables, or the server does not fsync
 */
export async function openLogJournal(place: string): Promise<SqlLogJournal> {
  if (/^postgres(ql)?:\/\//.test(place)) {
    const db = await openPostgresDatabase(place);
    return new SqlLogJournal(db, new PooledWriter(db));
  }
  const db = await openSqliteDatabase(place);
  return new SqlLogJournal(db, new GroupWriter(db));
}
