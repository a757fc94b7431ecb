/** Objects as rows and back. What comes from the network is bounded here, before a database sees it. */
import type { Selectable } from "kysely";
import { ScansealError } from "../../foundation/errors.ts";
import { causeOf } from "./cause.ts";
import type { JudgedObject, Judgement, ReceivedObject, StoredFinding } from "./journal.ts";
import type { ObjectTable } from "./tables.ts";

export type ObjectRow = Selectable<ObjectTable>;

type JudgementColumn =
  | "judged_at"
  | "verdict"
  | "disposition"
  | "assurance"
  | "basis"
  | "mode"
  | "enforced"
  | "findings"
  | "cause";

/** UIDs and AE titles end at 64 and 16 characters, names of the configuration and people at 200; the rest is room for what peers get wrong. */
const textMax = 256;
/** Sentences: reasons and errors. */
export const sentenceMax: number = 2_000;
/** Of one object's findings as JSON: several thousand. More help nobody, and every list of objects carries them. */
const findingsMax = 1 << 20;
/** Of arrival facts, and of the detail of an act. */
export const jsonMax: number = 1 << 20;
/**
 * Of a spool location, which is ours: 80 characters for each half megabyte, more where many send at once. The object is acknowledged: a row that
 * is refused would keep all rows behind it out of the journal, and the next start from ending.
 */
const locationMax = 256 << 20;

const nul = /\0/;

/**
 * Text that both databases can keep: PostgreSQL refuses U+0000.
 * @throws ScansealError `usage`
 */
export function keptText(value: string, what: string, max: number = textMax): string {
  if (value.length > max) throw new ScansealError("usage", `${what} is longer than ${max} characters`);
  if (nul.test(value)) throw new ScansealError("usage", `${what} has a NUL character`);
  return value;
}

export function keptOptional(value: string | undefined, what: string, max?: number): string | null {
  return value === undefined ? null : keptText(value, what, max);
}

/** @throws ScansealError `usage` */
export function keptNumber(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new ScansealError("usage", `${what} is not a whole number`);
  return value;
}

/** @throws ScansealError `usage` */
export function keptJson(value: unknown, what: string, max: number = jsonMax): string {
  // JSON writes NUL as an escape.
  const text = JSON.stringify(value);
  if (text.length > max) throw new ScansealError("usage", `${what} is longer than ${max} characters`);
  return text;
}

/**
 * A value of the data set. One that cannot be kept is treated as one that could not be read: the object was acknowledged and must be
 * journalled whatever it says; the evidence judges the value itself.
 */
function ofDataSet(value: string | undefined): string | null {
  return value === undefined || value.length > textMax || nul.test(value) ? null : value;
}

/** @throws ScansealError `usage` when a value cannot be kept */
export function receivedRow(object: ReceivedObject): ObjectRow {
  if (!/^[0-9a-f]{64}$/.test(object.digest)) throw new ScansealError("usage", "not a SHA-256 in hexadecimal");
  return {
    id: keptText(object.id, "object id"),
    received_at: keptNumber(object.receivedAt, "time of receipt"),
    source: keptText(object.source, "source"),
    peer_title: keptText(object.peerTitle, "calling AE title"),
    peer_address: keptText(object.peerAddress, "peer address"),
    sop_class_uid: keptText(object.sopClassUid, "SOP class UID"),
    sop_instance_uid: keptText(object.sopInstanceUid, "SOP instance UID"),
    transfer_syntax_uid: keptText(object.transferSyntaxUid, "transfer syntax UID"),
    series_instance_uid: ofDataSet(object.seriesInstanceUid),
    study_instance_uid: ofDataSet(object.studyInstanceUid),
    modality: ofDataSet(object.modality),
    bytes: keptNumber(object.bytes, "length"),
    digest: object.digest,
    data_set_offset: keptNumber(object.dataSetOffset, "data set offset"),
    arrival: keptJson(object.arrival, "arrival facts"),
    location: keptJson(object.location, "spool location", locationMax),
    stored: 0,
    damaged: 0,
    kept_only: 0,
    ...notJudged,
    fence: 0,
  };
}

/** Columns of an object that waits to be judged (again). */
export const notJudged: Pick<
  ObjectRow,
  | JudgementColumn
  | "state"
  | "related_id"
  | "payload_digest"
  | "sealed_by"
  | "lease_owner"
  | "lease_until"
  | "attempts"
> = {
  state: "received",
  judged_at: null,
  verdict: null,
  disposition: null,
  assurance: null,
  basis: null,
  mode: null,
  enforced: null,
  findings: "[]",
  cause: null,
  related_id: null,
  payload_digest: null,
  sealed_by: null,
  lease_owner: null,
  lease_until: null,
  attempts: 0,
};

/** What a judgement says, as columns; the lease is given back. @throws ScansealError `usage` */
export function judgedColumns(
  judgement: Judgement,
): Pick<ObjectRow, JudgementColumn | "payload_digest" | "sealed_by" | "lease_owner" | "lease_until"> {
  return {
    judged_at: keptNumber(judgement.judgedAt, "time of judgement"),
    verdict: keptOptional(judgement.verdict, "verdict"),
    disposition: judgement.disposition,
    assurance: keptOptional(judgement.assurance, "assurance"),
    basis: keptOptional(judgement.basis, "basis"),
    mode: judgement.mode,
    enforced: judgement.enforced,
    findings: keptFindings(judgement.findings),
    cause: causeOf(judgement.findings)?.code ?? null,
    payload_digest: keptOptional(judgement.payloadDigest, "payload digest"),
    sealed_by: keptOptional(judgement.sealedBy, "device"),
    lease_owner: null,
    lease_until: null,
  };
}

/** A hostile object must not be able to stay unjudged by having too much wrong with it: the first findings are kept, and a note of the rest. */
function keptFindings(findings: readonly StoredFinding[]): string {
  const whole = JSON.stringify(findings);
  if (whole.length <= findingsMax) return whole;
  const parts: string[] = [];
  let length = 0;
  for (const finding of findings) {
    const part = JSON.stringify(finding);
    if (length + part.length + 1 > findingsMax) continue;
    parts.push(part);
    length += part.length + 1;
  }
  const rest: StoredFinding = {
    code: "findings-shortened",
    severity: "info",
    layer: "journal",
    location: {},
    message: "More was found than is listed.",
    detail: `${findings.length - parts.length} findings are not kept`,
  };
  return `[${[...parts, JSON.stringify(rest)].join()}]`;
}

export function objectOf(row: ObjectRow): JudgedObject {
  return {
    id: row.id,
    receivedAt: row.received_at,
    source: row.source,
    peerTitle: row.peer_title,
    peerAddress: row.peer_address,
    sopClassUid: row.sop_class_uid,
    sopInstanceUid: row.sop_instance_uid,
    transferSyntaxUid: row.transfer_syntax_uid,
    seriesInstanceUid: row.series_instance_uid ?? undefined,
    studyInstanceUid: row.study_instance_uid ?? undefined,
    modality: row.modality ?? undefined,
    bytes: row.bytes,
    digest: row.digest,
    dataSetOffset: row.data_set_offset,
    arrival: JSON.parse(row.arrival) as JudgedObject["arrival"],
    location: row.location === null ? undefined : (JSON.parse(row.location) as JudgedObject["location"]),
    stored: row.stored === 1,
    state: row.state,
    judgedAt: row.judged_at ?? undefined,
    verdict: row.verdict ?? undefined,
    disposition: row.disposition ?? undefined,
    assurance: row.assurance ?? undefined,
    basis: row.basis ?? undefined,
    mode: row.mode ?? undefined,
    enforced: row.enforced ?? undefined,
    findings: JSON.parse(row.findings) as JudgedObject["findings"],
    relatedId: row.related_id ?? undefined,
  };
}
