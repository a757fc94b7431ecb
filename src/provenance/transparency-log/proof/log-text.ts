/** Words and lines of the log's text formats, read strictly: one value has one text. */
import { type Bytes, fromBase64, toBase64 } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";

/** SHA-256. */
export const hashBytes = 32;

/** @throws ScansealError `log-structure` */
export function malformed(what: string): never {
  throw new ScansealError("log-structure", what);
}

/** Decimal, without leading zeros, at most 2^53 - 1; undefined for anything else. */
export function decimalOf(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Canonical base64, or undefined. */
export function tryBase64(text: string): Bytes | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}

/** A hash in base64 is 44 characters. */
export function hashOf(line: string): Bytes | undefined {
  const hash = line.length === 44 ? tryBase64(line) : undefined;
  return hash?.length === hashBytes ? hash : undefined;
}

export function hashLines(hashes: readonly Bytes[]): string {
  return hashes.map((hash) => `${toBase64(hash)}\n`).join("");
}
