/** The journal's tables, as kysely sees them. Times are integer milliseconds, truth is 0 or 1, JSON is text. */
import type { Kysely } from "kysely";
import type {
  IndexInstanceTable,
  IndexQueueTable,
  IndexSeriesTable,
  IndexStudyTable,
} from "../index/index-tables.ts";
import type { LogBatchTable, LogTable, WitnessedTable } from "../log-journal/log-tables.ts";
import type {
  LateEvidenceTable,
  LogQueueTable,
  RecordSubjectTable,
  RecordTable,
  SealTable,
  SightingTable,
} from "../provenance/provenance-tables.ts";
import type { CommitmentAskTable, CommitmentPolicyTable, CommitmentTable } from "./commitment-tables.ts";
import type { CopyPolicyTable, CopyTable } from "./copy-tables.ts";
import type { DeliveryState, JudgedObject, ObjectState } from "./journal.ts";
import type { QuarantineRequest } from "./requests.ts";

export interface LeaseColumns {
  /** Null: nobody has it. */
  lease_owner: string | null;
  lease_until: number | null;
  fence: number;
  attempts: number;
}

export interface ObjectTable extends LeaseColumns {
  id: string;
  received_at: number;
  source: string;
  peer_title: string;
  peer_address: string;
  sop_class_uid: string;
  sop_instance_uid: string;
  transfer_syntax_uid: string;
  series_instance_uid: string | null;
  study_instance_uid: string | null;
  modality: string | null;
  bytes: number;
  digest: string;
  data_set_offset: number;
  arrival: string;
  location: string | null;
  stored: number;
  state: ObjectState;
  judged_at: number | null;
  verdict: string | null;
  disposition: NonNullable<JudgedObject["disposition"]> | null;
  assurance: string | null;
  basis: string | null;
  mode: NonNullable<JudgedObject["mode"]> | null;
  enforced: NonNullable<JudgedObject["enforced"]> | null;
  findings: string;
  related_id: string | null;
  payload_digest: string | null;
  sealed_by: string | null;
  /** 1: its kept bytes are not what was acknowledged. */
  damaged: number;
  /** 1: admitted while there was no archive, and nobody had it sent since. */
  kept_only: number;
  /** Code of the finding that decides; null where nothing was found, or nobody looked yet. */
  cause: string | null;
}

/** At most one object for each SOP Instance UID: the primary key says so. */
export interface AdmittedTable {
  sop_instance_uid: string;
  object_id: string;
  digest: string;
  payload_digest: string | null;
}

export interface SealedStudyTable {
  study_instance_uid: string;
  source: string;
}

/** Digests whose bytes were given out for deletion, and when. */
export interface PurgeTable {
  digest: string;
  purged_at: number;
  /** 1: the gateway is to delete them, and has not said that it did. */
  pending: number;
}

/** How many rows there are, kept by triggers: a state's count is the sum over its shards. */
export interface TallyTable {
  /** "objects", "deliveries" or "copies". */
  of_table: string;
  /** Of deliveries the destination. */
  name: string;
  /** Of copies what is counted: "objects" or "bytes". */
  state: string;
  shard: number;
  amount: number;
}

export interface DeliveryTable extends LeaseColumns {
  id: string;
  object_id: string;
  destination: string;
  state: DeliveryState;
  next_attempt_at: number;
  created_at: number;
  delivered_at: number | null;
  last_error: string | null;
  released: number;
}

export interface ActTable {
  id: string;
  at: number;
  actor: string;
  act: string;
  subject: string;
  detail: string;
}

export interface RequestTable {
  id: string;
  act: QuarantineRequest["act"];
  object_ids: string;
  reason: string;
  requested_by: string;
  requested_at: number;
  destination: string | null;
  state: QuarantineRequest["state"];
  approved_by: string | null;
  approved_at: number | null;
  /** JSON: names. */
  readers: string | null;
  /** After the approval. */
  readable_ms: number | null;
}

export interface Tables {
  objects: ObjectTable;
  admitted: AdmittedTable;
  sealed_studies: SealedStudyTable;
  purges: PurgeTable;
  tallies: TallyTable;
  copies: CopyTable;
  copy_policy: CopyPolicyTable;
  commitments: CommitmentTable;
  commitment_asks: CommitmentAskTable;
  commitment_policy: CommitmentPolicyTable;
  deliveries: DeliveryTable;
  acts: ActTable;
  requests: RequestTable;
  logs: LogTable;
  log_batches: LogBatchTable;
  witnessed: WitnessedTable;
  seals: SealTable;
  records: RecordTable;
  record_subjects: RecordSubjectTable;
  late_evidence: LateEvidenceTable;
  sightings: SightingTable;
  log_queue: LogQueueTable;
  index_studies: IndexStudyTable;
  index_series: IndexSeriesTable;
  index_instances: IndexInstanceTable;
  index_queue: IndexQueueTable;
  journal_version: { version: number };
}

export type Database = Kysely<Tables>;
export type Engine = "sqlite" | "postgres";

/** More are asked for in pieces: SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535. */
export const idsPerStatement = 500;

export function pieces<T>(items: readonly T[], size: number): T[][] {
  const out: T[][] = [];
  for (let at = 0; at < items.length; at += size) out.push(items.slice(at, at + size));
  return out;
}
