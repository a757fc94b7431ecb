/** JSON from strangers: parsed here, validated field by field, and compared with its own re-serialisation by the caller. */
import { type Bytes, latin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export interface JsonDocument {
  readonly text: string;
  readonly value: JsonValue;
}

/**
 * Our documents are printable ASCII. Duplicate keys are not seen here (the last wins): callers compare the bytes with what they would write.
 * @throws ScansealError `seal-structure`
 */
export function parseJson(bytes: Bytes): JsonDocument {
  for (let i = 0; i < bytes.length; i++) {
    const b = bytes[i]!;
    if (b < 0x20 || b > 0x7e) throw new ScansealError("seal-structure", "manifest: not printable ASCII");
  }
  try {
    const text = latin1(bytes);
    return { text, value: JSON.parse(text) as JsonValue };
  } catch {
    // The parser's message may quote the input.
    throw new ScansealError("seal-structure", "manifest: not JSON");
  }
}

export function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
