/** The shared suite on PostgreSQL, and what is a server's own. */
import fc from "fast-check";
import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { holdGatewayLock } from "../../src/store/journal/gateway-lock.ts";
import type { Journal } from "../../src/store/journal/journal.ts";
import { openPostgresJournal } from "../../src/store/journal/postgres-journal.ts";
import { describePeer } from "../peers.ts";
import {
  admitting,
  type JournalHarness,
  judged,
  leaseMs,
  received,
  severalFindings,
} from "./journal-fixture.ts";
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

  it("a journal from before causes were kept is brought forward with them", async () => {
    const url = await cluster.createDatabase();
    const journal = await openPostgresJournal(url);
    await judged(journal, received(), severalFindings);
    await judged(journal, received(), admitting);
    const tallies = await journal.bySource().tallies({ source: "ct-1", since: 0 });
    expect(tallies.map(({ cause }) => cause).sort()).toEqual(["pixels-changed", undefined]);
    await journal.close();
    const client = new Client(url);
    await client.connect();
    await client.query(`drop table commitments, commitment_asks, commitment_policy, copies, copy_policy; drop function tally_copies_insert, tally_copies_delete;
      alter table objects drop column cause; alter table requests drop column readers, drop column readable_ms; update journal_version set version = version - 4`);
    await client.end();
    const again = await openPostgresJournal(url);
    expect(await again.bySource().tallies({ source: "ct-1", since: 0 })).toEqual(tallies);
    await again.close();
  });

  it("a database that is not there is told in words", async () => {
    const absent = new URL(await cluster.createDatabase());
    absent.pathname = "/absent";
    await expect(openPostgresJournal(absent.href)).rejects.toThrow(
      "the journal's database does not exist on that server: create it (3D000)",
    );
  });

  it("a lost server is an io error of its calls, and the next ones work when it is back", async () => {
    const own = await startPostgresCluster();
    try {
      const journal = await openPostgresJournal(await own.createDatabase());
      const objects = Array.from({ length: 40 }, () => received());
      await journal.addReceived(objects);
      const leases = await journal.claimReceived("worker", 40, leaseMs, 5_000);
      const committing = leases.map(({ work, fence }) =>
        journal.commitJudgement(work.id, fence, admitting, ["pacs"]).then(
          ({ result }) => result,
          (error: unknown) => (error as { code: string }).code,
        ),
      );
      // One is told; the others are anywhere.
      expect(await Promise.race(committing)).toBe("committed");
      await own.kill();
      const told = await Promise.all(committing);
      expect(new Set(told).size).toBeLessThanOrEqual(2);
      for (const result of told) expect(["committed", "io"]).toContain(result);
      // A backend outlives its server until it looks for it.
      const pinged = (): Promise<string> =>
        journal.ping().then(
          () => "there",
          (error: unknown) => (error as { code: string }).code,
        );
      await expect.poll(pinged, { timeout: 10_000 }).toBe("io");
      await expect(journal.addReceived([received()])).rejects.toMatchObject({ code: "io" });
      await own.restart();
      await journal.ping();
      for (const [n, { id }] of objects.entries()) {
        const { state } = (await journal.object(id))!;
        const owed = await journal.deliveriesOf(id);
        expect(owed).toHaveLength(state === "admitted" ? 1 : 0);
        if (told[n] === "committed") expect(state).toBe("admitted");
      }
      await journal.close();
    } finally {
      await own.stop();
    }
  });

  it("several processes may start at once", async () => {
    const url = await cluster.createDatabase();
    const journals = await Promise.all(
      [1, 2, 3, 4].map(() => openPostgresJournal(url, { connectionsMax: 2 })),
    );
    await Promise.all(journals.map((journal) => journal.addReceived([received()])));
    expect((await journals[0]!.counts()).objects.received).toBe(4);
    await Promise.all(journals.map((journal) => journal.close()));
  });

  it("takes one gateway; a command opens it beside that, and the next gateway when that one is gone", async () => {
    const url = await cluster.createDatabase();
    const onLost = (): void => expect.unreachable();
    const first = await holdGatewayLock(url, onLost);
    await expect(holdGatewayLock(url, onLost)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("another gateway is running with this PostgreSQL journal"),
    });
    const beside = await openPostgresJournal(url);
    await beside.ping();
    await beside.close();
    const other = await holdGatewayLock(await cluster.createDatabase(), onLost);
    await first.release();
    await (await holdGatewayLock(url, onLost)).release();
    await other.release();
  });

  it("refuses a newer program's journal, and a server that is not there", async () => {
    const url = await cluster.createDatabase();
    await (await openPostgresJournal(url)).close();
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query("update journal_version set version = 99");
    await client.end();
    await expect(openPostgresJournal(url)).rejects.toMatchObject({ code: "config-invalid" });
    const nowhere = openPostgresJournal("postgresql:///secret?host=/nonexistent&user=secret");
    await expect(nowhere).rejects.toMatchObject({ code: "io" });
    await expect(nowhere).rejects.not.toThrow(/secret/);
  });
});
