import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { admitting, judged, received } from "../../../test/store/journal-fixture.ts";
import { fromHex, toHex } from "../../foundation/bytes.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import type { Journal, ReceivedObject } from "../../store/journal/journal.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import { openSegmentSpool } from "../../store/spool/segment-spool.ts";
import type { Spool } from "../../store/spool/spool.ts";
import { recoverSpool } from "./recovery.ts";
import { encodeHeader } from "./spool-header.ts";

let folder: string;
let journal: Journal;
let spool: Spool;

const openSpool = (): Promise<Spool> => openSegmentSpool(join(folder, "spool"), { bytesMax: 8 << 20 });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-recovery-"));
  journal = await openSqliteJournal(join(folder, "journal.sqlite"));
  spool = await openSpool();
});
afterEach(async () => {
  await spool.close();
  await journal.close();
  rmSync(folder, { recursive: true, force: true });
});

async function spooled(sealedFrom?: string): Promise<ReceivedObject> {
  const bytes = new Uint8Array(10_000).fill(7);
  const digest = toHex(nodeCrypto.hash("SHA-256", bytes));
  const arrival = sealedFrom === undefined ? { uidDiffers: false } : { uidDiffers: false, sealedFrom };
  const kind = sealedFrom === undefined ? "received" : "sealed";
  const { location: _, ...object } = received({ bytes: bytes.length, digest, arrival });
  const writer = spool.begin();
  await writer.write(bytes);
  const location = await writer.commit(encodeHeader({ kind, object }), fromHex(digest));
  return { ...object, location };
}

/** As after kill -9: what was not durable is gone, and the spool is read anew. */
async function restarted(): Promise<void> {
  await spool.close();
  spool = await openSpool();
  await recoverSpool({ journal, spool, events: () => undefined });
}

it("what an archive has leaves the spool, also when the gateway was killed before it could release it", async () => {
  const object = await spooled();
  await judged(journal, object, admitting, ["archive"]);
  const [lease] = await journal.claimDeliveries("gate", "archive", 1, 60_000, 10_000);
  await journal.completeDelivery(lease!.work.delivery.id, lease!.fence, 10_000);
  await restarted();
  expect(spool.usage()).toMatchObject({ records: 0, bytes: 0 });
  expect(await journal.object(object.id)).toMatchObject({ state: "admitted", location: undefined });
});

it("what is still to be delivered stays", async () => {
  const object = await spooled();
  await judged(journal, object, admitting, ["archive"]);
  await restarted();
  expect(spool.usage()).toMatchObject({ records: 1 });
  expect(await journal.object(object.id)).toMatchObject({ location: object.location });
});

it("an acknowledged object whose row was never written gets one", async () => {
  const object = await spooled();
  await restarted();
  expect(await journal.object(object.id)).toMatchObject({ state: "received", location: object.location });
});

it("a sealed object whose row was never written leaves the spool: its original is sealed again", async () => {
  const original = await spooled();
  const sealed = await spooled(original.id);
  await restarted();
  expect(spool.usage()).toMatchObject({ records: 1 });
  expect(await journal.object(sealed.id)).toBeUndefined();
  expect(await journal.object(original.id)).toMatchObject({ state: "received" });
});

it("a sealed object that has its row stays", async () => {
  const sealed = await spooled("019a0000-0000-7000-8000-000000000000");
  await journal.addReceived([sealed]);
  await restarted();
  expect(spool.usage()).toMatchObject({ records: 1 });
});
