/** The shared suite on PostgreSQL. */
import { afterAll, beforeAll } from "vitest";
import { openPostgresInstanceIndex } from "../../src/store/index/open-instance-index.ts";
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
    const index = await openPostgresInstanceIndex(await cluster.createDatabase());
    return { index, close: () => index.close() };
  }, 25);
});
