import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import { describePeer } from "../peers.ts";
import { type PostgresCluster, startPostgresCluster } from "../store/postgres-cluster.ts";
import {
  evidenceQuestionSuite,
  firstSightSuite,
  provenanceJournalSuite,
  sampleSeal,
} from "./provenance-journal-suite.ts";

describe("a site's provenance in SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-provenance-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  provenanceJournalSuite(() => openProvenanceJournal(join(folder, "provenance.sqlite")));
  evidenceQuestionSuite(() => openProvenanceJournal(join(folder, "provenance.sqlite")));
  firstSightSuite(() => openProvenanceJournal(join(folder, "provenance.sqlite")));
});

describePeer("postgres", "a site's provenance in PostgreSQL", () => {
  let cluster: PostgresCluster;
  let url: string;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
    url = await cluster.createDatabase();
  });
  afterAll(() => cluster.stop());
  provenanceJournalSuite(() => openProvenanceJournal(url));
  evidenceQuestionSuite(() => openProvenanceJournal(url));
  firstSightSuite(() => openProvenanceJournal(url));

  it("what was remembered survives the server's death", async () => {
    const journal = await openProvenanceJournal(await cluster.createDatabase());
    const remembered: string[] = [];
    const many = Array.from({ length: 200 }, async (_, n) => {
      const seal = sampleSeal(n);
      if (n === 120) await cluster.kill();
      await journal.addSeal(seal).then(
        () => remembered.push(seal.payloadDigest),
        (error: unknown) => expect(error).toMatchObject({ code: "io" }),
      );
    });
    await Promise.all(many);
    await cluster.restart();
    const there = (await journal.sealsOfSeries("2.25.2")).map(({ payloadDigest }) => payloadDigest);
    expect(there).toEqual(expect.arrayContaining(remembered));
    await journal.close();
  });
});
