/** Archives that are away, refuse, or are given something else; what a stop and a start leave. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { swapPatient } from "../../src/attack-lab/forgeries.ts";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { Examiner } from "../../src/zero-trust/gateway/ports.ts";
import { slice } from "../attacks/objects.ts";
import { edited, newSite, type Site } from "../evaluation/fixture.ts";
import { archiveAt, examinerOf, Gate, type GateChoice, sourceOf } from "./gate.ts";
import { dataSetOf, ReceivingArchive, send, sendAll } from "./network.ts";

let site: Site;
let sealed: Bytes;
let altered: Bytes;
let others: readonly Bytes[];

beforeAll(async () => {
  site = newSite();
  sealed = await site.seal(slice());
  altered = await edited(sealed, swapPatient("Other^Patient", "4712"));
  const uids = ["2.25.1", "2.25.2", "2.25.3"].map((uid) => textElement(tags.sopInstanceUid, "UI", uid));
  others = await Promise.all(uids.map((uid) => site.seal(slice([uid]))));
});
afterAll(() => site.close());

const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

async function openGate(choice: GateChoice = {}, examiner = examinerOf(site)): Promise<Gate> {
  const gate = await Gate.open(examiner, choice);
  toEnd.push(() => gate.end());
  return gate;
}

async function openArchive(port = 0): Promise<ReceivingArchive> {
  const archive = await ReceivingArchive.open(port);
  toEnd.push(() => archive.close());
  return archive;
}

it("an archive that is away gets its objects when it is back; meanwhile they leave the spool", async () => {
  const away = await openArchive();
  const { port } = away;
  await away.close();
  const gate = await openGate({ destinations: [archiveAt(port)] });
  await sendAll(gate.port, others);
  const [down] = await gate.seen("destination-down", 4);
  expect(down).toMatchObject({ destination: "archive", why: expect.stringContaining("ECONNREFUSED") });
  await gate.seen("stored", 3);
  expect(gate.gateway.status().destinations).toMatchObject([
    { name: "archive", outage: { why: down!.why, nextTryAt: expect.any(Number) } },
  ]);
  expect(gate.spool.usage().records).toBe(0);
  const archive = await openArchive(port);
  await gate.seen("delivered", 3);
  expect(archive.received.length).toBe(3);
  const expected = await Promise.all(others.map((file) => dataSetOf(file)));
  for (const { bytes } of archive.received) expect(expected).toContainEqual(bytes);
  expect(gate.events.filter(({ kind }) => kind === "delivery-failed")).toEqual([]);
  expect(await gate.seen("destination-back")).toHaveLength(1);
  expect(gate.gateway.status().destinations).toEqual([{ name: "archive", outage: undefined }]);
  // Every archive has them: kept nowhere here any more.
  for (const row of await gate.rows())
    expect(row).toMatchObject({ state: "admitted", stored: false, location: undefined });
});

it("an archive without room is asked again; a warning is a delivery, and recorded", async () => {
  const archive = await openArchive();
  const answers = [0xa700, 0xa700, 0xb007];
  archive.answer = () => answers.shift() ?? 0;
  const gate = await openGate({ destinations: [archiveAt(archive.port)] });
  await send(gate.port, sealed);
  const [{ object } = { object: "" }] = await gate.seen("delivered");
  expect(await gate.seen("delivery-failed", 2)).toMatchObject([{ isDead: false }, { isDead: false }]);
  expect(await gate.journal.records({ subject: object, limit: 10 })).toMatchObject([
    { act: "object.delivered-with-warning", detail: { status: 0xb007, destination: "archive" } },
  ]);
});

/** Eight refusals by default: see retry.ts. */
const impatient = { retryMs: 1, retryMsMax: 1 };

it("what an archive refuses again and again becomes a dead letter that can be revived", async () => {
  const archive = await openArchive();
  archive.answer = () => 0xc000;
  const gate = await openGate({ destinations: [archiveAt(archive.port)], limits: impatient });
  await send(gate.port, sealed);
  const failures = await gate.seen("delivery-failed", 8);
  expect(failures.map(({ isDead }) => isDead)).toEqual([...Array<boolean>(7).fill(false), true]);
  const [dead] = await gate.journal.deadDeliveries(10);
  expect(dead?.lastError).toBe("the archive answered 0xc000");
  archive.answer = () => 0;
  expect(await gate.journal.reviveDeliveries("archive", Date.now())).toBe(1);
  await gate.seen("delivered");
});

it("an archive that does not take the class in its transfer syntax gets nothing else", async () => {
  const archive = await openArchive();
  archive.takesContexts = false;
  const gate = await openGate({ destinations: [archiveAt(archive.port)], limits: impatient });
  await send(gate.port, sealed);
  const failures = await gate.seen("delivery-failed", 8);
  expect(failures.at(-1)).toMatchObject({ isDead: true });
  expect(archive.received).toEqual([]);
});

it("a delivery that is too old is a dead letter", async () => {
  const away = await openArchive();
  await away.close();
  const gate = await openGate({ destinations: [archiveAt(away.port)], limits: { deliveryMsMax: 0 } });
  await send(gate.port, sealed);
  expect(await gate.seen("delivery-failed")).toMatchObject([{ isDead: true, retryInMs: undefined }]);
});

/** Changes a byte of the spool after the first object was judged and before it leaves. */
function saboteur(real: Examiner): Examiner {
  let count = 0;
  return {
    ...real,
    examine: async (object) => {
      const evidence = await real.examine(object);
      if (count++ > 0) return evidence;
      const [{ path, offset, length }] = object.extents as [{ path: string; offset: number; length: number }];
      const file = readFileSync(path);
      file[offset + length - 100]! ^= 1;
      writeFileSync(path, file);
      return evidence;
    },
  };
}

it("scenario 47: bytes changed between judgement and delivery never complete at an archive", async () => {
  const archive = await openArchive();
  const gate = await openGate({ destinations: [archiveAt(archive.port)] }, saboteur(examinerOf(site)));
  await send(gate.port, sealed);
  expect(await gate.seen("delivery-failed")).toMatchObject([{ isDead: true }]);
  const faults = await gate.seen("fault");
  expect(faults).toMatchObject([{ where: "delivery", code: "internal" }]);
  expect(archive.received).toEqual([]);
  const [row] = await gate.rows();
  const records = await gate.journal.records({ subject: row!.id, limit: 10 });
  expect(records).toMatchObject([{ act: "object.bytes-changed" }]);
  // Sent again, its bytes take the place of those that changed.
  await send(gate.port, sealed);
  expect(await gate.seen("delivered")).toMatchObject([{ object: row!.id }]);
  expect(archive.received).toHaveLength(1);
});

it("a release by two people reaches the reading place they named, and no archive", async () => {
  const archive = await openArchive();
  const place = await openArchive();
  const destinations = [archiveAt(archive.port), archiveAt(place.port, { name: "place", takes: "released" })];
  const gate = await openGate({ destinations });
  await send(gate.port, altered);
  await gate.seen("object-judged");
  const [held] = await gate.rows();
  const record = (act: string) => ({
    id: newId(),
    at: Date.now(),
    actor: "ann",
    act,
    subject: held!.id,
    detail: {},
  });
  const request = {
    id: newId(),
    act: "release",
    objectIds: [held!.id],
    reason: "second opinion",
    requestedBy: "ann",
    requestedAt: Date.now(),
    destination: "place",
    state: "pending",
    approvedBy: undefined,
    approvedAt: undefined,
  } as const;
  await gate.journal.addRequest(request, record("quarantine.release.requested"));
  await gate.journal.approveRequest(request.id, "bob", Date.now(), record("quarantine.release.approved"));
  await gate.seen("delivered");
  expect(place.received.map(({ bytes }) => bytes)).toEqual([await dataSetOf(altered)]);
  expect(archive.received).toEqual([]);
});

/** Examines nothing before it is told. */
function heldBack(real: Examiner): Examiner & { go(): void } {
  let go = (): void => undefined;
  const told = new Promise<void>((resolve) => {
    go = resolve;
  });
  const examine: Examiner["examine"] = async (object) => {
    await told;
    return real.examine(object);
  };
  return { ...real, examine, go: () => go() };
}

it("what was acknowledged before a stop is judged and delivered after the next start", async () => {
  const archive = await openArchive();
  const destinations = [archiveAt(archive.port)];
  const slow = heldBack(examinerOf(site));
  const first = await Gate.open(slow, { destinations });
  const { port } = first;
  expect(await sendAll(port, [...others, altered])).toEqual([0, 0, 0, 0]);
  await first.gateway.drain(50);
  expect(first.gateway.status()).toMatchObject({ phase: "stopped", associations: 0, rowsWaiting: 0 });
  await expect(send(port, sealed)).rejects.toMatchObject({ code: "network" });
  slow.go();
  await first.stop();
  const second = await openGate({ destinations, folder: first.folder });
  await second.seen("object-judged", 4);
  await second.seen("delivered", 3);
  expect(archive.received.length).toBe(3);
  expect((await second.rows()).map(({ state }) => state)).toEqual([
    "admitted",
    "admitted",
    "admitted",
    "held",
  ]);
});

it("without its journal the spool still has what was acknowledged", async () => {
  const slow = heldBack(examinerOf(site));
  const first = await Gate.open(slow, {});
  await sendAll(first.port, others);
  await first.gateway.drain(50);
  slow.go();
  await first.stop();
  for (const name of ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"])
    rmSync(join(first.folder, name), { force: true });
  const second = await openGate({ folder: first.folder });
  await second.seen("stored", 3);
  expect(await second.seen("recovered")).toMatchObject([{ objects: 3 }]);
  expect((await second.rows()).map(({ verdict }) => verdict)).toEqual(["verified", "verified", "verified"]);
});

it("what passed before there was an archive is told when one is added, and goes there when somebody says so", async () => {
  const archive = await openArchive();
  const gate = await openGate();
  await sendAll(gate.port, others);
  await gate.seen("stored", 3);
  const destinations = [archiveAt(archive.port)];
  await gate.gateway.applySettings({ ...gate.settings, destinations });
  expect(await gate.seen("kept-only")).toEqual([{ kind: "kept-only", objects: 3, destination: "archive" }]);
  await gate.gateway.applySettings({ ...gate.settings, destinations });
  expect(await gate.seen("kept-only")).toHaveLength(1);
  const ids = (await gate.rows()).map(({ id }) => id);
  expect(await gate.journal.addDeliveries("archive", ids, Date.now())).toMatchObject({ added: 3 });
  await gate.seen("delivered", 3);
  const expected = await Promise.all(others.map((file) => dataSetOf(file)));
  for (const { bytes } of archive.received) expect(expected).toContainEqual(bytes);
});

it("settings change while it runs: sources, modes, destinations", async () => {
  const archive = await openArchive();
  const gate = await openGate({ sources: [] });
  await expect(send(gate.port, sealed)).rejects.toMatchObject({ code: "peer-rejected" });
  await gate.gateway.applySettings({
    ...gate.settings,
    sources: [sourceOf()],
    destinations: [archiveAt(archive.port)],
  });
  await send(gate.port, sealed);
  await gate.seen("delivered");
  await gate.gateway.applySettings({ ...gate.settings, sources: [sourceOf()], destinations: [] });
  await send(gate.port, others[0]!);
  await gate.seen("stored");
  expect(archive.received.length).toBe(1);
  await expect(
    gate.gateway.applySettings({ ...gate.settings, sources: [sourceOf({ networks: ["nowhere"] })] }),
  ).rejects.toMatchObject({ code: "config-invalid" });
});
