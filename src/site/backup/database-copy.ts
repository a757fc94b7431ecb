/** Copies of databases as they are at one moment, while others write into them. */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client } from "pg";
import { ScansealError } from "../../foundation/errors.ts";
import type { SpoolLocation } from "../../store/spool/spool.ts";

/** Where an object's bytes are that the journal still needs. */
export interface NeededBytes {
  /** SHA-256, lower-case hexadecimal. */
  readonly digest: string;
  /** In the spool; undefined: in the object store. */
  readonly location: SpoolLocation | undefined;
}

/** Those known to be damaged are nobody's promise any more. */
const neededQuery =
  "select digest, location from objects where damaged = 0 and (stored = 1 or location is not null)";

/**
 * One SQLite file at one moment: everything committed before is in it. Writers wait for nothing.
 * @throws ScansealError `io`, `storage-full`
 */
export function copySqlite(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  rmSync(to, { force: true });
  try {
    const database = new DatabaseSync(from, { timeout: 30_000, readOnly: true });
    try {
      database.prepare("vacuum into ?").run(to);
    } finally {
      database.close();
    }
  } catch (cause) {
    const { errcode } = cause as { readonly errcode?: number };
    // https://www.sqlite.org/rescode.html: SQLITE_FULL
    if ((errcode ?? 0) % 256 === 13)
      throw new ScansealError("storage-full", `cannot copy ${from}: the disk is full`, { cause });
    throw new ScansealError("io", `cannot copy the database ${from}`, { cause });
  }
}

/** @param path of a copy */
export function neededOfSqlite(path: string): NeededBytes[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database.prepare(neededQuery).all().map(neededOf);
  } finally {
    database.close();
  }
}

function neededOf(row: Record<string, unknown>): NeededBytes {
  const { digest, location } = row;
  return {
    digest: String(digest),
    location: typeof location === "string" ? (JSON.parse(location) as SpoolLocation) : undefined,
  };
}

/**
 * A journal on PostgreSQL by pg_dump, and what it needs, at one and the same moment (an exported snapshot).
 * @throws ScansealError `io` also when there is no pg_dump on this machine, or an older one than the server
 */
export async function copyPostgres(url: string, to: string): Promise<NeededBytes[]> {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  rmSync(to, { force: true });
  const client = new Client({ connectionString: url, application_name: "scanseal-backup" });
  try {
    await client.connect();
    await client.query("begin isolation level repeatable read read only");
    const { rows } = await client.query("select pg_export_snapshot() as name");
    await dump(connectionOf(client, url), to, String(rows[0].name));
    const needed = await client.query(neededQuery);
    return needed.rows.map(neededOf);
  } catch (cause) {
    if (cause instanceof ScansealError) throw cause;
    throw new ScansealError("io", "the journal's database cannot be read", { cause });
  } finally {
    await client.end().catch(() => undefined);
  }
}

function dump(connection: Readonly<Record<string, string>>, to: string, snapshot: string): Promise<void> {
  const args = ["--format=custom", "--no-password", `--snapshot=${snapshot}`, `--file=${to}`];
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...connection };
    const child = spawn("pg_dump", args, { stdio: ["ignore", "ignore", "pipe"], env });
    // Its words may name the host; they are not repeated. They are read, so that it does not wait.
    child.stderr.resume();
    const fail = (why: string, cause?: unknown): void =>
      reject(new ScansealError("io", `the journal's database cannot be copied: ${why}`, { cause }));
    child.once("error", (cause) =>
      fail("pg_dump cannot be run: install PostgreSQL's client programs of the server's version", cause),
    );
    child.once("close", (status) =>
      status === 0 ? resolve() : fail(`pg_dump ended with ${status}: is it older than the server?`),
    );
  });
}

/** As PostgreSQL's own programs call them. */
const tlsVariables = {
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
} as const;

/** In the environment: a URL among the arguments, with its password, would be seen by everybody on this machine. */
function connectionOf({ host, port, user, database, password }: Client, url: string): Record<string, string> {
  const { searchParams } = new URL(url);
  const tls = Object.entries(tlsVariables).flatMap(([name, variable]) => {
    const value = searchParams.get(name);
    return value === null ? [] : [[variable, value] as const];
  });
  return {
    ...{ PGHOST: host, PGPORT: String(port) },
    ...(user === undefined ? {} : { PGUSER: user }),
    ...(database === undefined ? {} : { PGDATABASE: database }),
    ...(typeof password === "string" ? { PGPASSWORD: password } : {}),
    ...Object.fromEntries(tls),
  };
}
