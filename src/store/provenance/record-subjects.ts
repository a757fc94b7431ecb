/** What a record is filed under. */
import type { Database } from "../journal/tables.ts";
import type { Subject } from "./provenance-journal.ts";

export function subjectsOf(db: Database, digest: string): Promise<readonly Subject[]> {
  const rows = db.selectFrom("record_subjects").select(["kind", "name"]).where("digest", "=", digest);
  return rows.orderBy("kind").orderBy("name").execute();
}
