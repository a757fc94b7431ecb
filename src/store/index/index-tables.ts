/** Tables of the index. Times are integer milliseconds, dates and times of DICOM normalised texts, "" where there is none. */
import { sql } from "kysely";
import type { Database, Engine } from "../journal/tables.ts";

/** Of the study's best proven instance, and of these the oldest: `rankOf`. */
export interface IndexStudyTable {
  study_instance_uid: string;
  patient_key: string;
  patient_id: string;
  /** Folded, a column for each component group. */
  patient_name: string;
  patient_name_ideographic: string;
  patient_name_phonetic: string;
  study_date: string;
  study_time: string;
  accession_number: string;
  study_description: string;
  referring_name: string;
  referring_name_ideographic: string;
  referring_name_phonetic: string;
  study_id: string;
  /** JSON: attributes of patient and study. */
  attributes: string;
  /** Of these attributes. */
  print: string;
  /** Instances whose print is another. */
  differing: number;
  /** That instance. */
  base_rank: number;
  base_at: number;
  base_uid: string;
}

/** Of the series' best proven, then oldest instance. One series UID in two studies is two series. */
export interface IndexSeriesTable {
  no: number;
  series_instance_uid: string;
  study_instance_uid: string;
  modality: string;
  series_number: number;
  series_description: string;
  body_part_examined: string;
  performed_date: string;
  attributes: string;
  print: string;
  differing: number;
  base_rank: number;
  base_at: number;
  base_uid: string;
  instances: number;
  /** What its instances' attributes are compressed against; it stays for as long as the series. */
  template: Uint8Array;
}

export interface IndexInstanceTable {
  sop_instance_uid: string;
  series_no: number;
  sop_class_uid: string;
  transfer_syntax_uid: string;
  object_id: string;
  digest: string;
  payload_digest: string | null;
  verdict: string;
  basis: string;
  assurance: string | null;
  admitted_at: number;
  proof_rank: number;
  instance_number: number;
  frames: number | null;
  image_rows: number | null;
  image_columns: number | null;
  study_print: string;
  series_print: string;
  attributes: Uint8Array;
}

/** Admitted objects that are not in the index yet. */
export interface IndexQueueTable {
  object_id: string;
  /** Raw deflate of JSON, as the examiner read them; null: to be read from the kept bytes. */
  attributes: Uint8Array | null;
  /** Of its trusted seal; null: what the journal has. */
  payload_digest: string | null;
  /** Why it cannot be put there; null while it waits. */
  problem: string | null;
}

/** The place of what has no number: last. */
export const noNumber: number = 2 ** 31;

export async function indexTables(db: Database, engine: Engine): Promise<void> {
  const text = sql.raw(engine === "postgres" ? `text collate "C" not null` : "text not null");
  const optional = sql.raw(engine === "postgres" ? `text collate "C"` : "text");
  const whole = sql.raw(engine === "postgres" ? "bigint" : "integer");
  const bytes = sql.raw(engine === "postgres" ? "bytea" : "blob");
  const statements = [
    sql`create table index_studies (study_instance_uid ${text} primary key, patient_key ${text}, patient_id ${text},
      patient_name ${text}, patient_name_ideographic ${text}, patient_name_phonetic ${text},
      study_date ${text}, study_time ${text}, accession_number ${text}, study_description ${text},
      referring_name ${text}, referring_name_ideographic ${text}, referring_name_phonetic ${text}, study_id ${text},
      attributes ${text}, print ${text}, differing ${whole} not null, base_rank ${whole} not null, base_at ${whole} not null, base_uid ${text})`,
    sql`create index index_studies_order on index_studies (study_date desc, study_instance_uid)`,
    sql`create index index_studies_patient on index_studies (patient_key, base_rank, base_at, study_instance_uid)`,
    sql`create index index_studies_id on index_studies (patient_id)`,
    sql`create index index_studies_name on index_studies (patient_name)`,
    sql`create index index_studies_accession on index_studies (accession_number)`,
    sql`create table index_series (no ${whole} not null primary key, series_instance_uid ${text}, study_instance_uid ${text},
      modality ${text}, series_number ${whole} not null, series_description ${text}, body_part_examined ${text}, performed_date ${text},
      attributes ${text}, print ${text}, differing ${whole} not null, base_rank ${whole} not null, base_at ${whole} not null, base_uid ${text},
      instances ${whole} not null, template ${bytes} not null, unique (series_instance_uid, study_instance_uid))`,
    sql`create index index_series_order on index_series (study_instance_uid, series_number, series_instance_uid)`,
    sql`create table index_instances (sop_instance_uid ${text} primary key, series_no ${whole} not null references index_series (no),
      sop_class_uid ${text}, transfer_syntax_uid ${text}, object_id ${text}, digest ${text}, payload_digest ${optional},
      verdict ${text}, basis ${text}, assurance ${optional}, admitted_at ${whole} not null, proof_rank ${whole} not null, instance_number ${whole} not null,
      frames ${whole}, image_rows ${whole}, image_columns ${whole}, study_print ${text}, series_print ${text}, attributes ${bytes} not null)`,
    sql`create index index_instances_order on index_instances (series_no, instance_number, sop_instance_uid)`,
    sql`create table index_queue (object_id ${text} primary key references objects (id), attributes ${bytes}, payload_digest ${optional}, problem ${optional})`,
    sql`create index index_queue_waiting on index_queue (object_id) where problem is null`,
  ];
  for (const statement of statements) await statement.execute(db);
}
