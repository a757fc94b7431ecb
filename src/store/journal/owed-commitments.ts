/** What a completed delivery makes an archive owe. */
import { sql } from "kysely";
import { listed } from "./row-set.ts";
import type { Database, Engine } from "./tables.ts";

/**
 * Deliveries that were completed in this transaction are to be committed where the destination is asked. One that was delivered again is asked for
 * again.
 */
export async function oweCommitments(
  transaction: Database,
  engine: Engine,
  deliveries: readonly string[],
): Promise<void> {
  if (deliveries.length === 0) return;
  await sql`insert into commitments (object_id, destination, state, round, asks, next_ask_at, owed_at, resends)
    select d.object_id, d.destination, 'waits', 0, 0, d.delivered_at, d.delivered_at, 0 from deliveries as d
    where d.id in ${listed(engine, deliveries)} and d.released = 0
      and d.destination in (select p.destination from commitment_policy as p)
    on conflict (object_id, destination) do update set state = 'waits', round = commitments.round + 1, asks = 0,
      next_ask_at = excluded.next_ask_at, settled_at = null`.execute(transaction);
}
