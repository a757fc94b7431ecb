import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { afterEach, beforeEach, expect, it } from "vitest";
import { archiveAt } from "../../../test/gateway/gate.ts";
import { admitting, judged, received } from "../../../test/store/journal-fixture.ts";
import { toHex } from "../../foundation/bytes.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
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
async function owed(): Promise<string> {
  const bytes = new Uint8Array(1_000).fill(7);
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
