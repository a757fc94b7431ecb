/** The shared suite on PostgreSQL. */
import { afterAll, beforeAll } from "vitest";
import { openPostgresIndexedJournal } from "../../src/store/index/indexed-journal.ts";
import { describePeer } from "../peers.ts";
import { indexSuite } from "./index-suite.ts";
import { type PostgresCluster, startPostgresCluster } from "./postgres-cluster.ts";

describePeer("postgres", "index on PostgreSQL", () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
  });
  afterAll(() => cluster?.stop());

  indexSuite(async () => {
    const stores = await openPostgresIndexedJournal(await cluster.createDatabase());
    return { stores, close: () => stores.journal.close() };
  }, 25);
});
