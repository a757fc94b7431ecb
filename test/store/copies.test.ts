/** Copies of delivered objects, on both databases. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type IndexedJournal,
  openPostgresIndexedJournal,
  openSqliteIndexedJournal,
} from "../../src/store/index/indexed-journal.ts";
import type { ReceivedObject } from "../../src/store/journal/journal.ts";
import { describePeer } from "../peers.ts";
import { act, admitting, held, judged, judgedAgain, leaseMs, received } from "./journal-fixture.ts";
import { startPostgresCluster } from "./postgres-cluster.ts";

type Stores = IndexedJournal;
type WithStores = (body: (stores: Stores) => Promise<void>) => Promise<void>;

const day = 86_400_000;

/** Everything that is due at the destination, or so many. */
async function delivered({ journal }: Stores, destination: string, at: number, count = 1_000): Promise<void> {
  const leases = await journal.claimDeliveries("gate", destination, count, leaseMs, at);
  for (const { work, fence } of leases) await journal.completeDelivery(work.delivery.id, fence, at);
}

/** Admitted, delivered and moved. */
async function copied(
  stores: Stores,
  change: Partial<ReceivedObject> = {},
  at = day,
): Promise<ReceivedObject> {
  const object = received(change);
  await judged(stores.journal, object, admitting, ["pacs"]);
  await delivered(stores, "pacs", at);
  expect(await stores.journal.markStored(object.id)).toEqual(object.location);
  return object;
}

const stateOf = async ({ journal }: Stores, { id }: ReceivedObject) => {
  const { stored, location } = (await journal.object(id))!;
  return stored ? "stored" : location ? "spool" : "nowhere";
};

/** Digests that are to be deleted, and are by then. */
async function deleted({ journal }: Stores, now = 10 * day): Promise<readonly string[]> {
  const digests = await journal.claimDeletions(1_000, now);
  await journal.confirmDeletions(digests, now);
  return [...digests].sort();
}

function keeping(withStores: WithStores): void {
  it("what every archive has stays until it has moved, and is then a copy; without them it leaves", () =>
    withStores(async (stores) => {
      const { journal, copies } = stores;
      await copies.keepUpTo(1_000_000);
      const moved = received();
      const early = received();
      for (const object of [moved, early]) await judged(journal, object, admitting, ["pacs", "second"]);
      await journal.markStored(early.id);
      await delivered(stores, "pacs", day);
      expect(await copies.usage()).toEqual({ objects: 0, bytes: 0 });
      await delivered(stores, "second", day);
      expect(await journal.markDelivered(moved.id)).toBeUndefined();
      expect(await stateOf(stores, moved)).toBe("spool");
      await journal.markStored(moved.id);
      for (const object of [moved, early]) expect(await stateOf(stores, object)).toBe("stored");
      expect(await copies.usage()).toEqual({ objects: 2, bytes: 2 * moved.bytes });
      expect((await journal.counts()).copies).toEqual(await copies.usage());
      expect(await deleted(stores)).toEqual([]);
      await copies.keepUpTo(0);
      const other = received();
      await judged(journal, other, admitting, ["pacs"]);
      await delivered(stores, "pacs", day);
      expect(await journal.markDelivered(other.id)).toEqual(other.location);
      expect(await copies.usage()).toMatchObject({ objects: 2 });
    }));

  it("under pressure it leaves without a copy; what may be in both places is to be deleted in one", () =>
    withStores(async (stores) => {
      const { journal, copies } = stores;
      await copies.keepUpTo(1_000_000);
      const object = received();
      const stored = received();
      for (const one of [object, stored]) await judged(journal, one, admitting, ["pacs"]);
      await journal.markStored(stored.id);
      expect(await copies.leave(object.id, true)).toBeUndefined();
      await delivered(stores, "pacs", day);
      expect(await copies.leave(object.id, false)).toBeUndefined();
      expect(await copies.leave(object.id, true)).toEqual(object.location);
      expect(await copies.usage()).toMatchObject({ objects: 1 });
      expect(await copies.leave(stored.id, true)).toBeUndefined();
      expect(await copies.usage()).toEqual({ objects: 0, bytes: 0 });
      expect(await deleted(stores)).toEqual([object.digest, stored.digest].sort());
      // Cut off between the copy and its row.
      const half = received();
      await judged(journal, half, admitting, ["pacs"]);
      await delivered(stores, "pacs", day);
      await copies.keepUpTo(0);
      expect(await copies.leave(half.id, false)).toEqual(half.location);
      expect(await deleted(stores)).toEqual([half.digest]);
    }));
}

function dropping(withStores: WithStores): void {
  it("the study that was delivered first goes first, and whole", () =>
    withStores(async (stores) => {
      const { copies } = stores;
      await copies.keepUpTo(1_000_000);
      const of = (studyInstanceUid: string, at: number) => copied(stores, { studyInstanceUid }, at);
      const young = [await of("2.25.2", 2 * day), await of("2.25.2", 5 * day)];
      const old = [await of("2.25.1", day), await of("2.25.1", 4 * day)];
      const nameless = await copied(stores, { studyInstanceUid: undefined }, 3 * day);
      expect(await copies.dropOldest(1)).toEqual({ listed: 1, objects: 1, bytes: 1_234, study: "2.25.1" });
      expect(await copies.dropOldest(1, "2.25.1")).toMatchObject({ objects: 1, study: "2.25.1" });
      expect(await copies.dropOldest(1, "2.25.1")).toEqual({
        listed: 0,
        objects: 0,
        bytes: 0,
        study: undefined,
      });
      expect(await deleted(stores)).toEqual(old.map(({ digest }) => digest).sort());
      expect(await copies.dropOldest(500)).toMatchObject({ objects: 2, study: undefined });
      for (const object of young) expect(await stateOf(stores, object)).toBe("nowhere");
      expect(await stateOf(stores, nameless)).toBe("stored");
      expect(await copies.dropOldest(500)).toMatchObject({ objects: 1 });
      expect(await copies.dropOldest(500)).toEqual({ listed: 0, objects: 0, bytes: 0, study: undefined });
      expect(await copies.usage()).toEqual({ objects: 0, bytes: 0 });
      for (const count of [0, 501, 1.5]) expect(() => copies.dropOldest(count)).toThrow("1 to 500");
    }));
}

function needed(withStores: WithStores): void {
  it("never what is needed: due once more, held with the same bytes, or an original", () =>
    withStores(async (stores) => {
      const { journal, copies } = stores;
      await copies.keepUpTo(1_000_000);
      const due = await copied(stores);
      await journal.addDeliveries("second", [due.id], day);
      const twin = await copied(stores, { studyInstanceUid: "2.25.11" });
      await held(journal, { digest: twin.digest });
      expect(await copies.dropOldest(500)).toMatchObject({ objects: 0 });
      expect(await stateOf(stores, due)).toBe("stored");
      expect(await copies.dropOldest(500)).toMatchObject({ objects: 1 });
      expect(await deleted(stores)).toEqual([]);
      expect(await copies.usage()).toEqual({ objects: 0, bytes: 0 });
      await delivered(stores, "second", 2 * day);
      expect(await copies.usage()).toMatchObject({ objects: 1 });
      expect(await stateOf(stores, due)).toBe("stored");
    }));

  it("nothing stays of one that was dropped while the same object came again", () =>
    withStores(async (stores) => {
      const { journal, copies } = stores;
      await copies.keepUpTo(1_000_000);
      const copy = await copied(stores);
      const { digest, sopInstanceUid } = copy;
      const again = received({ digest, sopInstanceUid });
      await journal.addReceived([again]);
      await copies.dropOldest(500);
      // Somebody may need them: they are left alone.
      expect(await deleted(stores)).toEqual([]);
      expect(await judgedAgain(journal, again.id, admitting, ["pacs"])).toMatchObject({ state: "resent" });
      expect(await deleted(stores, 20 * day)).toEqual([digest]);
    }));

  it("a damaged one goes at once, and is recorded; what is still needed waits to be sent again", () =>
    withStores(async (stores) => {
      const { journal, copies } = stores;
      await copies.keepUpTo(1_000_000);
      const copy = await copied(stores);
      const waiting = received();
      await judged(journal, waiting, admitting, ["pacs"]);
      await journal.markStored(waiting.id);
      const report = (id: string) => copies.damaged(act("object.bytes-changed", id));
      expect(await report(copy.id)).toBe("dropped");
      expect(await report(copy.id)).toBe("known");
      expect(await report(waiting.id)).toBe("needed");
      expect(await report(waiting.id)).toBe("known");
      expect(await report("nobody")).toBe("known");
      expect(await deleted(stores)).toEqual([copy.digest]);
      expect(await stateOf(stores, waiting)).toBe("stored");
      expect(await journal.records({ subject: copy.id, limit: 9 })).toHaveLength(1);
      expect(await journal.records({ subject: waiting.id, limit: 9 })).toHaveLength(1);
      // An archive may have it all the same: nobody keeps the damaged bytes as a copy.
      await delivered(stores, "pacs", day);
      expect([await stateOf(stores, waiting), (await copies.usage()).objects]).toEqual(["nowhere", 0]);
    }));
}

const steps = [
  "deliver",
  "deliver second",
  "store",
  "leave",
  "pressed",
  "mark",
  "drop",
  "on",
  "off",
] as const;

/** Six objects of two studies, for one or two destinations each. */
async function anyOrder(
  stores: Stores,
  list: readonly (readonly [(typeof steps)[number], number])[],
): Promise<void> {
  const { journal, copies } = stores;
  const objects = [0, 1, 2, 3, 4, 5].map((i) =>
    received({ studyInstanceUid: `2.25.${i % 2}`, bytes: 2 ** i, digest: `${i}`.padStart(64, "a") }),
  );
  for (const [i, object] of objects.entries())
    await judged(journal, object, admitting, i % 3 === 0 ? ["pacs", "second"] : ["pacs"]);
  const onDisk = new Set<string>();
  let now = day;
  for (const [step, n] of list) {
    const { id, digest } = objects[n % 6]!;
    now += 100_000;
    if (step === "deliver") await delivered(stores, "pacs", now, 1);
    if (step === "deliver second") await delivered(stores, "second", now, 1);
    if (step === "on" || step === "off") await copies.keepUpTo(step === "on" ? 1 : 0);
    // What may be in both places is never only marked: the settler knows which those are.
    if (step === "mark" && !onDisk.has(digest)) await journal.markDelivered(id);
    if (step === "leave" || step === "pressed") await copies.leave(id, step === "pressed");
    if (step === "drop") await copies.dropOldest(1 + (n % 3));
    if (step === "store") {
      const object = (await journal.object(id))!;
      // As a settler that is killed now and then between the bytes and the row.
      if (object.location) onDisk.add(digest);
      if (object.location && n % 4 > 0) await journal.markStored(id);
    }
    for (const gone of await deleted(stores, now)) onDisk.delete(gone);
    let [count, bytes] = [0, 0];
    for (const object of objects) {
      const [row, owed] = [(await journal.object(object.id))!, await journal.deliveriesOf(object.id)];
      const isDone = owed.every(({ state }) => state === "delivered");
      if (!isDone) expect(row.stored || row.location !== undefined, step).toBe(true);
      if (row.stored) expect(onDisk.has(object.digest), step).toBe(true);
      if (!row.stored || !isDone) continue;
      count++;
      bytes += object.bytes;
    }
    expect(await copies.usage(), step).toEqual({ objects: count, bytes });
  }
  // Nothing stays for ever, once copies are kept no longer.
  await copies.keepUpTo(0);
  for (const destination of ["pacs", "second"]) await delivered(stores, destination, now);
  for (const { id } of objects) await copies.leave(id, false);
  while ((await copies.usage()).objects > 0) await copies.dropOldest(500);
  for (const gone of await deleted(stores, now + 100_000)) onDisk.delete(gone);
  expect([...onDisk]).toEqual([]);
}

function transitions(withStores: WithStores, numRuns: number): void {
  const list = fc.array(fc.tuple(fc.constantFrom(...steps), fc.nat({ max: 11 })), {
    maxLength: 40,
    size: "max",
  });
  it("in any order: what is owed is kept, what is told is there, what is counted is right, and nothing leaks", async () => {
    await fc.assert(
      fc.asyncProperty(list, (commands) => withStores((stores) => anyOrder(stores, commands))),
      { numRuns },
    );
  }, 300_000);
}

describe("copies on SQLite", () => {
  const withStores: WithStores = async (body) => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-copies-"));
    const stores = await openSqliteIndexedJournal(join(folder, "journal.sqlite"));
    try {
      await body(stores);
    } finally {
      await stores.journal.close();
      rmSync(folder, { recursive: true, force: true });
    }
  };
  keeping(withStores);
  dropping(withStores);
  needed(withStores);
  transitions(withStores, 40);
});

describePeer("postgres", "copies on PostgreSQL", () => {
  const withStores: WithStores = async (body) => {
    const cluster = await startPostgresCluster();
    const stores = await openPostgresIndexedJournal(await cluster.createDatabase());
    try {
      await body(stores);
    } finally {
      await stores.journal.close();
      await cluster.stop();
    }
  };
  keeping(withStores);
  dropping(withStores);
  needed(withStores);
  transitions(withStores, 3);
});
