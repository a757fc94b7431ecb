import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { afterEach, beforeEach, expect, it } from "vitest";
import { archiveAt } from "../../../test/gateway/gate.ts";
import { admitting, judged, received } from "../../../test/store/journal-fixture.ts";
import { toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import type { Journal } from "../../store/journal/journal.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import { openFolderObjectStore } from "../../store/objects/folder-object-store.ts";
import type { ObjectStore } from "../../store/objects/object-store.ts";
import type { ArchiveLink } from "./archive-link.ts";
import { Deliverer } from "./deliver.ts";
import { ObjectUse } from "./object-use.ts";
import type { GatewayPorts } from "./ports.ts";
import type { GatewayLimits } from "./settings.ts";

const hourMs = 3_600_000;
const limits = { retryMs: 1, retryMsMax: 1, deliveryMsMax: 99 * hourMs } as GatewayLimits;

let folder: string;
let journal: Journal;
let objects: ObjectStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-deliver-"));
  journal = await openSqliteJournal(join(folder, "journal.sqlite"));
  objects = await openFolderObjectStore(join(folder, "objects"));
});
afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true, force: true });
});

/** An admitted object in the object store, due at the archive. */
async function owed(seed = 7): Promise<string> {
  const bytes = new Uint8Array(1_000).fill(seed);
  const digest = toHex(nodeCrypto.hash("SHA-256", bytes));
  await objects.put(
    digest,
    (async function* () {
      yield bytes;
    })(),
  );
  const object = received({ bytes: bytes.length, digest, dataSetOffset: 300 });
  await judged(journal, object, { ...admitting, stored: true }, ["archive"]);
  return object.id;
}

it("what waits for a destination that is away waits for it, not each for itself: all of it goes when it is back, in order", async () => {
  const ids: string[] = [];
  for (let i = 0; i < 40; i++) ids.push(await owed(i));
  const refused = (): never => {
    throw new ScansealError("network", "no connection to archive: ECONNREFUSED");
  };
  let connections = 0;
  const sent: string[] = [];
  const link: ArchiveLink = {
    isOpen: true,
    answerTo: () => "taken",
    store: async ({ id }, dataSet) => {
      for await (const _piece of dataSet);
      sent.push(id);
      return { code: 0 };
    },
    release: async () => undefined,
    abort: () => undefined,
  };
  const events: GatewayEvent[] = [];
  const delivered = Promise.withResolvers<void>();
  const ports = {
    ...{ journal, objects, crypto: nodeCrypto, newId, owner: "gate", random: () => 1, clock: systemClock },
    events: (event: GatewayEvent) => void events.push(event),
  } as unknown as GatewayPorts;
  const deliverer = new Deliverer(archiveAt(104, { associationsMax: 1 }), ports, {
    use: new ObjectUse(),
    limits: () => ({ ...limits, retryMs: 4, retryMsMax: 60, deliveryMsMax: Number.MAX_SAFE_INTEGER }),
    connect: async () => (++connections <= 6 ? refused() : link),
    onDelivered: async () => {
      if (sent.length === ids.length) delivered.resolve();
    },
    onFailed: () => undefined,
  });
  deliverer.start();
  await delivered.promise;
  await deliverer.stop(hourMs);
  expect(sent).toEqual(ids);
  // Six tries, and then all of it over one association.
  expect(connections).toBe(7);
  const told = events.filter(({ kind }) => kind.startsWith("destination-"));
  const why = "network: no connection to archive: ECONNREFUSED";
  const down = { kind: "destination-down", destination: "archive", why, waiting: 40 };
  expect(told).toEqual([
    ...[4, 8, 16, 32, 60, 60].map((retryInMs) => ({ ...down, retryInMs })),
    { kind: "destination-back", destination: "archive", waiting: 40, downMs: expect.any(Number) },
  ]);
  expect(events.filter(({ kind }) => kind === "delivery-failed")).toEqual([]);
  for (const id of [ids[0]!, ids[39]!])
    expect(await journal.deliveriesOf(id)).toMatchObject([{ state: "delivered", attempts: 1 }]);
});

it("after a start what waits because the destination was away is due at once; what it refused keeps its time", async () => {
  const ids = [await owed(1), await owed(2), await owed(3)];
  const later = 2_000_000_000_000;
  const errors = ["timeout: no answer", "the archive answered 0xc000", "peer-aborted: gone"];
  for (const [i, lease] of (
    await journal.claimDeliveries("gate", "archive", 9, hourMs, systemClock.now())
  ).entries()) {
    expect(lease.work.object.id).toBe(ids[i]);
    await journal.failDelivery(lease.work.delivery.id, lease.fence, errors[i]!, later);
  }
  await journal.hastenDeliveries("elsewhere");
  expect(await journal.claimDeliveries("gate", "archive", 9, hourMs, systemClock.now())).toEqual([]);
  await journal.hastenDeliveries("archive");
  const due = await journal.claimDeliveries("gate", "archive", 9, hourMs, systemClock.now());
  expect(due.map(({ work }) => work.object.id)).toEqual([ids[0], ids[2]]);
});

it("an object that takes longer than its lease is sent once, by one worker, and is delivered then", async () => {
  const id = await owed();
  let now = 10_000;
  let claims = 0;
  let stores = 0;
  const claimedTwice = Promise.withResolvers<void>();
  const delivered = Promise.withResolvers<void>();
  const watched = new Proxy(journal, {
    get: (target, name: keyof Journal) => {
      if (name !== "claimDeliveries") return (target[name] as () => unknown).bind(target);
      return async (...asked: Parameters<Journal["claimDeliveries"]>) => {
        const due = await target.claimDeliveries(...asked);
        claims += due.length;
        if (claims === 2) claimedTwice.resolve();
        return due;
      };
    },
  });
  const link: ArchiveLink = {
    isOpen: true,
    answerTo: () => "taken",
    store: async (_, dataSet) => {
      stores++;
      for await (const _piece of dataSet);
      // The line is slow: the lease ends, and the other worker asks what is due.
      now += hourMs;
      deliverer.wake();
      await claimedTwice.promise;
      return { code: 0 };
    },
    release: async () => undefined,
    abort: () => undefined,
  };
  const ports = {
    ...{ journal: watched, objects, crypto: nodeCrypto, newId, owner: "gate", random: () => 0 },
    clock: { now: () => now },
    events: () => undefined,
  } as unknown as GatewayPorts;
  const deliverer = new Deliverer(archiveAt(104, { associationsMax: 2 }), ports, {
    use: new ObjectUse(),
    limits: () => limits,
    connect: async () => link,
    onDelivered: async () => delivered.resolve(),
    onFailed: () => undefined,
  });
  deliverer.start();
  await delivered.promise;
  await deliverer.stop(hourMs);
  expect([claims, stores]).toEqual([2, 1]);
  expect(await journal.deliveriesOf(id)).toMatchObject([{ state: "delivered", attempts: 2 }]);
});
