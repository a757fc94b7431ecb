/** What is taken away, and what is not: with real stores, sweep by sweep. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { afterEach, beforeEach, expect, it } from "vitest";
import { admitting, decided, holding, judged, received } from "../../../test/store/journal-fixture.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import type { Journal, ReceivedObject } from "../../store/journal/journal.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import { openFolderObjectStore } from "../../store/objects/folder-object-store.ts";
import type { ObjectStore } from "../../store/objects/object-store.ts";
import { openSegmentSpool } from "../../store/spool/segment-spool.ts";
import type { Spool, SpoolLocation } from "../../store/spool/spool.ts";
import { Cleaner } from "./cleaner.ts";
import { ObjectUse } from "./object-use.ts";
import type { GatewayPorts } from "./ports.ts";

let folder: string;
let journal: Journal;
let objects: ObjectStore;
let spool: Spool;
let use: ObjectUse;
let cleaner: Cleaner;
let now = 100_000;
const toStore: string[] = [];
const events: GatewayEvent[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-cleaner-"));
  journal = await openSqliteJournal(join(folder, "journal.db"));
  objects = await openFolderObjectStore(join(folder, "objects"));
  spool = await openSegmentSpool(join(folder, "spool"), { bytesMax: 1 << 24 });
  use = new ObjectUse();
  now = 100_000;
  toStore.length = 0;
  events.length = 0;
  cleaner = cleanerOf(objects);
});
afterEach(async () => {
  await journal.close();
  await spool.close();
  rmSync(folder, { recursive: true });
});

function cleanerOf(store: ObjectStore): Cleaner {
  const ports = {
    ...{ journal, spool, objects: store },
    clock: { now: () => now },
    events: (event: GatewayEvent) => void events.push(event),
  } as GatewayPorts;
  return new Cleaner(ports, { use, store: (id) => void toStore.push(id) });
}

const digestOf = (content: string): string => createHash("sha256").update(content).digest("hex");

/** Admitted for one archive, its bytes in the object store. */
async function stored(content: string, destinations = ["pacs"]): Promise<ReceivedObject> {
  const digest = digestOf(content);
  await objects.put(digest, only(Buffer.from(content)));
  const object = received({ digest });
  await judged(journal, object, { ...admitting, stored: true }, destinations);
  return object;
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function deliver(): Promise<void> {
  for (const { work, fence } of await journal.claimDeliveries("a", "pacs", 99, 1_000, now))
    await journal.completeDelivery(work.delivery.id, fence, now);
}

async function isThere({ digest }: ReceivedObject): Promise<boolean> {
  return objects.open(digest).then(
    async (open) => {
      await open.close();
      return true;
    },
    () => false,
  );
}

async function inSpool(content: string): Promise<SpoolLocation> {
  const writer = spool.begin();
  await writer.write(Buffer.from(content));
  return writer.commit(Buffer.from("{}"), createHash("sha256").update(content).digest());
}

it("deletes what every archive has, and nothing else", async () => {
  const delivered = await stored("delivered");
  const waiting = await stored("waiting", ["pacs", "second"]);
  const embedded = await stored("embedded", []);
  const shared = await stored("shared");
  await judged(journal, received({ digest: shared.digest }), holding);
  await cleaner.sweep();
  expect(await isThere(delivered)).toBe(true);
  await deliver();
  await cleaner.sweep();
  expect(await Promise.all([delivered, waiting, embedded, shared].map(isThere))).toEqual([
    false,
    true,
    true,
    true,
  ]);
  expect(await journal.object(delivered.id)).toMatchObject({ state: "admitted", stored: false });
  expect(events).toEqual([]);
});

it("what was cut off is finished later, unless somebody came to need the bytes", async () => {
  const [cut, needed] = [await stored("cut"), await stored("needed")];
  await deliver();
  const failing = { ...objects, delete: () => Promise.reject(new Error("EIO")) };
  await cleanerOf(failing).sweep();
  expect(events).toMatchObject([{ kind: "fault", where: "delivered objects" }]);
  // The same bytes again, from elsewhere: held back while they may be deleted.
  const again = received({ digest: needed.digest });
  await journal.addReceived([again]);
  expect(await journal.claimReceived("a", 9, 1_000, now + 59_000)).toEqual([]);
  await cleaner.sweep();
  expect(await isThere(cut)).toBe(true);
  now += 60_000;
  await cleaner.sweep();
  expect([await isThere(cut), await isThere(needed)]).toEqual([false, true]);
  expect(await journal.claimReceived("a", 9, 1_000, now)).toHaveLength(1);
});

it("does not delete late: a disk that was away for half a minute finds nothing to do", async () => {
  const [first, second] = [await stored("first"), await stored("second")];
  await deliver();
  const slow = {
    ...objects,
    delete: async (digest: string) => {
      now += 31_000;
      await objects.delete(digest);
    },
  };
  await cleanerOf(slow).sweep();
  const left = (await isThere(first)) ? first : second;
  expect(await isThere(left)).toBe(true);
  now += 60_000;
  await cleaner.sweep();
  expect(await isThere(left)).toBe(false);
});

it("frees records of the spool that another process let go of, once nobody reads them", async () => {
  const location = await inSpool("held");
  const object = received({ location });
  await judged(journal, object, { ...holding, stored: false });
  cleaner.watch(object.id, location);
  await cleaner.sweep();
  expect([spool.usage().records, toStore]).toEqual([1, [object.id]]);
  await decided(journal, "purge", [object.id], now);
  await use.reading(object.id, () => cleaner.sweep());
  expect(spool.usage().records).toBe(1);
  await cleaner.sweep();
  expect(spool.usage().records).toBe(0);
});

it("a record whose row is not written yet stays", async () => {
  cleaner.watch(newId(), await inSpool("young"));
  await cleaner.sweep();
  expect(spool.usage().records).toBe(1);
});

it("a journal that is away is an event, and the next sweep does the work", async () => {
  await journal.close();
  await cleaner.sweep();
  expect(events.map((event) => event.kind)).toEqual(["fault"]);
});
