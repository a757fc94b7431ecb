/** Whatever a database throws, as the project's error: never a value, because values come from hostile objects. */
import { ScansealError } from "../../foundation/errors.ts";

/** SQLITE_FULL: no space, or max_page_count. https://www.sqlite.org/rescode.html */
const sqliteFull = 13;
/** disk_full, https://www.postgresql.org/docs/current/errcodes-appendix.html */
const postgresFull = "53100";

interface DatabaseFault {
  readonly code?: unknown;
  /** node:sqlite: the extended result code and its fixed English text. */
  readonly errcode?: unknown;
  readonly errstr?: unknown;
}

/** The cause is left out: PostgreSQL's errors carry the values of a row in their details. */
export function databaseError(error: unknown): ScansealError {
  if (error instanceof ScansealError) return error;
  const { code, errcode, errstr } = (
    typeof error === "object" && error !== null ? error : {}
  ) as DatabaseFault;
  if (typeof errcode === "number") {
    const text = typeof errstr === "string" ? `: ${errstr}` : "";
    return (errcode & 0xff) === sqliteFull
      ? new ScansealError("storage-full", "the journal's database has no space left")
      : new ScansealError("io", `the journal's database failed (SQLite ${errcode}${text})`);
  }
  if (code === postgresFull)
    return new ScansealError("storage-full", "the journal's database has no space left");
  // A SQLSTATE, or what the system says about the connection (ECONNREFUSED, ...).
  const known = typeof code === "string" && /^[A-Z0-9_]{2,40}$/.test(code) ? code : nameOf(error);
  return new ScansealError("io", `the journal's database failed (${known})`);
}

/** serialization_failure and deadlock_detected: nothing was written, and the same transaction may well succeed. */
export function isTransient(error: unknown): boolean {
  const { code } = (typeof error === "object" && error !== null ? error : {}) as DatabaseFault;
  return code === "40001" || code === "40P01";
}

function nameOf(error: unknown): string {
  return error instanceof Error && /^[A-Za-z]{1,40}$/.test(error.name) ? error.name : "unknown";
}
