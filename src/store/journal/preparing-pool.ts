/** pg's pool as kysely takes it, with each statement prepared once for a connection: parsing and planning cost as much as the work. */
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import type { Pool, PoolClient } from "pg";

/** Kept prepared: the journal's own are fewer, and lists of other lengths must not fill the server's memory. */
const preparedMax = 200;

/** feature_not_supported: a newer program changed a table under a prepared statement. The connection is not used again. */
const stalePlan = "0A000";

export class PreparingPool implements PostgresPool {
  readonly options: object;
  readonly #pool: Pool;
  readonly #clients = new WeakMap<PoolClient, PreparingClient>();
  /** Text -> name; the same on every connection. */
  readonly #names = new Map<string, string>();

  constructor(pool: Pool) {
    this.#pool = pool;
    this.options = pool.options;
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect();
    let preparing = this.#clients.get(client);
    if (!preparing) {
      preparing = new PreparingClient(client, (text) => this.#nameOf(text));
      this.#clients.set(client, preparing);
    }
    return preparing;
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  #nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= preparedMax) return known;
    const name = `journal${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}

class PreparingClient implements PostgresPoolClient {
  readonly #client: PoolClient;
  readonly #nameOf: (text: string) => string | undefined;
  #isStale = false;

  constructor(client: PoolClient, nameOf: (text: string) => string | undefined) {
    this.#client = client;
    this.#nameOf = nameOf;
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    text: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof text !== "string") return text;
    const values = [...parameters];
    // Without parameters: begin, commit, the schema.
    const name = values.length > 0 ? this.#nameOf(text) : undefined;
    const query = name === undefined ? { text, values } : { name, text, values };
    const result = this.#client.query(query) as unknown as Promise<PostgresQueryResult<R>>;
    return result.catch((error: unknown) => {
      if ((error as { readonly code?: unknown }).code === stalePlan) this.#isStale = true;
      throw error;
    });
  }

  release(isBroken?: boolean): void {
    this.#client.release(isBroken === true || this.#isStale);
  }
}
