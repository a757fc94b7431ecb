/**
 * kill -9 of a real gateway, its examining threads, its archive and its database, at points of a transfer that a seed chooses. What holds is
 * checked afterwards: each acknowledged object in one place with its bytes, nothing admitted that was not verified, nothing leaked.
 * `node bench/crashes.ts` does the same with 200 objects and 100 kills of each (bench/RESULTS.md).
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { SeededRandom } from "../evaluation/seeded-random.ts";
import { makeSealedSite, type SealedSite } from "../gateway/sealed-site.ts";
import { describePeer } from "../peers.ts";
import { type PostgresCluster, startPostgresCluster } from "../store/postgres-cluster.ts";
import { type CrashLoad, makeLoad } from "./crash-objects.ts";
import { type CrashOutcome, type CrashPlan, crashTransfer } from "./crash-run.ts";
import { programs } from "./crash-site.ts";
import { type HospitalPlan, hospitalTransfer } from "./hospital-run.ts";

const objects = 60;
const patienceMs = 300_000;

let site: SealedSite;
let load: CrashLoad;

beforeAll(async () => {
  site = await makeSealedSite();
  load = await makeLoad(site, objects, new SeededRandom("crashes"));
});
afterAll(() => site.remove());

function transfer(plan: Omit<CrashPlan, "program" | "lines">): Promise<CrashOutcome> {
  const random = new SeededRandom("crashes", plan.target, plan.kills);
  return crashTransfer(site, load, { ...plan, program: programs.source, lines: 2 }, random);
}

const whole = { lost: 0, duplicates: 0, unverified: 0, faults: [] };

function expectWhole(outcome: CrashOutcome): void {
  expect(outcome).toMatchObject(whole);
  // There was something to lose.
  expect(outcome.acknowledged).toBeGreaterThan(0);
  expect(outcome.inQuarantine + outcome.inStore + outcome.inArchive).toBe(outcome.owed);
}

it("the gateway, into an archive", { timeout: patienceMs }, async () => {
  expectWhole(await transfer({ target: "gateway", kills: 3, hasArchive: true }));
});

it("the gateway, while copies move and are let go", { timeout: patienceMs }, async () => {
  expectWhole(await transfer({ target: "gateway", kills: 5, hasArchive: true, copies: "switched" }));
});

it("the gateway, into the embedded store", { timeout: patienceMs }, async () => {
  expectWhole(await transfer({ target: "gateway", kills: 2, hasArchive: false }));
});

it("its examining threads: all is acknowledged all the same", { timeout: patienceMs }, async () => {
  const outcome = await transfer({ target: "worker", kills: 4, hasArchive: false });
  expectWhole(outcome);
  expect(outcome.acknowledged).toBe(objects);
});

it("the archive: all is acknowledged all the same", { timeout: patienceMs }, async () => {
  const outcome = await transfer({ target: "archive", kills: 3, hasArchive: true });
  expectWhole(outcome);
  expect(outcome).toMatchObject({ acknowledged: objects, unchecked: 0 });
});

/** Whatever there is, with a modality that sends again, and readers at every door. */
async function expectWholeHospital(plan: Omit<HospitalPlan, "program" | "hasArchive">): Promise<void> {
  const random = new SeededRandom("hospital", plan.readers ?? "", plan.kills);
  const outcome = await hospitalTransfer(
    site,
    load,
    { ...plan, program: programs.source, hasArchive: true },
    random,
  );
  expect(outcome).toMatchObject({ ...whole, acknowledged: objects, falseAlarms: 0 });
  expect(outcome.reads.objects).toBeGreaterThan(0);
  expect(outcome.commitments.committed).toBeGreaterThan(0);
}

describePeer("Orthanc", "a small hospital", () => {
  it(
    "whatever is killed: nothing is lost, and readers get what was proven or a word",
    { timeout: patienceMs },
    () => expectWholeHospital({ kills: 4, readers: "dimse" }),
  );
});

describePeer("postgres", "with a journal in PostgreSQL", () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
  });
  afterAll(() => cluster.stop());

  it("the gateway", { timeout: patienceMs }, async () => {
    const postgresUrl = await cluster.createDatabase();
    expectWhole(await transfer({ target: "gateway", kills: 2, hasArchive: true, postgresUrl }));
  });

  it("the gateway, while copies move and are let go", { timeout: patienceMs }, async () => {
    const postgresUrl = await cluster.createDatabase();
    const plan = { target: "gateway", kills: 4, hasArchive: true, copies: "switched" } as const;
    const outcome = await transfer({ ...plan, postgresUrl });
    expectWhole(outcome);
    // Switched four times: on.
    expect(outcome.copies).toBeGreaterThan(0);
  });

  it("the database's server: all is acknowledged all the same", { timeout: patienceMs }, async () => {
    const postgresUrl = await cluster.createDatabase();
    const outcome = await transfer({ target: "postgres", kills: 2, hasArchive: true, postgresUrl, cluster });
    expectWhole(outcome);
    expect(outcome.acknowledged).toBe(objects);
  });
});
