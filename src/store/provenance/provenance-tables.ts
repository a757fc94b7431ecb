/** Tables of a site's provenance. Bytes are base64, digests hexadecimal, times integer milliseconds. */
import { sql } from "kysely";
import type { Database, Engine } from "../journal/tables.ts";

/** What this site sealed. */
export interface SealTable {
  payload_digest: string;
  sop_instance_uid: string;
  series_instance_uid: string;
  study_instance_uid: string;
  device: string;
  key_fingerprint: string;
  key_epoch: string;
  counter: number;
  sealed_at: number;
  instance_number: number | null;
  /** The log entry that names it; null until its series batch is queued. */
  queue_id: string | null;
  /** Of the envelope's first signature: what time stamps are over. */
  signature: string;
  /** The signer's certificate, DER. */
  certificate: string;
}

export interface RecordTable {
  digest: string;
  kind: string;
  created_at: number;
  envelope: string;
  opening: string;
}

export interface RecordSubjectTable {
  kind: string;
  name: string;
  digest: string;
  created_at: number;
}

export interface LateEvidenceTable {
  /** SHA-256 of type and bytes. */
  id: string;
  payload_digest: string;
  type: string;
  bytes: string;
  added_at: number;
}

/** Which manifests were seen, and under which number of which key. */
export interface SightingTable {
  payload_digest: string;
  key_fingerprint: string;
  key_epoch: string;
  counter: number;
  first_seen_at: number;
}

/** What is to be logged, and what became of it. */
export interface LogQueueTable {
  id: string;
  kind: string;
  /** 32 bytes. */
  salt: string;
  content: string;
  /** One line for people: never a patient's. */
  summary: string;
  queued_at: number;
  /** Size of the log before it was first appended, and when: an answer may have been lost. Null: never tried. */
  tried_from: number | null;
  tried_at: number | null;
  /** Null until the log has it. */
  origin: string | null;
  entry_index: number | null;
  /** A proof of `c2sp.org/tlog-proof@v1`; null until its checkpoint is published. */
  proof: string | null;
}

export async function provenanceTables(db: Database, engine: Engine): Promise<void> {
  const text = engine === "postgres" ? sql`text collate "C"` : sql`text`;
  const whole = engine === "postgres" ? sql`bigint` : sql`integer`;
  const statements = [
    sql`create table seals (payload_digest ${text} not null primary key, sop_instance_uid ${text} not null,
      series_instance_uid ${text} not null, study_instance_uid ${text} not null, device ${text} not null,
      key_fingerprint ${text} not null, key_epoch ${text} not null, counter ${whole} not null, sealed_at ${whole} not null,
      instance_number ${whole}, queue_id ${text}, signature ${text} not null, certificate ${text} not null,
      unique (key_fingerprint, key_epoch, counter))`,
    sql`create index seals_series on seals (series_instance_uid, counter)`,
    sql`create index seals_study on seals (study_instance_uid)`,
    sql`create index seals_instance on seals (sop_instance_uid)`,
    sql`create index seals_unlogged on seals (series_instance_uid, sealed_at) where queue_id is null`,
    sql`create index seals_queue on seals (queue_id) where queue_id is not null`,
    sql`create table records (digest ${text} not null primary key, kind ${text} not null, created_at ${whole} not null,
      envelope ${text} not null, opening ${text} not null)`,
    sql`create table record_subjects (kind ${text} not null, name ${text} not null,
      digest ${text} not null references records (digest), created_at ${whole} not null, primary key (kind, name, digest))`,
    sql`create table late_evidence (id ${text} not null primary key, payload_digest ${text} not null, type ${text} not null,
      bytes ${text} not null, added_at ${whole} not null)`,
    sql`create index late_evidence_payload on late_evidence (payload_digest)`,
    sql`create table sightings (payload_digest ${text} not null primary key, key_fingerprint ${text} not null,
      key_epoch ${text} not null, counter ${whole} not null, first_seen_at ${whole} not null)`,
    sql`create index sightings_number on sightings (key_fingerprint, key_epoch, counter)`,
    sql`create table log_queue (id ${text} not null primary key, kind ${text} not null, salt ${text} not null, content ${text} not null,
      summary ${text} not null, queued_at ${whole} not null,
      tried_from ${whole}, tried_at ${whole}, origin ${text}, entry_index ${whole}, proof ${text})`,
    sql`create index log_queue_open on log_queue (queued_at) where proof is null`,
  ];
  for (const statement of statements) await statement.execute(db);
}
