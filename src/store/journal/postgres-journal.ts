/** The journal on a PostgreSQL server: of one gateway (gateway-lock.ts), and of the commands beside it. */
import { Kysely, PostgresDialect, sql } from "kysely";
import { Pool, types } from "pg";
import { ScansealError } from "../../foundation/errors.ts";
import { databaseError } from "./database-error.ts";
import type { Journal } from "./journal.ts";
import { migrate } from "./migrations.ts";
import { PreparingPool } from "./preparing-pool.ts";
import { SqlJournal } from "./sql-journal.ts";
import type { Database, Tables } from "./tables.ts";
import { PooledWriter } from "./writers.ts";

export interface PostgresOptions {
  /** Connections of this process; 8 when absent. */
  readonly connectionsMax?: number | undefined;
  /** To connect, and for one statement; 30 s when absent. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Plans are made once for a connection, when the tables may still be empty: they must be those of full ones, by index. A server or role that
 * commits without waiting for the disk is overruled.
 */
const sessionSettings = [
  "synchronous_commit=on",
  "enable_seqscan=off",
  "enable_hashjoin=off",
  "enable_mergejoin=off",
  "jit=off",
].map((setting) => `-c ${setting}`);

/** pg_type.oid of int8: counts and times. */
const int8 = 20;

/**
 * Opens the journal in the database of a `postgres://` URL; the tables are made there. A lost connection is an `io` error of the calls it
 * served; later ones connect again.
 * @throws ScansealError `io`, `storage-full`; `config-invalid` when a newer program made the tables, or the server does not fsync
 */
export async function openPostgresJournal(url: string, options: PostgresOptions = {}): Promise<Journal> {
  const db = await openPostgresDatabase(url, options);
  return new SqlJournal(db, "postgres", new PooledWriter(db));
}

/** The same without the gateway's journal over it. @throws ScansealError `io`, `storage-full`, `config-invalid` */
export async function openPostgresDatabase(url: string, options: PostgresOptions = {}): Promise<Database> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const pool = new Pool({
    connectionString: url,
    max: options.connectionsMax ?? 8,
    connectionTimeoutMillis: timeoutMs,
    keepAlive: true,
    application_name: "scanseal",
    options: [
      ...sessionSettings,
      `-c statement_timeout=${timeoutMs} -c idle_in_transaction_session_timeout=${timeoutMs}`,
    ].join(" "),
    types: {
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        oid === int8 ? wholeNumber : types.getTypeParser(oid, format),
    },
  });
  // A connection that breaks tells its query; without a listener it would also end the process.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: new PreparingPool(pool) }) });
  try {
    await assertDurable(db);
    await db.transaction().execute((transaction) => migrate(transaction, "postgres"));
    return db;
  } catch (error) {
    await db.destroy().catch(() => undefined);
    throw databaseError(error);
  }
}

async function assertDurable(db: Database): Promise<void> {
  const { rows } = await sql<{ fsync: string }>`show fsync`.execute(db);
  if (rows[0]?.fsync !== "on")
    throw new ScansealError(
      "config-invalid",
      "the PostgreSQL server has fsync off: what is acknowledged could be lost",
    );
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new ScansealError("io", "the journal's database gave a number above 2^53");
  return value;
}
