/** Container xx01: what is known only after sealing (spec/seal-containers.md). The list is strict: nothing can be hidden in it. */
import { type Bytes, concatBytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** Of each type, in this order. What an entry holds is checked where it is used; one that proves nothing is a finding. */
export const lateEntryTypes = ["time-stamp", "log-proof", "revocation-status"] as const;
export type LateEntryType = (typeof lateEntryTypes)[number];

export interface LateEntry {
  readonly type: LateEntryType;
  /**
   * time-stamp: an RFC 3161 TimeStampToken (DER) over SHA-256 of the envelope's first signature.
   * log-proof: spec/transparency-log.md, "Proof of a seal". revocation-status: an OCSPResponse (RFC 6960, DER) for the envelope's first certificate.
   */
  readonly bytes: Bytes;
}

const version = 1;
/** u8 version, u16 number of entries; an entry is u8 type, u32 length, bytes. */
const headerBytes = 3;
const entryHeadBytes = 5;
/** A stamp and its renewals, proofs of two logs. */
const entriesMax = 16;
const lateEvidenceBytesMax = 65_536;

/** Entries in any order; they are written by type. @throws ScansealError `limit-length` for more than 16 or than 64 KiB */
export function encodeLateEvidence(entries: readonly LateEntry[]): Bytes {
  const sorted = [...entries].sort((a, b) => typeNumber(a.type) - typeNumber(b.type));
  const head = new Uint8Array(headerBytes);
  head[0] = version;
  viewOf(head).setUint16(1, sorted.length, true);
  const parts = sorted.flatMap(({ type, bytes }) => {
    const entryHead = new Uint8Array(entryHeadBytes);
    entryHead[0] = typeNumber(type);
    viewOf(entryHead).setUint32(1, bytes.length, true);
    return [entryHead, bytes];
  });
  const out = concatBytes([head, ...parts]);
  if (sorted.length > entriesMax || out.length > lateEvidenceBytesMax)
    throw new ScansealError("limit-length", "too much late evidence for its container");
  return out;
}

/** @throws ScansealError `seal-structure` for anything but a list of known, non-empty entries, ascending by type */
export function decodeLateEvidence(bytes: Bytes): LateEntry[] {
  const view = viewOf(bytes);
  if (bytes.length < headerBytes || bytes.length > lateEvidenceBytesMax || bytes[0] !== version) unknown();
  const count = view.getUint16(1, true);
  if (count > entriesMax) unknown();
  const entries: LateEntry[] = [];
  let at = headerBytes;
  let lowest = 1;
  for (let n = 0; n < count; n++) {
    if (at + entryHeadBytes > bytes.length) unknown();
    const number = bytes[at]!;
    const length = view.getUint32(at + 1, true);
    const type = lateEntryTypes[number - 1];
    at += entryHeadBytes;
    if (type === undefined || number < lowest || length === 0 || length > bytes.length - at) unknown();
    lowest = number;
    entries.push({ type, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  if (at !== bytes.length) unknown();
  return entries;
}

function typeNumber(type: LateEntryType): number {
  return lateEntryTypes.indexOf(type) + 1;
}

function unknown(): never {
  throw new ScansealError("seal-structure", "late evidence of an unknown form");
}
