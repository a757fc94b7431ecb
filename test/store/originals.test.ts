/** Originals beside what was sealed of them, on both databases. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type IndexedJournal,
  openPostgresIndexedJournal,
  openSqliteIndexedJournal,
} from "../../src/store/index/indexed-journal.ts";
import { describePeer } from "../peers.ts";
import { admitting, claimOne, held, holding, judged, leaseMs, received } from "./journal-fixture.ts";
import { startPostgresCluster } from "./postgres-cluster.ts";

/** One original that is claimed, and the object that is sealed of it. */
async function claimed({ journal }: IndexedJournal) {
  const original = received();
  const { sopInstanceUid } = original;
  const sealed = received({ sopInstanceUid, arrival: { uidDiffers: false, sealedFrom: original.id } });
  await journal.addReceived([original]);
  const { fence } = await claimOne(journal, original.id);
  return { original, sealed, fence };
}

type WithStores = (body: (stores: IndexedJournal) => Promise<void>) => Promise<void>;

function suite(withStores: WithStores): void {
  it("is kept until its sealed object was delivered, and then its bytes are to be deleted", () =>
    withStores(async (stores) => {
      const { journal, originals } = stores;
      const { original, sealed, fence } = await claimed(stores);
      const outcome = await originals.commitSealing(original, fence, sealed, 6_000);
      expect(outcome).toEqual({ result: "committed", freed: original.location });
      expect(await journal.object(original.id)).toMatchObject({
        ...{ state: "sealed", stored: true, location: undefined, relatedId: sealed.id },
      });
      const lease = await claimOne(journal, sealed.id);
      await journal.commitJudgement(sealed.id, lease.fence, admitting, ["pacs"]);
      expect(await originals.kept({ sealed: [sealed.id], limit: 10 })).toEqual([original.id]);
      expect(await originals.kept({ limit: 10 })).toEqual([original.id]);
      expect(await originals.letGo([original.id])).toBe(0);
      expect(await journal.claimDeletions(10, 100_000)).toEqual([]);
      const [delivery] = await journal.claimDeliveries("gate", "pacs", 10, leaseMs, 7_000);
      await journal.completeDelivery(delivery!.work.delivery.id, delivery!.fence, 7_100);
      expect(await originals.letGo([original.id])).toBe(1);
      expect(await originals.letGo([original.id])).toBe(0);
      expect(await originals.kept({ limit: 10 })).toEqual([]);
      expect(await journal.object(original.id)).toMatchObject({ state: "resolved", stored: false });
      expect(await journal.claimDeletions(10, 100_000)).toEqual([original.digest]);
    }));

  it("is not sealed by whoever lost its lease, and nothing of the sealed object stays", () =>
    withStores(async (stores) => {
      const { journal, originals } = stores;
      const { original, sealed, fence } = await claimed(stores);
      expect(await originals.commitSealing(original, fence + 1, sealed, 6_000)).toEqual({
        result: "lease-lost",
      });
      expect(await journal.object(sealed.id)).toBeUndefined();
      expect((await journal.object(original.id))!.state).toBe("received");
    }));
}

function otherFates(withStores: WithStores): void {
  it("that was held before is resolved when it is sealed; sent again it is known", () =>
    withStores(async (stores) => {
      const { journal, originals } = stores;
      const twin = await held(journal);
      const { digest, sopInstanceUid } = twin;
      const again = received({ digest, sopInstanceUid });
      await journal.addReceived([again]);
      const { fence } = await claimOne(journal, again.id);
      const sealed = received({ sopInstanceUid, arrival: { uidDiffers: false, sealedFrom: again.id } });
      await originals.commitSealing(again, fence, sealed, 6_000);
      expect(await journal.object(twin.id)).toMatchObject({ state: "resolved", relatedId: again.id });
      const known = await originals.ofInstance(sopInstanceUid);
      expect(known).toEqual([{ id: again.id, digest, sealedState: "received" }]);
      const third = received({ digest, sopInstanceUid });
      await journal.addReceived([third]);
      const lease = await claimOne(journal, third.id);
      expect(await originals.commitResent(third.id, lease.fence, again.id, 7_000)).toMatchObject({
        result: "committed",
      });
      expect(await journal.object(third.id)).toMatchObject({ state: "resent", relatedId: again.id });
    }));

  it("stays while its sealed object is held", () =>
    withStores(async (stores) => {
      const { journal, originals } = stores;
      const { original, sealed, fence } = await claimed(stores);
      await originals.commitSealing(original, fence, sealed, 6_000);
      const lease = await claimOne(journal, sealed.id);
      await journal.commitJudgement(sealed.id, lease.fence, holding, []);
      expect(await originals.letGo([original.id])).toBe(0);
      await judged(journal, received(), admitting, ["pacs"]);
      expect(await originals.kept({ limit: 10 })).toEqual([original.id]);
    }));
}

function both(withStores: WithStores): void {
  suite(withStores);
  otherFates(withStores);
}

describe("an original on SQLite", () => {
  both(async (body) => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-originals-"));
    const stores = await openSqliteIndexedJournal(join(folder, "journal.sqlite"));
    try {
      await body(stores);
    } finally {
      await stores.journal.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describePeer("postgres", "an original on PostgreSQL", () => {
  both(async (body) => {
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
