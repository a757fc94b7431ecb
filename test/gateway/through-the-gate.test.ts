/** What a sender, the gate and an archive do together, with the real network, spool, journal and object store. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { stripSeal, swapPatient } from "../../src/attack-lab/forgeries.ts";
import { encodeElement, type NewElement, textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { tags } from "../../src/dicom/tags.ts";
import { implicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { encapsulated, lesionWords, rleFrame, rleUid, slice } from "../attacks/objects.ts";
import { edited, newSite, type Site } from "../evaluation/fixture.ts";
import { archiveAt, examinerOf, Gate, type GateChoice, sourceOf } from "./gate.ts";
import { dataSetOf, ReceivingArchive, send, sendAll } from "./network.ts";

let site: Site;
let sealed: Bytes;
let altered: Bytes;
let unsealed: Bytes;

beforeAll(async () => {
  site = newSite();
  sealed = await site.seal(slice());
  altered = await edited(sealed, swapPatient("Other^Patient", "4712"));
  unsealed = await edited(slice(), [{ kind: "remove", path: [0x00181000] }]);
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

/** Sealed slices of other instances. */
function sealedSlices(count: number): Promise<Bytes[]> {
  const uid = (i: number): NewElement => textElement(tags.sopInstanceUid, "UI", `2.25.${1000 + i}`);
  return Promise.all(Array.from({ length: count }, (_, i) => site.seal(slice([uid(i)]))));
}

it("a sealed object passes and arrives byte for byte; an altered one is held with the reason", async () => {
  const archive = await openArchive();
  const gate = await openGate({ destinations: [archiveAt(archive.port)] });
  expect(await sendAll(gate.port, [sealed, altered])).toEqual([0, 0]);
  await gate.seen("object-judged", 2);
  await gate.seen("delivered");
  expect(archive.received.map(({ bytes }) => bytes)).toEqual([await dataSetOf(sealed)]);
  const [passed, held] = await gate.rows();
  expect([passed!.state, passed!.verdict]).toEqual(["admitted", "verified"]);
  expect([held!.state, held!.verdict]).toEqual(["held", "altered"]);
  expect(held!.findings.find(({ code }) => code === "attribute-changed")?.location).toEqual({
    tag: "(0010,0010)",
  });
  const kept = await gate.kept(held!);
  expect(kept!.subarray(held!.dataSetOffset)).toEqual(await dataSetOf(altered));
});

it("after the last delivery the object is the archive's alone", async () => {
  const archive = await openArchive();
  const second = await openArchive();
  const destinations = [archiveAt(archive.port), archiveAt(second.port, { name: "second" })];
  const gate = await openGate({ destinations });
  await send(gate.port, sealed);
  await gate.seen("delivered", 2);
  await gate.stopped();
  expect(gate.usage).toMatchObject({ records: 0 });
  expect([archive.received.length, second.received.length]).toEqual([1, 1]);
});

it("without an archive, admitted objects live in the object store", async () => {
  const gate = await openGate();
  await send(gate.port, sealed);
  await gate.seen("stored");
  const [row] = await gate.rows();
  expect(row).toMatchObject({ state: "admitted", stored: true, location: undefined });
  expect((await gate.kept(row!))!.subarray(row!.dataSetOffset)).toEqual(await dataSetOf(sealed));
});

it("unsealed objects follow the source's mode; failing seals pass in none", async () => {
  for (const mode of ["observe", "warn", "enforce"] as const) {
    const archive = await openArchive();
    const gate = await openGate({ sources: [sourceOf({ mode })], destinations: [archiveAt(archive.port)] });
    await sendAll(gate.port, [unsealed, altered]);
    await gate.seen("object-judged", 2);
    if (mode !== "enforce") await gate.seen("delivered");
    await gate.stopped();
    expect(archive.received.length).toBe(mode === "enforce" ? 0 : 1);
  }
});

it("a stripped seal is held whoever sends it, where its device is known", async () => {
  const stripped = await edited(sealed, stripSeal(await readDicom(new MemorySource(sealed))));
  const sources = [
    sourceOf({ aeTitles: ["OTHER"], mode: "observe", name: "other" }),
    sourceOf({ devices: ["CT 1"] }),
  ];
  const gate = await openGate({ sources });
  await send(gate.port, stripped, { callingAeTitle: "OTHER" });
  expect(await gate.seen("object-judged")).toMatchObject([{ verdict: "unsealed", state: "held" }]);
});

it("malformed objects are acknowledged, held whole, and never pass", async () => {
  const archive = await openArchive();
  const gate = await openGate({
    sources: [sourceOf({ mode: "observe" })],
    destinations: [archiveAt(archive.port)],
  });
  const whole = await dataSetOf(sealed);
  const pixels = whole.subarray(-2060);
  const dataSets = [concatBytes([whole, pixels]), whole.subarray(0, -1), new Uint8Array([1, 2, 3, 4])];
  for (const dataSet of dataSets) expect(await send(gate.port, sealed, { dataSet })).toBe(0);
  await gate.seen("object-judged", dataSets.length);
  const rows = await gate.rows();
  expect(rows.map(({ state, verdict }) => `${state} ${verdict}`)).toEqual(
    dataSets.map(() => "held malformed"),
  );
  for (const [i, row] of rows.entries()) {
    expect((await gate.kept(row))!.subarray(row.dataSetOffset)).toEqual(dataSets[i]);
  }
  await gate.stopped();
  expect(archive.received).toEqual([]);
});

it("scenario 48: a command that names another object than its data set is malformed", async () => {
  const gate = await openGate({ sources: [sourceOf({ mode: "observe", tolerate: ["uid-mismatch"] })] });
  expect(await send(gate.port, sealed, { sopInstanceUid: "2.25.4711" })).toBe(0);
  expect(await gate.seen("object-judged")).toMatchObject([
    { verdict: "malformed", state: "held", codes: ["uid-mismatch"] },
  ]);
});

const nested = (depth: number): NewElement => {
  let items: readonly NewElement[] = [textElement(0x00080100, "SH", "x")];
  for (let i = 0; i < depth; i++) items = [{ tag: 0x0040a730, vr: "SQ", items: [items] }];
  return items[0]!;
};

it("over a limit an object is refused while it arrives; the association goes on", async () => {
  const gate = await openGate({ limits: { objectBytesMax: 1 << 20 } });
  const deep = encodeElement(nested(60), { explicit: true, bigEndian: false });
  const large = new Uint8Array(2 << 20);
  const sent = [{ file: sealed, dataSet: deep }, { file: sealed, dataSet: large }, { file: sealed }];
  expect(await sendAll(gate.port, sent)).toEqual([0xc000, 0xa700, 0]);
  await gate.seen("object-judged");
  expect((await gate.rows()).length).toBe(1);
  const records = await gate.journal.records({ subject: "ct", limit: 10 });
  expect(records.map(({ detail }) => detail.why)).toEqual(["object-bytes", "limit-depth"]);
});

it("peers that no source knows are rejected", async () => {
  const gate = await openGate({
    sources: [sourceOf(), sourceOf({ name: "far", aeTitles: ["FAR"], networks: ["10.0.0.0/8"] })],
  });
  for (const callingAeTitle of ["STRANGER", "FAR"])
    await expect(send(gate.port, sealed, { callingAeTitle })).rejects.toMatchObject({
      code: "peer-rejected",
    });
  await expect(send(gate.port, sealed, { calledAeTitle: "OTHER" })).rejects.toMatchObject({
    code: "peer-rejected",
  });
  expect(await gate.seen("association-rejected", 3)).toMatchObject([
    { why: "network and AE title of no source" },
    { why: "network and AE title of no source" },
    { why: "called AE title is not ours" },
  ]);
  expect(await gate.rows()).toEqual([]);
});

it("a re-send is no second delivery; another object of the same UID is a conflict", async () => {
  const archive = await openArchive();
  const gate = await openGate({ destinations: [archiveAt(archive.port)] });
  const rle = await encapsulated(sealed, [rleFrame(lesionWords, 2)], rleUid);
  const twin = await site.seal(slice());
  await sendAll(gate.port, [sealed, sealed]);
  await sendAll(gate.port, [rle, twin]);
  await gate.seen("object-judged", 4);
  await gate.seen("delivered");
  await gate.stopped();
  expect(archive.received.length).toBe(1);
  expect((await gate.rows()).map(({ state }) => state).sort()).toEqual([
    "admitted",
    "held",
    "resent",
    "resent",
  ]);
});

it("held first, then the genuine one: it passes, and both are what they are", async () => {
  const archive = await openArchive();
  const gate = await openGate({ destinations: [archiveAt(archive.port)] });
  await send(gate.port, altered);
  await gate.seen("object-judged");
  await send(gate.port, sealed);
  await gate.seen("delivered");
  expect((await gate.rows()).map(({ state }) => state)).toEqual(["held", "admitted"]);
  expect(archive.received.map(({ bytes }) => bytes)).toEqual([await dataSetOf(sealed)]);
});

it("each object leaves in exactly the transfer syntax it came in", async () => {
  const archive = await openArchive();
  const sources = [sourceOf({ mode: "observe" })];
  const gate = await openGate({ sources, destinations: [archiveAt(archive.port, { associationsMax: 1 })] });
  const uid = (i: number): NewElement => textElement(tags.sopInstanceUid, "UI", `2.25.${i}`);
  const files = [
    slice([uid(1)]),
    slice([uid(2)], lesionWords, implicitLittleEndianUid),
    await encapsulated(slice([uid(3)]), [rleFrame(lesionWords, 2)], rleUid),
    slice([uid(4)], lesionWords, implicitLittleEndianUid),
  ];
  for (const file of files) await send(gate.port, file);
  await gate.seen("delivered", files.length);
  const bySyntax = archive.received.map(({ transferSyntaxUid, bytes }) => ({ transferSyntaxUid, bytes }));
  for (const file of files) {
    const { transferSyntax } = await readDicom(new MemorySource(file));
    expect(bySyntax).toContainEqual({ transferSyntaxUid: transferSyntax.uid, bytes: await dataSetOf(file) });
  }
});

it("many objects over several associations arrive once each", async () => {
  const archive = await openArchive();
  const gate = await openGate({ destinations: [archiveAt(archive.port, { associationsMax: 3 })] });
  const files = await sealedSlices(40);
  const parts = [0, 1, 2, 3].map((k) => files.filter((_, i) => i % 4 === k));
  await Promise.all(parts.map((part) => sendAll(gate.port, part)));
  await gate.seen("delivered", files.length);
  expect(new Set(archive.received.map(({ sopInstanceUid }) => sopInstanceUid)).size).toBe(files.length);
  expect(archive.received.length).toBe(files.length);
  await gate.stopped();
  expect(gate.usage).toMatchObject({ records: 0 });
});
