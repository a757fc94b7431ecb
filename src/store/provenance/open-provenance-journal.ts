/** A site's provenance: in a SQLite file of its own, or in the database of a PostgreSQL server. */
import { openPostgresDatabase } from "../journal/postgres-journal.ts";
import { openSqliteDatabase } from "../journal/sqlite-journal.ts";
import { GroupWriter, PooledWriter } from "../journal/writers.ts";
import type { ProvenanceJournal } from "./provenance-journal.ts";
import { SqlProvenanceJournal } from "./sql-provenance-journal.ts";

/**
 * @param place a `postgres://` URL, or the path of a SQLite file
 * @throws ScansealError `io`, `storage-full`; `config-invalid` when a newer program made the tables, or the server does not fsync
 */
export async function openProvenanceJournal(place: string): Promise<ProvenanceJournal> {
  if (/^postgres(ql)?:\/\//.test(place)) {
    const db = await openPostgresDatabase(place);
    return new SqlProvenanceJournal(db, new PooledWriter(db));
  }
  const db = await openSqliteDatabase(place);
  return new SqlProvenanceJournal(db, new GroupWriter(db));
}
