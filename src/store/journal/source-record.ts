/** What a source sent in a period, counted where it lies: for commissioning, which asks about millions of objects. Nothing here changes anything. */
import { sql } from "kysely";
import { ScansealError } from "../../foundation/errors.ts";
import type { JudgedObject, ObjectState } from "./journal.ts";
import { listLimit } from "./journal-queries.ts";
import type { Database } from "./tables.ts";

/** A source in a period: by the time of receipt. */
export interface SourcePeriod {
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Objects alike in all of this. */
export interface SourceTally {
  readonly state: ObjectState;
  readonly verdict: string | undefined;
  readonly disposition: JudgedObject["disposition"];
  readonly mode: JudgedObject["mode"];
  readonly enforced: JudgedObject["enforced"];
  /** Code of the finding that decides (`causeOf`); undefined where nothing was found. */
  readonly cause: string | undefined;
  readonly objects: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** One kind of object of one sender, of those alike. */
export interface SourceKind extends Pick<SourceTally, "verdict" | "enforced" | "cause" | "objects"> {
  readonly sopClassUid: string;
  readonly modality: string | undefined;
  /** Calling AE title: a label. */
  readonly peerTitle: string;
  /** Device whose trusted seal was verified. */
  readonly sealedBy: string | undefined;
  /** Journal ids of the first and the last one. */
  readonly examples: readonly string[];
}

/** What one of them left in the journal. */
export type SourceSample = Pick<JudgedObject, "id" | "receivedAt" | "peerTitle" | "verdict" | "findings">;

/** A part of the journal. */
export interface SourceRecord {
  /** Every object that is a row of its own (`resent` is none), by what became of it. As many rows as there are verdicts, causes and states. */
  tallies(period: SourcePeriod): Promise<readonly SourceTally[]>;
  /** The same by what was sent, of what is admitted or held; most frequent first. @param limit 1 to 1,000 */
  kinds(period: SourcePeriod, limit: number): Promise<readonly SourceKind[]>;
  /** The newest ones with one of these causes or verdicts, but for those with more findings than a person reads. @param limit 1 to 1,000 */
  samples(
    period: SourcePeriod,
    like: { readonly verdicts: readonly string[]; readonly causes: readonly string[] },
    limit: number,
  ): Promise<readonly SourceSample[]>;
}

/** @param read runs one question, and makes its errors the journal's */
export function sourceRecord(read: <T>(query: (db: Database) => Promise<T>) => Promise<T>): SourceRecord {
  return {
    tallies: (period) => read((db) => sourceTallies(db, period)),
    kinds: (period, limit) => read((db) => sourceKinds(db, period, limit)),
    samples: (period, like, limit) => read((db) => sourceSamples(db, period, like, limit)),
  };
}

/**
 * A UUIDv7 begins with the time (RFC 9562 section 5.7), and an object's id is made when it is received: the index of sources by id is one by time.
 * @throws ScansealError `usage` for a time that no id can have
 */
function firstIdSince(since: number): string {
  if (!Number.isInteger(since) || since < 0 || since >= 2 ** 48)
    throw new ScansealError("usage", "not a time in milliseconds since 1970");
  const hex = since.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** A hostile object has up to a million characters of findings, and a thousand of them are read at once. */
const sampleCharactersMax = 1 << 16;

/** Of readers' objects, which an archive returned, `source` names the archive. */
const fromSender = sql<boolean>`arrival not like '%"returned":%'`;

function rowsOf(db: Database, { source, since }: SourcePeriod) {
  return db
    .selectFrom("objects")
    .where("source", "=", source)
    .where("id", ">=", firstIdSince(since))
    .where("state", "!=", "resent")
    .where(fromSender);
}

async function sourceTallies(db: Database, period: SourcePeriod): Promise<SourceTally[]> {
  if (period.source.includes("\0")) return [];
  const alike = ["state", "verdict", "disposition", "mode", "enforced", "cause"] as const;
  const rows = await rowsOf(db, period)
    .select((from) => [
      ...alike,
      from.fn.countAll<number>().as("objects"),
      from.fn.min("received_at").as("first_at"),
      from.fn.max("received_at").as("last_at"),
    ])
    .groupBy(alike)
    .execute();
  return rows
    .map(({ first_at, last_at, verdict, disposition, mode, enforced, cause, ...row }) => ({
      ...row,
      verdict: verdict ?? undefined,
      disposition: disposition ?? undefined,
      mode: mode ?? undefined,
      enforced: enforced ?? undefined,
      cause: cause ?? undefined,
      firstAt: first_at,
      lastAt: last_at,
    }))
    .sort((a, b) => b.objects - a.objects);
}

async function sourceKinds(db: Database, period: SourcePeriod, limit: number): Promise<SourceKind[]> {
  if (period.source.includes("\0")) return [];
  const kind = ["sop_class_uid", "modality", "peer_title", "sealed_by"] as const;
  const alike = ["verdict", "enforced", "cause", ...kind] as const;
  const rows = await rowsOf(db, period)
    .where("state", "in", ["admitted", "held"])
    .select((from) => [
      ...alike,
      from.fn.countAll<number>().as("objects"),
      from.fn.min("id").as("first_id"),
      from.fn.max("id").as("last_id"),
    ])
    .groupBy(alike)
    .orderBy("objects", "desc")
    .orderBy("first_id")
    .limit(listLimit(limit))
    .execute();
  return rows.map((row) => ({
    verdict: row.verdict ?? undefined,
    enforced: row.enforced ?? undefined,
    cause: row.cause ?? undefined,
    objects: row.objects,
    sopClassUid: row.sop_class_uid,
    modality: row.modality ?? undefined,
    peerTitle: row.peer_title,
    sealedBy: row.sealed_by ?? undefined,
    examples: [...new Set([row.first_id, row.last_id])],
  }));
}

async function sourceSamples(
  db: Database,
  period: SourcePeriod,
  { verdicts, causes }: { readonly verdicts: readonly string[]; readonly causes: readonly string[] },
  limit: number,
): Promise<SourceSample[]> {
  if (period.source.includes("\0") || verdicts.length + causes.length === 0) return [];
  const rows = await rowsOf(db, period)
    .select(["id", "received_at", "peer_title", "verdict", "findings"])
    .where(sql<boolean>`length(findings) <= ${sampleCharactersMax}`)
    .where((is) =>
      is.or([
        ...(verdicts.length > 0 ? [is("verdict", "in", verdicts)] : []),
        ...(causes.length > 0 ? [is("cause", "in", causes)] : []),
      ]),
    )
    .orderBy("id", "desc")
    .limit(listLimit(limit))
    .execute();
  return rows.map((row) => ({
    id: row.id,
    receivedAt: row.received_at,
    peerTitle: row.peer_title,
    verdict: row.verdict ?? undefined,
    findings: JSON.parse(row.findings) as SourceSample["findings"],
  }));
}
