import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { openLogJournal } from "../../src/store/log-journal/open-log-journal.ts";
import { describePeer } from "../peers.ts";
import { type PostgresCluster, startPostgresCluster } from "../store/postgres-cluster.ts";
import { logJournalSuite } from "./log-journal-suite.ts";

describe("a log's journal in SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-log-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  logJournalSuite(() => openLogJournal(join(folder, "journal.sqlite")));
});

describePeer("postgres", "a log's journal in PostgreSQL", () => {
  let cluster: PostgresCluster;
  let url: string;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
    url = await cluster.createDatabase();
  });
  afterAll(() => cluster.stop());
  logJournalSuite(() => openLogJournal(url));
});
