import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { slice } from "../../../test/attacks/objects.ts";
import { encodeElement, type NewElement, textElement } from "../../dicom/encode.ts";
import { PushReader } from "../../dicom/read.ts";
import {
  deflatedUid,
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../../dicom/transfer-syntax.ts";
import type { AssociateRequest, NetworkPeer } from "../../dicom-network/dimse/association.ts";
import {
  DimseRefusal,
  type DimseStatus,
  type OpenAssociation,
  type StoreReceiver,
} from "../../dicom-network/dimse/service.ts";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import type { Journal } from "../../store/journal/journal.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import { openSegmentSpool } from "../../store/spool/segment-spool.ts";
import type { Spool } from "../../store/spool/spool.ts";
import { Intake } from "./intake.ts";
import { InflatingSlots, type Reception } from "./object-receiver.ts";
import { Occupancy } from "./occupancy.ts";
import { PeerBook } from "./peer-recognition.ts";
import type { GatewayPorts } from "./ports.ts";
import { GateProvider } from "./receive.ts";
import { recoverSpool } from "./recovery.ts";
import { RefusalRecords } from "./refusal-records.ts";
import { RowWriter } from "./row-writer.ts";
import type { GatewayLimits, GatewaySettings, ReaderSettings, SourceSettings } from "./settings.ts";
import { SourceBook } from "./source-recognition.ts";
import { Traffic } from "./traffic.ts";

const ctClass = "1.2.840.10008.5.1.4.1.1.2";
const instanceUid = "1.2.826.0.1.3680043.9999.1";
const associate: AssociateRequest = {
  callingAeTitle: "CT1",
  calledAeTitle: "GATE",
  applicationContext: "1.2.840.10008.3.1.1.1",
  contexts: [],
  user: { maxPduBytes: 0, implementationClassUid: "1.2" },
};
const limits: GatewayLimits = {
  associationsMax: 3,
  objectBytesMax: 1 << 20,
  objectMs: 60_000,
  evidenceMs: 60_000,
  ...{ retryMs: 1, retryMsMax: 1, deliveryMsMax: 1 },
};
const ct: SourceSettings = {
  name: "ct",
  listener: "plain",
  certificates: [],
  aeTitles: ["CT1"],
  networks: [],
  mode: "observe",
  tolerate: [],
  devices: [],
  associationsMax: 2,
  quotaBytes: 1 << 20,
};

let folder: string;
let journal: Journal;
let spool: Spool;
let events: GatewayEvent[];
let ahead: number;
let reception: Reception;
let settings: GatewaySettings;
let isDraining: boolean;
let provider: GateProvider;
let openPorts: number;

async function start(bytesMax = 8 << 20): Promise<void> {
  journal = await openSqliteJournal(join(folder, "journal.sqlite"));
  spool = await openSegmentSpool(join(folder, "spool"), { bytesMax });
  const clock = { now: () => systemClock.now() + ahead };
  const ports = {
    journal,
    spool,
    crypto: nodeCrypto,
    clock,
    newId,
    events: (event: GatewayEvent) => void events.push(event),
    owner: "test",
    random: Math.random,
  } as unknown as GatewayPorts;
  await recoverSpool(ports);
  const traffic = new Traffic();
  reception = {
    ports,
    occupancy: new Occupancy(),
    intake: new Intake(clock),
    rows: new RowWriter(ports, traffic, () => undefined),
    refusals: new RefusalRecords(ports),
    inflating: new InflatingSlots(),
    traffic,
  };
  const nobody = new PeerBook<ReaderSettings>([], settings.listeners, nodeCrypto);
  provider = new GateProvider("plain", reception, () => ({
    settings,
    book: new SourceBook(settings, nodeCrypto),
    readers: nobody,
    archives: nobody,
    isDraining,
  }));
}

async function stop(): Promise<void> {
  await reception.rows.stop();
  await journal.close();
  await spool.close();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-receive-"));
  events = [];
  ahead = 0;
  openPorts = 4000;
  isDraining = false;
  const listener = { name: "plain", host: "127.0.0.1", port: 0 };
  settings = { aeTitle: "GATE", listeners: [listener], sources: [ct], destinations: [], limits };
  await start();
});
afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

function connect(): NetworkPeer {
  return { address: "127.0.0.1", port: openPorts++ };
}

interface Sending {
  readonly syntax?: string;
  readonly instance?: string;
  readonly peer?: NetworkPeer;
  readonly pieceBytes?: number;
}

function openTo(peer: NetworkPeer): OpenAssociation {
  const roles = { scu: true, scp: false };
  const none = { contexts: [], rolesOf: () => roles, isRelational: () => false };
  return { id: "1", peer, request: associate, ...none, abort: () => undefined };
}

/** What the message layer does with one C-STORE; the status that is answered. */
async function send(dataSet: Bytes, sending: Sending = {}): Promise<number> {
  const { syntax = explicitLittleEndianUid, instance = instanceUid, pieceBytes = 700 } = sending;
  const peer = sending.peer ?? connect();
  if (!sending.peer) expect(provider.admit(associate, peer)).toHaveProperty("accept");
  const association = openTo(peer);
  const receiver = provider.store({
    association,
    messageId: 1,
    transferSyntaxUid: syntax,
    sopClassUid: ctClass,
    sopInstanceUid: instance,
  });
  const status = "code" in receiver ? receiver : await pass(dataSet, receiver, pieceBytes);
  if (!sending.peer) provider.ended(association, peer, { kind: "released" });
  return status.code;
}

async function pass(dataSet: Bytes, receiver: StoreReceiver, pieceBytes: number): Promise<DimseStatus> {
  try {
    for (let at = 0; at < dataSet.length; at += pieceBytes) {
      const piece = dataSet.slice(at, at + pieceBytes);
      await receiver.write(piece);
      // Valid during the call only.
      piece.fill(0xee);
    }
    return await receiver.end();
  } catch (error) {
    if (error instanceof DimseRefusal) return error.status;
    throw error;
  }
}

/** Without the head of a Part 10 file made by `slice`. */
function dataSetOf(file: Bytes): Bytes {
  const length = file[140]! | (file[141]! << 8);
  return file.subarray(144 + length);
}

async function rows() {
  await reception.rows.stop();
  return journal.objects({ limit: 100 });
}

async function bytesOf(
  location: NonNullable<Awaited<ReturnType<typeof rows>>[number]["location"]>,
): Promise<Bytes> {
  const source = await spool.open(location);
  try {
    return (await source.read(0, source.size)).slice();
  } finally {
    await source.close();
  }
}

it("what is acknowledged is in the spool, byte for byte, behind a head that depends on nothing else", async () => {
  const dataSet = dataSetOf(slice());
  expect(await send(dataSet)).toBe(0);
  expect(await send(dataSet, { pieceBytes: 11 })).toBe(0);
  const [first, second] = await rows();
  const file = await bytesOf(first!.location!);
  expect(file.subarray(first!.dataSetOffset)).toEqual(dataSet);
  expect(createHash("sha256").update(file).digest("hex")).toBe(first!.digest);
  expect(second!.digest).toBe(first!.digest);
  expect(first).toMatchObject({
    state: "received",
    source: "ct",
    peerTitle: "CT1",
    sopClassUid: ctClass,
    sopInstanceUid: instanceUid,
    studyInstanceUid: "1.2.826.0.1.3680043.9999.2",
    seriesInstanceUid: "1.2.826.0.1.3680043.9999.3",
    modality: "CT",
    bytes: file.length,
    arrival: { uidDiffers: false },
  });
  expect(events.filter(({ kind }) => kind === "object-acknowledged")).toHaveLength(2);
});

it("command and data set that name different instances are told apart", async () => {
  await send(dataSetOf(slice()), { instance: "1.2.3.4" });
  await send(dataSetOf(slice([textElement(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4")])));
  expect((await rows()).map(({ arrival }) => arrival)).toEqual([{ uidDiffers: true }, { uidDiffers: true }]);
});

it("a grammar violation is kept whole; only well-formed names of it are kept", async () => {
  const whole = dataSetOf(slice());
  const twice = concatBytes([whole, whole.subarray(-2060)]);
  expect(await send(twice)).toBe(0);
  expect(await send(whole.subarray(0, whole.length - 1))).toBe(0);
  expect(await send(new Uint8Array(0))).toBe(0);
  expect(await send(dataSetOf(slice([textElement(0x0020000d, "UI", "../../etc/passwd")])))).toBe(0);
  const [duplicate, truncated, empty, traversal] = await rows();
  expect((await bytesOf(duplicate!.location!)).subarray(duplicate!.dataSetOffset)).toEqual(twice);
  expect(truncated!.bytes - truncated!.dataSetOffset).toBe(whole.length - 1);
  expect(empty!.bytes).toBe(empty!.dataSetOffset);
  expect(traversal).toMatchObject({ studyInstanceUid: undefined, modality: "CT" });
});

const nested = (depth: number): NewElement => {
  let items: readonly NewElement[] = [textElement(0x00080100, "SH", "x")];
  for (let i = 0; i < depth; i++) items = [{ tag: 0x0040a730, vr: "SQ", items: [items] }];
  return items[0]!;
};

it("what our own parser stumbles over is kept whole for the examiner, and told", async () => {
  const push = vi.spyOn(PushReader.prototype, "push").mockImplementation(() => {
    throw new RangeError("what it says may quote the object");
  });
  const status = await send(slice());
  push.mockRestore();
  expect(status).toBe(0);
  const fault = { kind: "fault", where: "receiver", code: "internal", why: "RangeError" };
  expect(events.filter(({ kind }) => kind === "fault")).toEqual([fault]);
  expect(spool.usage().records).toBe(1);
});

it("over a limit an object is refused while it arrives, with one record, and leaves nothing", async () => {
  const deep = encodeElement(nested(60), { explicit: true, bigEndian: false });
  expect(await send(deep)).toBe(0xc000);
  expect(await send(deep)).toBe(0xc000);
  expect(await rows()).toEqual([]);
  expect(spool.usage().records).toBe(0);
  expect(reception.occupancy.bytesOf("ct")).toBe(0);
  expect(events.filter(({ kind }) => kind === "object-refused")).toMatchObject([
    { source: "ct", status: 0xc000, why: "limit-depth" },
    { source: "ct", status: 0xc000, why: "limit-depth" },
  ]);
  await reception.refusals.stop();
  const records = await journal.records({ limit: 10 });
  expect(records).toMatchObject([
    { act: "object.refused", subject: "ct", detail: { why: "limit-depth", status: 0xc000 } },
  ]);
});

it("size and time of an object are bounded", async () => {
  settings = { ...settings, limits: { ...limits, objectBytesMax: 2_000 } };
  expect(await send(dataSetOf(slice()))).toBe(0xa700);
  settings = { ...settings, limits: { ...limits, objectMs: -1 } };
  expect(await send(dataSetOf(slice()))).toBe(0xa700);
  expect(spool.usage().records).toBe(0);
});

it("a source's quota counts what arrives and what waits to be judged", async () => {
  const dataSet = dataSetOf(slice());
  settings = { ...settings, sources: [{ ...ct, quotaBytes: dataSet.length + 1_000 }] };
  expect(await send(dataSet)).toBe(0);
  expect(await send(dataSet)).toBe(0xa700);
  const [only] = await rows();
  reception.occupancy.judged(only!.id);
  expect(reception.occupancy.bytesOf("ct")).toBe(0);
});

it("a full spool refuses and keeps what it acknowledged", async () => {
  await stop();
  rmSync(join(folder, "spool"), { recursive: true });
  await start(4 << 20);
  settings = { ...settings, sources: [{ ...ct, quotaBytes: 1 << 30 }] };
  const dataSet = concatBytes([dataSetOf(slice()), new Uint8Array(200_000)]);
  let status = 0;
  let acknowledged = 0;
  for (; status === 0 && acknowledged < 1_000; acknowledged += status === 0 ? 1 : 0)
    status = await send(dataSet, { pieceBytes: 50_000 });
  expect(status).toBe(0xa700);
  expect(acknowledged).toBeGreaterThan(4);
  expect(await rows()).toHaveLength(Math.min(100, acknowledged));
});

it("an association that ends before its object leaves nothing", async () => {
  const peer = connect();
  provider.admit(associate, peer);
  const association = openTo(peer);
  const receiver = provider.store({
    association,
    messageId: 1,
    transferSyntaxUid: implicitLittleEndianUid,
    sopClassUid: ctClass,
    sopInstanceUid: instanceUid,
  });
  if ("code" in receiver) throw new Error("refused");
  await receiver.write(new Uint8Array(1_000));
  receiver.cancel();
  receiver.cancel();
  expect(spool.usage().records).toBe(0);
  expect(reception.occupancy.bytesOf("ct")).toBe(0);
});

it("associations are bounded, for each source and in all; while draining there are none", () => {
  const reject = { reject: { result: 2, source: 3, reason: 2 } };
  const peers = [connect(), connect()];
  for (const peer of peers) expect(provider.admit(associate, peer)).toHaveProperty("accept");
  expect(provider.admit(associate, connect())).toEqual(reject);
  provider.ended(undefined, peers[0]!, { kind: "lost", why: "" });
  expect(provider.admit(associate, connect())).toHaveProperty("accept");
  settings = { ...settings, sources: [{ ...ct, associationsMax: 100 }] };
  expect(provider.admit(associate, connect())).toHaveProperty("accept");
  expect(provider.admit(associate, connect())).toEqual(reject);
  isDraining = true;
  expect(provider.admit(associate, connect())).toEqual({ reject: { result: 2, source: 3, reason: 1 } });
});

it("contexts: verification and storage, the first transfer syntax that is known, never big endian", () => {
  const admitted = provider.admit(associate, connect());
  if ("reject" in admitted) throw new Error("rejected");
  const { accept } = admitted;
  expect(accept("1.2.840.10008.1.1", [implicitLittleEndianUid])).toEqual({
    transferSyntax: implicitLittleEndianUid,
  });
  expect(accept(ctClass, ["1.2.3", explicitBigEndianUid, deflatedUid, explicitLittleEndianUid])).toEqual({
    transferSyntax: deflatedUid,
  });
  expect(accept("1.3.6.1.4.1.9999.1", [implicitLittleEndianUid])).toHaveProperty("transferSyntax");
  expect(accept(ctClass, [explicitBigEndianUid])).toEqual({ refuse: 4 });
  expect(accept(ctClass, ["1.2.3"])).toEqual({ refuse: 4 });
  // Query/Retrieve
  expect(accept("1.2.840.10008.5.1.4.1.2.2.1", [implicitLittleEndianUid])).toEqual({ refuse: 3 });
});

it("a source that is removed while its association is open may store no more", async () => {
  const peer = connect();
  provider.admit(associate, peer);
  settings = { ...settings, sources: [] };
  expect(await send(dataSetOf(slice()), { peer })).toBe(0x0124);
});

it("rows that a crash prevented are made at the next start, once", async () => {
  const dataSet = dataSetOf(slice());
  await send(dataSet);
  await send(dataSet);
  const [first] = await rows();
  await stop();
  rmSync(join(folder, "journal.sqlite"));
  rmSync(join(folder, "journal.sqlite-wal"), { force: true });
  events = [];
  await start();
  const again = await rows();
  expect(again).toHaveLength(2);
  expect(again[0]).toEqual(first);
  expect(events).toContainEqual({ kind: "recovered", objects: 2, bytes: 2 * first!.bytes });
  await stop();
  events = [];
  await start();
  expect(await rows()).toEqual(again);
  expect(events).toContainEqual({ kind: "recovered", objects: 0, bytes: 0 });
});
