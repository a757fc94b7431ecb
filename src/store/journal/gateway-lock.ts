/**
 * One gateway for a PostgreSQL journal: rows point into its spool, which another one cannot read. A lock of the server's session, on a
 * connection of its own. Commands that open the journal do not take it.
 */
import { Client } from "pg";
import { ScansealError } from "../../foundation/errors.ts";
import { databaseError } from "./database-error.ts";

/** "scan", "seal". Two numbers: the locks on SOP Instance UIDs have one, and never meet these. */
const lockKey = [0x7363616e, 0x7365616c] as const;
/** A gateway that was killed a moment ago: the server has yet to notice. */
const waitMs = 3_000;
const againMs = 1_000;
/** lock_not_available, https://www.postgresql.org/docs/current/errcodes-appendix.html */
const lockTaken = "55P03";

/** A holder whose machine is gone is noticed within half a minute, not after the system's two hours. */
const sessionSettings = [
  `lock_timeout=${waitMs}`,
  "tcp_keepalives_idle=15",
  "tcp_keepalives_interval=5",
  "tcp_keepalives_count=3",
].map((setting) => `-c ${setting}`);

export interface GatewayLock {
  release(): Promise<void>;
}

/**
 * Held until it is released. When the connection breaks it is taken again as soon as the server answers.
 * @param onLost another gateway took it meanwhile; told once each time
 * @throws ScansealError `usage` when another gateway has it; `io`
 */
export async function holdGatewayLock(
  url: string,
  onLost: (error: ScansealError) => void,
): Promise<GatewayLock> {
  const lock = new SessionLock(url, onLost);
  await lock.take();
  return lock;
}

class SessionLock implements GatewayLock {
  readonly #url: string;
  readonly #onLost: (error: ScansealError) => void;
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isReleased = false;
  #isTold = false;

  constructor(url: string, onLost: (error: ScansealError) => void) {
    this.#url = url;
    this.#onLost = onLost;
  }

  async take(): Promise<void> {
    const client = new Client({
      connectionString: this.#url,
      connectionTimeoutMillis: 30_000,
      keepAlive: true,
      application_name: "scanseal gateway",
      options: sessionSettings.join(" "),
    });
    let isHeld = false;
    client.on("error", () => undefined);
    client.once("end", () => {
      if (isHeld) this.#again();
    });
    try {
      await client.connect();
      await client.query("select pg_advisory_lock($1, $2)", [...lockKey]);
    } catch (error) {
      await client.end().catch(() => undefined);
      if ((error as { readonly code?: unknown }).code !== lockTaken) throw databaseError(error);
      throw new ScansealError(
        "usage",
        "another gateway is running with this PostgreSQL journal: stop it first, or give this one a database of its own",
      );
    }
    isHeld = true;
    this.#isTold = false;
    this.#client = client;
    if (this.#isReleased) await client.end().catch(() => undefined);
  }

  async release(): Promise<void> {
    this.#isReleased = true;
    clearTimeout(this.#timer);
    await this.#client?.end().catch(() => undefined);
  }

  #again(): void {
    if (this.#isReleased) return;
    this.#timer = setTimeout(() => {
      this.take().catch((error: unknown) => {
        if (error instanceof ScansealError && error.code === "usage" && !this.#isTold) {
          this.#isTold = true;
          this.#onLost(error);
        }
        this.#again();
      });
    }, againMs);
    this.#timer.unref();
  }
}
