/** Records of what was done, looked up. */
import type { Selectable } from "kysely";
import type { ActRecord } from "./journal.ts";
import { listLimit } from "./journal-queries.ts";
import type { ActTable, Database } from "./tables.ts";

export interface ActFilter {
  readonly subject?: string | undefined;
  /** How the acts' names begin: letters and dots. */
  readonly actsLike?: readonly string[] | undefined;
  /** Only those from this time on (milliseconds since 1970), oldest first. */
  readonly since?: number | undefined;
  readonly limit: number;
}

export async function recordsOf(db: Database, filter: ActFilter): Promise<readonly ActRecord[]> {
  const { subject, actsLike, since, limit } = filter;
  const direction = since === undefined ? "desc" : "asc";
  let query = db
    .selectFrom("acts")
    .selectAll()
    .orderBy("at", direction)
    .orderBy("id", direction)
    .limit(listLimit(limit));
  if (subject !== undefined) query = query.where("subject", "=", subject);
  if (since !== undefined) query = query.where("at", ">=", since);
  const like = actsLike?.map((beginning) => `${beginning}%`);
  if (like) query = query.where((row) => row.or(like.map((one) => row("act", "like", one))));
  return (await query.execute()).map(actOf);
}

function actOf(row: Selectable<ActTable>): ActRecord {
  return { ...row, detail: JSON.parse(row.detail) as ActRecord["detail"] };
}
