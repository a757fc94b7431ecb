import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex } from "../../src/foundation/bytes.ts";
import { Sequencer } from "../../src/provenance/transparency-log/sequencer/sequencer.ts";
import { openLogJournal } from "../../src/store/log-journal/open-log-journal.ts";
import { describePeer } from "../peers.ts";
import { type PostgresCluster, startPostgresCluster } from "../store/postgres-cluster.ts";
import { logJournalSuite, sequencerSuite } from "./log-journal-suite.ts";
import { hasher, origin, sampleEntry } from "./memory-log.ts";
import { auditLog, partsOf } from "./sequencer-fixture.ts";
import { Power, SimulatedLogFiles } from "./simulated-log.ts";

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

  it("goes on by itself after the server was killed", async () => {
    const journal = await openLogJournal(await cluster.createDatabase());
    await journal.create(origin, hasher.empty());
    const files = new SimulatedLogFiles(new Power());
    const sequencer = await Sequencer.open(partsOf(journal, files));
    const acknowledged = new Map<string, number>();
    const append = async (n: number): Promise<void> => {
      const index = await sequencer.append([sampleEntry(n)]).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "io" });
        return undefined;
      });
      if (index !== undefined) acknowledged.set(toHex(sampleEntry(n)), index);
    };
    await append(0);
    const many = Array.from({ length: 400 }, async (_, n) => {
      for (let wait = 0; wait < n; wait++) await new Promise((resolve) => setImmediate(resolve));
      await append(n + 1);
      if (n === 40) await cluster.kill();
    });
    await Promise.all(many);
    // The quickest are through before the server is dead; this one is not.
    await append(500);
    const before = acknowledged.size;
    expect(before).toBeLessThan(402);
    await cluster.restart();
    await append(1000);
    await append(1001);
    expect(acknowledged.size).toBeGreaterThan(before);
    await sequencer.publish();
    expect(sequencer.problem).toBeUndefined();
    expect(await auditLog(files, [], acknowledged)).toBe(sequencer.size);
    await journal.close();
  });
});
