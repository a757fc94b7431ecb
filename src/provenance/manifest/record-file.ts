/** A record as a file, to hand it to another site: spec/records.md. Strict and bounded; nothing in it is believed for being there. */
import { type Bytes, fromBase64, fromLatin1, toBase64, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { decodeEnvelope } from "./envelope.ts";
import { type DetachedRecord, type RecordSubject, recordKinds, subjectKinds } from "./record.ts";
import { arrayAt, badField, objectAt, oneOf, textAt } from "./statement-fields.ts";
import { type JsonValue, parseJson } from "./strict-json.ts";

const format = "scanseal-record-1";
/** A leaf table of 16 MiB and its envelope, in base64, and the names of what it is about. */
export const recordFileBytesMax: number = 24 << 20;
/** A study manifest names its series; a correction its instances. */
const subjectsMax = 10_000;
const namePattern = /^[!-~]([ -~]{0,126}[!-~])?$/;
const base64Pattern = /^[0-9A-Za-z+/=]*$/;

export interface ExchangedRecord {
  readonly record: DetachedRecord;
  /** What it is said to be about: where the receiving site files it. */
  readonly subjects: readonly RecordSubject[];
}

/** @throws ScansealError `limit-length`, `seal-structure` */
export function encodeRecordFile({ record, subjects }: ExchangedRecord): Bytes {
  const bytes = fromLatin1(JSON.stringify(documentOf(record, subjects)));
  if (bytes.length > recordFileBytesMax)
    throw new ScansealError("limit-length", "the record is too long for a file");
  return bytes;
}

function documentOf(
  { kind, envelope, opening }: Omit<DetachedRecord, "digest">,
  subjects: readonly RecordSubject[],
): JsonValue {
  return {
    format,
    kind,
    subjects: subjects.map((subject) => ({ kind: subject.kind, name: subject.name })),
    envelope: toBase64(envelope),
    opening: toBase64(opening),
  };
}

/** The record's name is computed, never read. @throws ScansealError `seal-structure` */
export function decodeRecordFile(bytes: Bytes, crypto: Crypto): ExchangedRecord {
  if (bytes.length > recordFileBytesMax) badField("length");
  const { text: written, value: document } = parseJson(bytes);
  const file = objectAt({ file: document }, "file");
  const subjects = arrayAt(file, "subjects", subjectsMax).map((value): RecordSubject => {
    const subject = objectAt({ subject: value }, "subject");
    return { kind: oneOf(subject, "kind", subjectKinds), name: textAt(subject, "name", namePattern) };
  });
  const kind = oneOf(file, "kind", recordKinds);
  const envelope = bytesAt(textAt(file, "envelope", base64Pattern));
  const opening = bytesAt(textAt(file, "opening", base64Pattern));
  if (subjects.length === 0) badField("subjects");
  if (written !== JSON.stringify(documentOf({ kind, envelope, opening }, subjects))) badField("encoding");
  const digest = toHex(crypto.hash("SHA-256", decodeEnvelope(envelope).payload));
  return { record: { kind, digest, envelope, opening }, subjects };
}

function bytesAt(text: string): Bytes {
  try {
    return fromBase64(text);
  } catch {
    badField("base64");
  }
}
