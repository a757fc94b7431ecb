/** The header of a spool record: all that a journal row needs, so that recovery can make the row that a crash prevented. */
import { type Bytes, tryUtf8, utf8 } from "../../foundation/bytes.ts";
import type { ReceivedObject } from "../../store/journal/journal.ts";
import type { SpoolLocation } from "../../store/spool/spool.ts";

const format = "scanseal-spool-1";

export type SpoolHeader =
  | { readonly kind: "received"; readonly object: Omit<ReceivedObject, "location"> }
  /** Sealed here: without its row, the original has its own still, and is sealed again. */
  | { readonly kind: "sealed"; readonly object: Omit<ReceivedObject, "location"> }
  /** A copy made to be examined again; the object lives in the object store. */
  | { readonly kind: "copy" };

export function encodeHeader(header: SpoolHeader): Bytes {
  return utf8(JSON.stringify({ format, ...header }));
}

/** Undefined for what this software did not write. The record's digest was checked before. */
export function decodeHeader(bytes: Bytes): SpoolHeader | undefined {
  const text = tryUtf8(bytes);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as SpoolHeader & { format?: unknown };
    if (value?.format !== format) return undefined;
    if (value.kind === "copy") return { kind: "copy" };
    const isOfObject = value.kind === "received" || value.kind === "sealed";
    return isOfObject && typeof value.object?.id === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

export function receivedFrom(
  object: Omit<ReceivedObject, "location">,
  location: SpoolLocation,
): ReceivedObject {
  return { ...object, location };
}
