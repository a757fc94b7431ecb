import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { openLogJournal } from "../../src/store/log-journal/open-log-journal.ts";
import { describePeer } from "../peers.ts";
import { type PostgresCluster, startPostgresCluster } from "../store/postgres-cluster.ts";
import { logJournalSuite, sequencerSuite } from "./log-journal-suite.ts";

describe("a log's journal in SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-log-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const open = () => openLogJournal(join(folder, "journal.sqlite"));
  logJournalSuite(open);
  sequencerSuite(open);
});

describePeer("postgres", "a log's journal in PostgreSQL", () => {
  let cluster: PostgresCluster;
  let url: string;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
    url = await cluster.createDatabase();
  });
  afterAll(() => cluster.stop());
  const open = () => openLogJournal(url);
  logJournalSuite(open);
  sequencerSuite(open);
});
