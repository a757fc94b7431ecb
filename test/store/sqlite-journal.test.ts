/** The shared suite on node:sqlite, and what is SQLite's own. */
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { Kysely, type LogEvent } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Journal, ObjectFilter } from "../../src/store/journal/journal.ts";
import { counts, listObjects, unsettled } from "../../src/store/journal/journal-queries.ts";
import { NodeSqliteDialect } from "../../src/store/journal/sqlite-dialect.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import type { Database, Tables } from "../../src/store/journal/tables.ts";
import { admitting, type JournalHarness, judged, received, severalFindings } from "./journal-fixture.ts";
import { commands, runBesideModel } from "./journal-property.ts";
import { journalSuite } from "./journal-suite.ts";
import { startStoreProcess } from "./store-process.ts";

async function sqliteHarness(): Promise<JournalHarness> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-journal-"));
  const opened: Journal[] = [];
  return {
    async open() {
      const journal = await openSqliteJournal(join(folder, "journal.db"));
      opened.push(journal);
      return journal;
    },
    async close() {
      await Promise.all(opened.map((journal) => journal.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe("SQLite journal", () => {
  journalSuite(sqliteHarness);

  it("does what its model does, whatever is asked", async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        const harness = await sqliteHarness();
        try {
          await runBesideModel(await harness.open(), list);
        } finally {
          await harness.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("SQLite journal's file", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scanseal-journal-"));
    path = join(folder, "journal.db");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("is its owner's alone, in WAL, and keeps what was committed", async () => {
    const journal = await openSqliteJournal(path);
    const object = received();
    await judged(journal, object, admitting, ["pacs"]);
    for (const name of readdirSync(folder))
      expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
    expect(readdirSync(folder)).toContain("journal.db-wal");
    await journal.close();
    const again = await openSqliteJournal(path);
    expect((await again.object(object.id))!.state).toBe("admitted");
    expect(await again.deliveriesOf(object.id)).toHaveLength(1);
    await again.close();
  });

  /** What SQLite does for it, step by step. */
  async function stepsOf(ask: (db: Database) => Promise<unknown>): Promise<string[]> {
    await (await openSqliteJournal(path)).close();
    const database = new DatabaseSync(path);
    const asked: string[] = [];
    const log = ({ query }: LogEvent): void => void asked.push(query.sql);
    const db = new Kysely<Tables>({ dialect: new NodeSqliteDialect(database), log });
    await ask(db);
    const steps = asked.flatMap((text) => database.prepare(`explain query plan ${text}`).all());
    await db.destroy();
    return steps.map(({ detail }) => String(detail));
  }

  it("what is unsettled is found without reading what is settled", async () => {
    expect(await stepsOf((db) => unsettled(db, 0, 10))).toEqual([
      "SEARCH objects USING INDEX objects_unsettled (state=? AND judged_at<?)",
    ]);
  });

  it("what is held of a study, a series or an instance is found by its name", async () => {
    const held = { state: "held", limit: 1_000 } as const;
    const stepsFor = (filter: Partial<ObjectFilter>) =>
      stepsOf((db) => listObjects(db, { ...held, ...filter }));
    const study = { studyInstanceUid: "2.25.1" };
    const series = { ...study, seriesInstanceUid: "2.25.2" };
    expect(await stepsFor({})).toEqual(["SEARCH objects USING INDEX objects_state (state=?)"]);
    const ofStudy = "SEARCH objects USING INDEX objects_study (study_instance_uid=?)";
    expect(await stepsFor(study)).toEqual([ofStudy]);
    expect(await stepsFor({ ...study, source: "ct1", after: "a" })).toEqual([
      ofStudy.replace("=?)", "=? AND id>?)"),
    ]);
    expect(await stepsFor(series)).toEqual([
      "SEARCH objects USING INDEX objects_series (series_instance_uid=?)",
    ]);
    const ofInstance = "SEARCH objects USING INDEX objects_instance (sop_instance_uid=?)";
    expect(await stepsFor({ ...series, sopInstanceUid: "2.25.3" })).toEqual([ofInstance]);
    expect(await stepsFor({ ...study, sopInstanceUid: "2.25.3" })).toEqual([ofInstance]);
  });

  it("counts are not counted", async () => {
    expect(await stepsOf(counts)).toEqual([
      "SCAN tallies",
      "SEARCH objects USING COVERING INDEX objects_waiting (state=?)",
      "SEARCH deliveries USING COVERING INDEX deliveries_state (state=?)",
      // Only these, and no more than a bound.
      "CO-ROUTINE kept",
      "SCAN objects USING COVERING INDEX objects_kept_only",
      "SCAN kept",
    ]);
  });

  it("a journal of the first version is brought forward, its counts too", async () => {
    const journal = await openSqliteJournal(path);
    for (const destinations of [[], ["pacs"], ["pacs", "second"]])
      await judged(journal, received(), admitting, destinations);
    await journal.addReceived([received()]);
    await judged(journal, received(), severalFindings);
    const before = await journal.counts();
    expect([before.objects.admitted, before.deliveries.due, before.keptOnly]).toEqual([3, 3, 1]);
    const tallies = await journal.bySource().tallies({ source: "ct-1", since: 0 });
    expect(tallies.map(({ cause }) => cause)).toContain("pixels-changed");
    await journal.close();
    const raw = new DatabaseSync(path);
    for (const { name } of raw.prepare("select name from sqlite_master where type = 'trigger'").all())
      raw.exec(`drop trigger ${name}`);
    raw.exec(`drop table commitments; drop table commitment_asks; drop table commitment_policy; drop table copies; drop table copy_policy; drop table tallies; drop table seals; drop table record_subjects; drop table records; drop table late_evidence;
      drop table index_queue; drop table index_instances; drop table index_series; drop table index_studies; drop table sightings; drop table log_queue; drop table log_batches; drop table logs; drop table witnessed; drop index purges_pending; drop index objects_waiting;
      alter table purges drop column pending; alter table objects drop column damaged; alter table objects drop column cause;
      alter table requests drop column readers; alter table requests drop column readable_ms; drop index objects_kept_only; alter table objects drop column kept_only; update journal_version set version = 1`);
    raw.close();
    const again = await openSqliteJournal(path);
    expect(await again.counts()).toEqual(before);
    expect(await again.bySource().tallies({ source: "ct-1", since: 0 })).toEqual(tallies);
    await judged(again, received(), admitting, ["pacs"]);
    expect((await again.counts()).destinations).toEqual({
      pacs: { due: 3, dead: 0 },
      second: { due: 1, dead: 0 },
    });
    await again.close();
  });

  it("several processes may start at once", async () => {
    const children = [1, 2, 3].map(() => startStoreProcess("journal", path));
    const mine = await openSqliteJournal(path);
    await Promise.all(children.map((child) => child.lines(10)));
    for (const child of children) {
      child.process.kill("SIGKILL");
      await once(child.process, "exit");
    }
    const counts = await mine.counts();
    expect(counts.deliveries.due).toBe(2 * counts.objects.admitted);
    for (const id of children.flatMap((child) => child.seen())) {
      expect((await mine.object(id))!.state).toBe("admitted");
    }
    await mine.close();
  });

  it("kill -9 while it writes leaves whole transactions, and all that were told", async () => {
    for (let round = 1; round <= 5; round++) {
      const child = startStoreProcess("journal", path);
      await child.lines(30 * round);
      child.process.kill("SIGKILL");
      await once(child.process, "exit");
      const raw = new DatabaseSync(path);
      expect(raw.prepare("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
      expect(raw.prepare("pragma foreign_key_check").all()).toEqual([]);
      raw.close();
      const journal = await openSqliteJournal(path);
      for (const id of child.seen()) {
        expect((await journal.object(id))!.state).toBe("admitted");
        expect(await journal.deliveriesOf(id)).toHaveLength(2);
      }
      const { objects, deliveries } = await journal.counts();
      expect(deliveries.due).toBe(2 * objects.admitted);
      await journal.close();
    }
  });

  it("refuses a newer program's journal, and what is none", async () => {
    await (await openSqliteJournal(path)).close();
    const raw = new DatabaseSync(path);
    raw.exec("update journal_version set version = 99");
    raw.close();
    await expect(openSqliteJournal(path)).rejects.toMatchObject({ code: "config-invalid" });
    writeFileSync(join(folder, "text"), "not a database, but long enough to be looked at".repeat(100));
    await expect(openSqliteJournal(join(folder, "text"))).rejects.toMatchObject({ code: "io" });
    await expect(openSqliteJournal(join(folder, "absent", "journal.db"))).rejects.toMatchObject({
      code: "io",
    });
  });

  it("says that the disk is full, writes nothing of what failed, and goes on", async () => {
    const journal = await openSqliteJournal(path, { pagesMax: 200 });
    const small = received();
    await journal.addReceived([small]);
    const many = Array.from({ length: 2_000 }, () => received());
    await expect(journal.addReceived(many)).rejects.toMatchObject({ code: "storage-full" });
    expect((await journal.counts()).objects.received).toBe(1);
    expect(await journal.claimReceived("worker", 10, 1_000, 5_000)).toHaveLength(1);
    await journal.addReceived([received()]);
    await journal.close();
  });

  it("waits for another's transaction, and says io when it does not end", async () => {
    const journal = await openSqliteJournal(path, { busyMs: 20 });
    const other = new DatabaseSync(path);
    other.exec("begin immediate");
    const told = await journal.addReceived([received()]).catch((error: unknown) => error);
    expect(told).toMatchObject({ code: "io", message: expect.stringContaining("another process holds") });
    expect(await journal.objects({ limit: 10 })).toEqual([]);
    other.exec("rollback");
    other.close();
    await journal.addReceived([received()]);
    await journal.close();
  });
});
