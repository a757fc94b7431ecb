/** Storage commitment asked of archives, on both databases. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CommitmentReport } from "../../src/dicom-network/dimse/storage-commitment.ts";
import {
  type IndexedJournal,
  openPostgresIndexedJournal,
  openSqliteIndexedJournal,
} from "../../src/store/index/indexed-journal.ts";
import type { CommitmentAsk } from "../../src/store/journal/commitments.ts";
import type { ReceivedObject } from "../../src/store/journal/journal.ts";
import { describePeer } from "../peers.ts";
import { act, admitting, claimOne, judged, leaseMs, received } from "./journal-fixture.ts";
import { startPostgresCluster } from "./postgres-cluster.ts";

type Stores = IndexedJournal;
type WithStores = (body: (stores: Stores) => Promise<void>) => Promise<void>;

const pause = (): number => 1_000;
/** C.14.1.1: no such object instance. */
const noSuchInstance = 0x0112;
let uids = 0;
const nextUid = (): string => `2.25.${++uids}`;

async function deliver({ journal }: Stores, destination: string, at: number): Promise<number> {
  const leases = await journal.claimDeliveries("gate", destination, 1_000, leaseMs, at);
  for (const { work, fence } of leases) await journal.completeDelivery(work.delivery.id, fence, at);
  return leases.length;
}

/** Admitted, and delivered to "pacs". */
async function delivered(stores: Stores, at = 5_000): Promise<ReceivedObject> {
  const object = received();
  await judged(stores.journal, object, admitting, ["pacs"]);
  await deliver(stores, "pacs", at);
  return object;
}

const asked = async ({ commitments }: Stores, now: number, limit = 500): Promise<CommitmentAsk> =>
  (await commitments.claim("pacs", nextUid(), limit, now, pause))!;

const reference = ({ sopClassUid, sopInstanceUid }: ReceivedObject) => ({ sopClassUid, sopInstanceUid });
const yes = ({ transactionUid }: CommitmentAsk, ...objects: ReceivedObject[]): CommitmentReport => ({
  ...{ transactionUid, committed: objects.map(reference), failed: [] },
});
const no = ({ transactionUid }: CommitmentAsk, ...objects: ReceivedObject[]): CommitmentReport => ({
  ...{ transactionUid, committed: [] },
  failed: objects.map((object) => ({ ...reference(object), reason: noSuchInstance })),
});

const stateOf = async ({ commitments }: Stores, { id }: ReceivedObject): Promise<string | undefined> =>
  (await commitments.of(id))[0]?.state;

/** Whether its bytes may go. */
const leaves = async ({ journal }: Stores, { id }: ReceivedObject): Promise<boolean> =>
  (await journal.markDelivered(id)) !== undefined;

function counting(withStores: WithStores): void {
  it("bytes stay until the archive that is asked has committed, in the spool and in the object store", () =>
    withStores(async (stores) => {
      const { journal, commitments } = stores;
      await commitments.askAt(["pacs"], []);
      const [spooled, stored] = [await delivered(stores), await delivered(stores)];
      expect(await journal.markStored(stored.id)).toEqual(stored.location);
      expect(await leaves(stores, spooled)).toBe(false);
      expect(await journal.claimDeletions(10, 100_000)).toEqual([]);
      expect(await commitments.open()).toEqual([
        { destination: "pacs", waits: 2, failed: 0, oldestAt: 5_000 },
      ]);
      const ask = await asked(stores, 5_000);
      expect(ask.instances).toHaveLength(2);
      expect(await commitments.report("pacs", yes(ask, spooled, stored), 2, 6_000)).toMatchObject({
        ...{ result: "taken", resent: [], failed: [], missing: 0 },
      });
      expect(await leaves(stores, spooled)).toBe(true);
      expect(await journal.object(stored.id)).toMatchObject({ stored: false });
      expect(await journal.claimDeletions(10, 100_000)).toContain(stored.digest);
      expect(await commitments.open()).toEqual([]);
    }));

  it("an original is kept until its sealed object is committed", () =>
    withStores(async (stores) => {
      const { journal, commitments, originals } = stores;
      await commitments.askAt(["pacs"], []);
      const original = received();
      const { sopInstanceUid } = original;
      const sealed = received({ sopInstanceUid, arrival: { uidDiffers: false, sealedFrom: original.id } });
      await journal.addReceived([original]);
      const { fence } = await claimOne(journal, original.id);
      await originals.commitSealing(original, fence, sealed, 6_000);
      const lease = await claimOne(journal, sealed.id);
      await journal.commitJudgement(sealed.id, lease.fence, admitting, ["pacs"]);
      await deliver(stores, "pacs", 7_000);
      expect(await originals.letGo([original.id])).toBe(0);
      await commitments.report("pacs", yes(await asked(stores, 7_000), sealed), 2, 7_500);
      expect(await originals.letGo([original.id])).toBe(1);
    }));
}

function configuring(withStores: WithStores): void {
  it("nothing is owed by a destination that is not asked, nor for what two people released", () =>
    withStores(async (stores) => {
      const { commitments } = stores;
      await commitments.askAt(["other"], []);
      const object = await delivered(stores);
      expect(await commitments.of(object.id)).toEqual([]);
      expect(await leaves(stores, object)).toBe(true);
    }));

  it("what is not asked any more is owed no longer; what a removed destination owes stays", () =>
    withStores(async (stores) => {
      const { journal, commitments } = stores;
      await commitments.askAt(["pacs"], []);
      const object = await delivered(stores);
      await journal.markStored(object.id);
      await commitments.askAt([], []);
      expect(await stateOf(stores, object)).toBe("waits");
      await commitments.askAt([], ["pacs"]);
      expect(await stateOf(stores, object)).toBeUndefined();
      expect(await journal.object(object.id)).toMatchObject({ stored: false });
    }));

  it("what a removed destination has and did not commit to goes to another, or is given up and kept", () =>
    withStores(async (stores) => {
      const { journal, commitments } = stores;
      await commitments.askAt(["pacs", "second"], []);
      const object = await delivered(stores);
      const record = act("deliveries.redirected", "pacs");
      expect(await journal.redirectDeliveries("pacs", "second", 8_000, record)).toEqual({
        ...{ moved: 1, merged: 0 },
      });
      expect(await commitments.of(object.id)).toEqual([]);
      expect(await leaves(stores, object)).toBe(false);
      expect(await deliver(stores, "second", 9_000)).toBe(1);
      expect(await commitments.of(object.id)).toMatchObject([{ destination: "second", state: "waits" }]);
      await journal.redirectDeliveries("second", undefined, 10_000, act("deliveries.given-up", "second"));
      expect(await journal.deliveriesOf(object.id)).toMatchObject([{ state: "dead" }]);
      expect(await leaves(stores, object)).toBe(false);
    }));
}

function lying(withStores: WithStores): void {
  it("a report of an unknown request, of another destination, or of what was not asked counts for nothing", () =>
    withStores(async (stores) => {
      const { commitments } = stores;
      await commitments.askAt(["pacs", "other"], []);
      const object = await delivered(stores);
      const ask = await asked(stores, 5_000);
      const stranger = received();
      const report = yes(ask, object);
      const refused: [string, CommitmentReport, string][] = [
        ["pacs", { ...report, transactionUid: "2.25.0" }, "unknown transaction"],
        ["other", report, "unknown transaction"],
        ["pacs", yes(ask, object, stranger), "not asked"],
        ["pacs", yes(ask, { ...object, sopClassUid: "1.2.840.10008.5.1.4.1.1.4" }), "not asked"],
        ["pacs", no(ask, stranger), "not asked"],
      ];
      for (const [from, said, why] of refused)
        expect(await commitments.report(from, said, 2, 6_000)).toEqual({ result: "refused", why });
      const both = { ...report, failed: no(ask, object).failed };
      expect(await commitments.report("pacs", both, 2, 6_000)).toEqual({
        ...{ result: "refused", why: "contradicts itself" },
      });
      expect(await stateOf(stores, object)).toBe("waits");
      expect(await leaves(stores, object)).toBe(false);
    }));

  it("a second answer changes nothing whatever it says, and what is not named is asked for again", () =>
    withStores(async (stores) => {
      const { commitments } = stores;
      await commitments.askAt(["pacs"], []);
      const [one, other] = [await delivered(stores), await delivered(stores)];
      const ask = await asked(stores, 5_000);
      expect(await commitments.report("pacs", yes(ask, one), 2, 6_000)).toMatchObject({ missing: 1 });
      for (const again of [yes(ask, one, other), no(ask, one, other)])
        expect(await commitments.report("pacs", again, 2, 6_001)).toEqual({ result: "repeated" });
      expect([await stateOf(stores, one), await stateOf(stores, other)]).toEqual(["committed", "waits"]);
      const second = await asked(stores, 7_000);
      expect(second).toMatchObject({ instances: [reference(other)], asks: 2 });
      // The answer to an older request is late, and still an answer; to the newer it is none.
      expect(await commitments.report("pacs", yes(second, other), 2, 8_000)).toMatchObject({
        committed: [other.id],
      });
    }));
}

function refusing(withStores: WithStores): void {
  it("a refused instance is delivered again, so often and no more; then a person has it asked for anew", () =>
    withStores(async (stores) => {
      const { journal, commitments } = stores;
      await commitments.askAt(["pacs"], []);
      const object = await delivered(stores);
      const old = await asked(stores, 5_000);
      const first = await asked(stores, 6_000);
      expect(await commitments.report("pacs", no(first, object), 1, 6_500)).toMatchObject({
        ...{ resent: [object.id], failed: [] },
      });
      expect(await stateOf(stores, object)).toBe("resent");
      expect(await asked(stores, 99_000)).toBeUndefined();
      expect(await leaves(stores, object)).toBe(false);
      expect(await deliver(stores, "pacs", 7_000)).toBe(1);
      // What was asked before the second delivery is no question any more.
      expect(await commitments.report("pacs", yes(old, object), 1, 7_100)).toMatchObject({ committed: [] });
      const second = await asked(stores, 7_000);
      expect(await commitments.report("pacs", no(second, object), 1, 7_500)).toMatchObject({
        ...{ resent: [], failed: [{ id: object.id, reason: noSuchInstance }] },
      });
      expect(await commitments.failed(10)).toMatchObject([{ objectId: object.id, reason: noSuchInstance }]);
      expect(await commitments.open()).toMatchObject([{ waits: 0, failed: 1 }]);
      expect(await leaves(stores, object)).toBe(false);
      expect(await journal.markStored(object.id)).toEqual(object.location);
      expect(await commitments.revive("other", 8_000)).toBe(0);
      expect(await commitments.revive(undefined, 8_000)).toBe(1);
      await commitments.report("pacs", yes(await asked(stores, 8_000), object), 1, 8_500);
      expect(await stateOf(stores, object)).toBe("committed");
    }));

  it("a request that was not sent is due again early, and nobody may answer it", () =>
    withStores(async (stores) => {
      const { commitments } = stores;
      await commitments.askAt(["pacs"], []);
      const object = await delivered(stores);
      const ask = await asked(stores, 5_000);
      await commitments.unasked(ask.transactionUid, 5_100);
      expect(await commitments.report("pacs", yes(ask, object), 2, 5_050)).toMatchObject({
        result: "refused",
      });
      expect(await asked(stores, 5_099)).toBeUndefined();
      expect(await asked(stores, 5_100)).toMatchObject({ asks: 2 });
    }));
}

type Step = { readonly do: "deliver" | "ask" | "yes" | "no" | "restart"; readonly of: number };
const steps = fc.array(
  fc.record<Step>({
    do: fc.constantFrom("deliver", "ask", "yes", "no", "restart"),
    of: fc.nat({ max: 5 }),
  }),
  { maxLength: 25 },
);

function properties(withStores: WithStores): void {
  it(
    "whatever happens in whatever order: nothing leaves that the archive did not commit to since its last delivery",
    () =>
      withStores(async (stores) => {
        const { journal, commitments } = stores;
        await commitments.askAt(["pacs"], []);
        await fc.assert(
          fc.asyncProperty(steps, async (script) => {
            let now = 5_000;
            const objects = [received(), received(), received()];
            for (const object of objects) await judged(journal, object, admitting, ["pacs"]);
            // What the archive may say yes to: in which delivery of each it was asked.
            const rounds = new Map(objects.map(({ id }) => [id, 0]));
            const said = new Set<string>();
            const open: { ask: CommitmentAsk; rounds: Map<string, number> }[] = [];
            const inAsk = (ask: CommitmentAsk) =>
              objects.filter((o) => ask.instances.some((i) => i.sopInstanceUid === o.sopInstanceUid));
            for (const step of script) {
              now += 500;
              if (step.do === "deliver") await deliver(stores, "pacs", now);
              if (step.do === "ask") {
                const ask = await asked(stores, now, 1 + (step.of % 3));
                if (ask) open.push({ ask, rounds: new Map(rounds) });
              }
              const answered = open[step.of % Math.max(1, open.length)];
              if ((step.do === "yes" || step.do === "no") && answered) {
                const { ask } = answered;
                const about = inAsk(ask);
                const report = step.do === "yes" ? yes(ask, ...about) : no(ask, ...about);
                const outcome = await commitments.report("pacs", report, 2, now);
                if (outcome.result !== "taken") continue;
                for (const id of outcome.committed) {
                  expect(answered.rounds.get(id)).toBe(rounds.get(id));
                  said.add(id);
                }
                for (const id of outcome.resent) rounds.set(id, rounds.get(id)! + 1);
                for (const { id } of outcome.failed) expect(said.has(id)).toBe(false);
              }
              for (const { id } of objects)
                expect((await commitments.of(id))[0]?.state === "committed").toBe(said.has(id));
            }
            for (const object of objects) {
              // Some left with an earlier look.
              expect(await leaves(stores, object)).toBe(said.has(object.id));
            }
            // In the end everything is answered: nothing is lost, nothing waits for ever.
            for (let i = 0; i < 8; i++) {
              now += 10_000;
              await deliver(stores, "pacs", now);
              for (let ask = await asked(stores, now); ask; ask = await asked(stores, now))
                await commitments.report("pacs", yes(ask, ...inAsk(ask)), 2, now);
            }
            for (const { id } of objects)
              expect(["committed", "failed"]).toContain((await commitments.of(id))[0]!.state);
            await commitments.revive(undefined, now);
            for (let ask = await asked(stores, now); ask; ask = await asked(stores, now))
              await commitments.report("pacs", yes(ask, ...inAsk(ask)), 2, now);
            expect(await commitments.open()).toEqual([]);
          }),
          { numRuns: 30 },
        );
      }),
    60_000,
  );
}

const suite = (withStores: WithStores): void => {
  counting(withStores);
  configuring(withStores);
  lying(withStores);
  refusing(withStores);
  properties(withStores);
};

describe("commitments of archives, embedded", () => {
  suite(async (body) => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-commitments-"));
    const stores = await openSqliteIndexedJournal(join(folder, "journal.sqlite"));
    try {
      await body(stores);
    } finally {
      await stores.journal.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describePeer("postgres", "commitments of archives, on a server", () => {
  suite(async (body) => {
    const cluster = await startPostgresCluster();
    const stores = await openPostgresIndexedJournal(await cluster.createDatabase());
    try {
      await body(stores);
    } finally {
      await stores.journal.close();
      await cluster.stop();
    }
  });
});
