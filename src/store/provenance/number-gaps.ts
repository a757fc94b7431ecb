/** Which numbers of a key are missing among those that were sealed or seen: found by the database, so that a million of them are no list in memory. */
import { sql } from "kysely";
import type { Database } from "../journal/tables.ts";
import type { NumberGap } from "./provenance-journal.ts";

interface GapRow {
  readonly key_fingerprint: string;
  readonly key_epoch: string;
  readonly first: number;
  readonly last: number;
  readonly since: number;
}

/** Numbers begin at 1 (spec/keys-and-certificates.md, section 7). */
export async function numberGaps(db: Database, limit: number): Promise<readonly NumberGap[]> {
  const { rows } = await sql<GapRow>`
    with numbers as (
      select key_fingerprint, key_epoch, counter, min(at) as at from (
        select key_fingerprint, key_epoch, counter, first_seen_at as at from sightings
        union all select key_fingerprint, key_epoch, counter, sealed_at as at from seals
      ) as every_use group by key_fingerprint, key_epoch, counter
    ), followed as (
      select key_fingerprint, key_epoch, counter, at,
        coalesce(lag(counter) over (partition by key_fingerprint, key_epoch order by counter), 0) as before
      from numbers
    )
    select key_fingerprint, key_epoch, before + 1 as first, counter - 1 as last, at as since
    from followed where counter > before + 1
    order by since, key_fingerprint, key_epoch, first limit ${limit}`.execute(db);
  return rows.map(({ key_fingerprint, key_epoch, first, last, since }) => ({
    keyFingerprint: key_fingerprint,
    keyEpoch: key_epoch,
    first: Number(first),
    last: Number(last),
    since: Number(since),
  }));
}
