/** Fields of our statements, read strictly: what is missing, or of another form, is refused with its name. */
import { ScansealError } from "../../foundation/errors.ts";
import { isArray, isObject, type JsonValue } from "./strict-json.ts";

export type JsonObject = { readonly [key: string]: JsonValue };

export const sha256Pattern: RegExp = /^[0-9a-f]{64}$/;
/** A name for people. */
export const labelPattern: RegExp = /^[ -~]{1,64}$/;
export const epochPattern: RegExp = /^[0-9A-Za-z._-]{1,64}$/;
export const wordPattern: RegExp = /^[a-z0-9-]{1,64}$/;
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export function badField(where: string): never {
  throw new ScansealError("seal-structure", `manifest: ${where} is not as specified`);
}

export function objectAt(parent: JsonValue | undefined, key: string): JsonObject {
  const value = isObject(parent) ? parent[key] : undefined;
  return isObject(value) ? value : badField(key);
}

/** @param max entries */
export function arrayAt(parent: JsonObject, key: string, max: number): readonly JsonValue[] {
  const value = parent[key];
  return isArray(value) && value.length <= max ? value : badField(key);
}

export function textAt(parent: JsonObject, key: string, pattern: RegExp): string {
  const value = parent[key];
  return typeof value === "string" && pattern.test(value) ? value : badField(key);
}

export function oneOf<T extends string>(parent: JsonObject, key: string, allowed: readonly T[]): T {
  return allowed.find((value) => value === parent[key]) ?? badField(key);
}

/** Not negative. */
export function integerAt(parent: JsonObject, key: string): number {
  const value = parent[key];
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : badField(key);
}

export function flagAt(parent: JsonObject, key: string): boolean {
  const value = parent[key];
  return typeof value === "boolean" ? value : badField(key);
}

/** 2026-01-31T23:59:59.123Z, of a day that exists. */
export function timeAt(parent: JsonObject, key: string): string {
  const value = textAt(parent, key, timePattern);
  // A day that does not exist is carried over; of an hour that does not, Date makes nothing or the next day.
  return new Date(Date.parse(value)).getUTCDate() === Number(value.slice(8, 10)) ? value : badField(key);
}
