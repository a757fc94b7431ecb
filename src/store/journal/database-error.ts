/** Whatever a database throws, as the project's error: never a value, because values come from hostile objects. */
import { ScansealError } from "../../foundation/errors.ts";

/** disk_full, https://www.postgresql.org/docs/current/errcodes-appendix.html */
const postgresFull = "53100";

interface DatabaseFault {
  readonly code?: unknown;
  /** node:sqlite: the extended result code and its fixed English text. */
  readonly errcode?: unknown;
  readonly errstr?: unknown;
}

/** Primary result codes, https://www.sqlite.org/rescode.html: what somebody can do about them. */
const sqliteSentences: ReadonlyMap<number, string> = new Map([
  [5, "another process holds the journal's database for too long"],
  [8, "the journal's database cannot be written: the file, its folder or the disk is read-only"],
  [10, "the disk of the journal's database fails: it could not be read or written"],
  [11, "the journal's database is damaged: restore it from a backup"],
  [14, "the journal's database cannot be opened: its folder is missing or not ours"],
  [26, "the journal's file is no database"],
]);
const sqliteFull = 13;
const sqliteConstraint = 19;

/** SQLSTATE, and what the system says of the connection: what somebody can do about them. */
const postgresSentences: ReadonlyMap<string, string> = new Map([
  ["3D000", "the journal's database does not exist on that server: create it"],
  ["28P01", "the database server does not accept the user's password"],
  ["28000", "the database server does not let this user in: see its pg_hba.conf"],
  ["42501", "the database user has no permission for this: it must own the journal's database"],
  ["53300", "the database server has too many connections"],
  ["57P01", "the database server ended the connection: it is shut down or restarted"],
  ["57P03", "the database server is starting or stopping: try again"],
  ["ECONNREFUSED", "no database server listens there"],
  ["ENOTFOUND", "the name of the database server cannot be resolved"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "the certificate of the database server is not trusted"],
]);

/** The cause is left out: PostgreSQL's errors carry the values of a row in their details. */
export function databaseError(error: unknown): ScansealError {
  if (error instanceof ScansealError) return error;
  const { code, errcode, errstr } = (
    typeof error === "object" && error !== null ? error : {}
  ) as DatabaseFault;
  if (typeof errcode === "number") return sqliteError(errcode, errstr);
  if (code === postgresFull)
    return new ScansealError("storage-full", "the journal's database has no space left");
  // A SQLSTATE, or what the system says about the connection (ECONNREFUSED, ...).
  const known = typeof code === "string" && /^[A-Z0-9_]{2,40}$/.test(code) ? code : nameOf(error);
  const sentence = postgresSentences.get(known) ?? "the journal's database failed";
  return new ScansealError("io", `${sentence} (${known})`);
}

/** The extended code says which call failed: SQLITE_IOERR_SHMSIZE (4874), say. */
function sqliteError(errcode: number, errstr: unknown): ScansealError {
  const primary = errcode & 0xff;
  if (primary === sqliteFull)
    return new ScansealError("storage-full", "the disk of the journal's database has no space left");
  const sentence = sqliteSentences.get(primary);
  if (sentence !== undefined) return new ScansealError("io", `${sentence} (SQLite ${errcode})`);
  const text = typeof errstr === "string" ? `: ${errstr}` : "";
  return new ScansealError("io", `the journal's database failed (SQLite ${errcode}${text})`);
}

/** serialization_failure and deadlock_detected: nothing was written, and the same transaction may well succeed. */
export function isTransient(error: unknown): boolean {
  const { code } = (typeof error === "object" && error !== null ? error : {}) as DatabaseFault;
  return code === "40001" || code === "40P01";
}

/** The fault of one row among those that were written together, and nothing was written: SQLITE_CONSTRAINT, classes 22 and 23 of SQLSTATE, our own. */
export function isOfOneRow(error: unknown): boolean {
  const { code, errcode } = (typeof error === "object" && error !== null ? error : {}) as DatabaseFault;
  if (typeof errcode === "number") return (errcode & 0xff) === sqliteConstraint;
  return error instanceof ScansealError || (typeof code === "string" && /^2[23]/.test(code));
}

function nameOf(error: unknown): string {
  return error instanceof Error && /^[A-Za-z]{1,40}$/.test(error.name) ? error.name : "unknown";
}

/** What fails is told in words. @throws ScansealError `io`, `storage-full` */
export async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw databaseError(error);
  }
}
