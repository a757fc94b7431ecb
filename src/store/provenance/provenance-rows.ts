/** Rows of a site's provenance, and what they say. */
import type { Selectable } from "kysely";
import { fromBase64, toBase64 } from "../../foundation/bytes.ts";
import { keptText } from "../journal/object-rows.ts";
import type { KeptRecord, KeyNumber, QueuedEntry, SealRecord } from "./provenance-journal.ts";
import type { LogQueueTable, RecordTable, SealTable, SightingTable } from "./provenance-tables.ts";

export function rowOfSeal(seal: SealRecord): SealTable {
  return {
    payload_digest: seal.payloadDigest,
    sop_instance_uid: keptText(seal.sopInstanceUid, "a UID"),
    series_instance_uid: keptText(seal.seriesInstanceUid, "a UID"),
    study_instance_uid: keptText(seal.studyInstanceUid, "a UID"),
    device: keptText(seal.device, "a device's name"),
    key_fingerprint: seal.keyFingerprint,
    key_epoch: keptText(seal.keyEpoch, "a key epoch"),
    counter: seal.counter,
    sealed_at: seal.sealedAt,
    instance_number: seal.instanceNumber ?? null,
    queue_id: null,
    signature: toBase64(seal.signature),
    certificate: toBase64(seal.certificate),
  };
}

export function rowOfSighting(payloadDigest: string, number: KeyNumber, at: number): SightingTable {
  return {
    payload_digest: payloadDigest,
    key_fingerprint: number.keyFingerprint,
    key_epoch: keptText(number.keyEpoch, "a key epoch"),
    counter: number.counter,
    first_seen_at: at,
  };
}

export function sealOf(row: Selectable<SealTable>): SealRecord {
  return {
    payloadDigest: row.payload_digest,
    sopInstanceUid: row.sop_instance_uid,
    seriesInstanceUid: row.series_instance_uid,
    studyInstanceUid: row.study_instance_uid,
    device: row.device,
    keyFingerprint: row.key_fingerprint,
    keyEpoch: row.key_epoch,
    counter: row.counter,
    sealedAt: row.sealed_at,
    ...(row.instance_number === null ? {} : { instanceNumber: Number(row.instance_number) }),
    signature: fromBase64(row.signature),
    certificate: fromBase64(row.certificate),
  };
}

export function recordOf(row: Selectable<RecordTable>): KeptRecord {
  const { digest, kind, envelope, opening } = row;
  return { digest, kind, envelope: fromBase64(envelope), opening: fromBase64(opening) };
}

export function entryOf(row: Selectable<LogQueueTable>): QueuedEntry {
  const { id, kind, salt, content, summary, queued_at, tried_from, tried_at, origin, entry_index, proof } =
    row;
  return {
    id,
    kind,
    salt: fromBase64(salt),
    content: fromBase64(content),
    summary,
    queuedAt: queued_at,
    ...(tried_from === null || tried_at === null ? {} : { tried: { from: tried_from, at: tried_at } }),
    ...(origin === null ? {} : { origin }),
    ...(entry_index === null ? {} : { index: entry_index }),
    ...(proof === null ? {} : { proof }),
  };
}
