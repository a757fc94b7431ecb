/** The shared suite on PostgreSQL, and what is a server's own. */
import fc from "fast-check";
import { afterAll, beforeAll, it } from "vitest";
import type { Journal } from "../../src/store/journal/journal.ts";
import { openPostgresJournal } from "../../src/store/journal/postgres-journal.ts";
import { describePeer } from "../peers.ts";
import type { JournalHarness } from "./journal-fixture.ts";
import { commands, runBesideModel } from "./journal-property.ts";
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

  it("does what its model does, whatever is asked", async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        const harness = await start();
        try {
          await runBesideModel(await harness.open(), list);
        } finally {
          await harness.close();
        }
      }),
      { numRuns: 10 },
    );
  });
});
