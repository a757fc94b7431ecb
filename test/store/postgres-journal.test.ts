/** The shared suite on PostgreSQL, and what is a server's own. */
import { afterAll, beforeAll } from "vitest";
import type { Journal } from "../../src/store/journal/journal.ts";
import { openPostgresJournal } from "../../src/store/journal/postgres-journal.ts";
import { describePeer } from "../peers.ts";
import type { JournalHarness } from "./journal-fixture.ts";
import { journalSuite } from "./journal-suite.ts";
import { type PostgresCluster, startPostgresCluster } from "./postgres-cluster.ts";

describePeer("postgres", "PostgreSQL journal", () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
  });
  afterAll(() => cluster?.stop());

  const start = async (): Promise<JournalHarness> => {
    const url = await cluster.createDatabase();
    const opened: Journal[] = [];
    return {
      async open() {
        const journal = await openPostgresJournal(url, { connectionsMax: 4 });
        opened.push(journal);
        return journal;
      },
      async close() {
        await Promise.all(opened.map((journal) => journal.close()));
      },
    };
  };
  journalSuite(start);
});
