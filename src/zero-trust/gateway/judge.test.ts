import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { encapsulated, lesionWords, rleFrame, rleUid, slice } from "../../../test/attacks/objects.ts";
import { edited, newSite, type Site } from "../../../test/evaluation/fixture.ts";
import { archiveAt, examinerOf, gateLimits, sourceOf } from "../../../test/gateway/gate.ts";
import { stripSeal, swapPatient } from "../../attack-lab/forgeries.ts";
import { plainTextOf } from "../../dicom/elements.ts";
import { textElement } from "../../dicom/encode.ts";
import { readDicom } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import type { Journal, JudgedObject } from "../../store/journal/journal.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import { openFolderObjectStore } from "../../store/objects/folder-object-store.ts";
import { openSegmentSpool } from "../../store/spool/segment-spool.ts";
import type { Spool } from "../../store/spool/spool.ts";
import type { Mode } from "../policy/decide.ts";
import { Judge, type Judged } from "./judge.ts";
import type { Examiner, GatewayPorts } from "./ports.ts";
import type { GatewaySettings, SourceSettings } from "./settings.ts";
import { SourceBook } from "./source-recognition.ts";
import { encodeHeader } from "./spool-header.ts";

let site: Site;
let sealed: Bytes;
let altered: Bytes;
let unsealed: Bytes;

beforeAll(async () => {
  site = newSite();
  sealed = await site.seal(slice());
  altered = await edited(sealed, swapPatient("Other^Patient", "4712"));
  unsealed = await plain("1.2.826.0.1.3680043.9999.1");
});
afterAll(() => site.close());

let folder: string;
let journal: Journal;
let spool: Spool;
let ports: GatewayPorts;
let events: GatewayEvent[];
let settings: GatewaySettings;
let sources: readonly SourceSettings[];
let examiner: Examiner;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-judge-"));
  events = [];
  journal = await openSqliteJournal(join(folder, "journal.sqlite"));
  spool = await openSegmentSpool(join(folder, "spool"), { bytesMax: 16 << 20 });
  for await (const _ of spool.recover());
  examiner = examinerOf(site);
  sources = [sourceOf()];
  settings = {
    aeTitle: "GATE",
    listeners: [],
    sources,
    destinations: [archiveAt(1), archiveAt(2, { name: "reading place", takes: "released" })],
    limits: gateLimits,
  };
  ports = {
    journal,
    spool,
    objects: await openFolderObjectStore(join(folder, "objects")),
    examiner: { width: 1, examine: (object) => examiner.examine(object), close: async () => undefined },
    crypto: nodeCrypto,
    clock: systemClock,
    newId,
    events: (event) => void events.push(event),
    owner: "test",
    random: Math.random,
  };
});
afterEach(async () => {
  await journal.close();
  await spool.close();
  rmSync(folder, { recursive: true, force: true });
});

/** As the receiver does it. @returns the object's id */
async function receive(file: Bytes, source = "ct", other: { readonly uid?: string } = {}): Promise<string> {
  const object = await readDicom(new MemorySource(file)).catch(() => undefined);
  const text = (tag: number): string => plainTextOf(object?.elements ?? [], tag) ?? "1.2.3";
  const digest = nodeCrypto.hash("SHA-256", file);
  const row = {
    id: newId(),
    receivedAt: systemClock.now(),
    source,
    peerTitle: "CT1",
    peerAddress: "127.0.0.1",
    sopClassUid: text(tags.sopClassUid),
    sopInstanceUid: other.uid ?? text(tags.sopInstanceUid),
    transferSyntaxUid: object?.transferSyntax.uid ?? "1.2.840.10008.1.2.1",
    studyInstanceUid: text(tags.studyInstanceUid),
    bytes: file.length,
    digest: toHex(digest),
    dataSetOffset: object?.metaEnd ?? 300,
    arrival: { uidDiffers: false },
  };
  const writer = spool.begin();
  await writer.write(file);
  const location = await writer.commit(encodeHeader({ kind: "received", object: row }), digest);
  await journal.addReceived([{ ...row, location }]);
  return row.id;
}

/** Judges what is received, as the loop does. */
async function judgeAll(): Promise<readonly Judged[]> {
  const state = {
    settings: { ...settings, sources },
    book: new SourceBook({ ...settings, sources }, nodeCrypto),
  };
  const judge = new Judge(ports, () => state);
  const out: Judged[] = [];
  for (;;) {
    const leases = await journal.claimReceived("test", 1, 60_000, systemClock.now());
    if (leases.length === 0) return out;
    const judged = await judge.judge(leases[0]!);
    if (judged) out.push(judged);
  }
}

async function judged(...sent: Parameters<typeof receive>): Promise<JudgedObject> {
  const id = await receive(...sent);
  await judgeAll();
  return (await journal.object(id))!;
}

const told = ({ state, verdict, disposition, basis }: JudgedObject): string =>
  [state, verdict, disposition, basis].join(" ");
const errorsOf = ({ findings }: JudgedObject): string[] =>
  findings.filter(({ severity }) => severity === "error").map(({ code }) => code);

async function stateOf(id: string): Promise<string> {
  return (await journal.object(id))!.state;
}

async function storedBytes({ digest }: JudgedObject): Promise<Bytes> {
  const source = await ports.objects.open(digest);
  try {
    return (await source.read(0, source.size)).slice();
  } finally {
    await source.close();
  }
}

it("a verified object is admitted and owed to the archives alone; it waits in the spool", async () => {
  const object = await judged(sealed);
  expect(told(object)).toBe("admitted verified delivered verified");
  expect(object).toMatchObject({
    mode: "enforce",
    enforced: "delivered",
    assurance: "in-device",
    stored: false,
  });
  expect(object.location).toBeDefined();
  expect((await journal.deliveriesOf(object.id)).map(({ destination }) => destination)).toEqual(["archive"]);
});

it("an altered object is held in every mode, in the object store, and leaves the spool", async () => {
  for (const mode of ["observe", "warn", "enforce"] as const) {
    sources = [sourceOf({ mode })];
    const file = await edited(altered, swapPatient("Other^Patient", mode));
    const object = await judged(file);
    expect(told(object)).toBe("held altered held ");
    expect(object).toMatchObject({ stored: true, location: undefined, mode, enforced: "held" });
    expect(errorsOf(object)).toContain("attribute-changed");
    expect(await storedBytes(object)).toEqual(file);
    expect(await journal.deliveriesOf(object.id)).toEqual([]);
  }
  expect(spool.usage().records).toBe(0);
});

it("an unsealed object passes, passes with a notice, or is held; what enforce would do is kept", async () => {
  const expected: Record<Mode, string> = {
    observe: "admitted unsealed delivered observed",
    warn: "admitted unsealed delivered-with-notice observed",
    enforce: "held unsealed held ",
  };
  for (const mode of ["observe", "warn", "enforce"] as const) {
    sources = [sourceOf({ mode })];
    const object = await judged(await plain(`2.25.${mode.charCodeAt(0)}`));
    expect(told(object)).toBe(expected[mode]);
    expect(object.enforced).toBe("held");
  }
});

/** Of a device that the site does not know. */
function plain(uid: string): Promise<Bytes> {
  return edited(slice([textElement(tags.sopInstanceUid, "UI", uid)]), [
    { kind: "remove", path: [0x00181000] },
  ]);
}

it("what is malformed is held whole in every mode", async () => {
  sources = [sourceOf({ mode: "observe" })];
  const file = sealed.slice(0, sealed.length - 10);
  const object = await judged(file);
  expect(told(object)).toBe("held malformed held ");
  expect(await storedBytes(object)).toEqual(file);
});

it("scenario 48: a command that names another object makes it malformed, though it is sealed", async () => {
  sources = [sourceOf({ mode: "observe" })];
  const object = await judged(sealed, "ct", { uid: "1.2.3.4" });
  expect(told(object)).toBe("held malformed held ");
  expect(errorsOf(object)).toEqual(["uid-mismatch"]);
});

it("an object that claims an enrolled device takes that device's policy, whoever sent it", async () => {
  const stripped = await edited(sealed, stripSeal(await readDicom(new MemorySource(sealed))));
  sources = [sourceOf({ mode: "observe", name: "anybody" })];
  const passed = await judged(stripped, "anybody");
  expect(passed.mode).toBe("observe");
  sources = [...sources, sourceOf({ mode: "enforce", devices: ["CT 1"] })];
  const other = await edited(stripped, [{ kind: "remove", path: [0x00281053] }]);
  expect(await judged(other, "anybody")).toMatchObject({
    state: "held",
    mode: "enforce",
    verdict: "unsealed",
  });
});

it("an object that claims the study of a verified one takes that source's policy", async () => {
  sources = [sourceOf(), sourceOf({ name: "anybody", mode: "observe" })];
  expect((await judged(sealed)).state).toBe("admitted");
  const guest = await plain("2.25.77");
  expect(await judged(guest, "anybody")).toMatchObject({
    state: "held",
    mode: "enforce",
    verdict: "unsealed",
  });
});

it("a source that is not configured any more counts as enforce", async () => {
  sources = [];
  expect(await judged(unsealed)).toMatchObject({ state: "held", mode: "enforce" });
});

it("the same bytes again are a re-send, whether admitted or held", async () => {
  const first = await judged(sealed);
  const again = await judged(sealed);
  expect(again).toMatchObject({ state: "resent", relatedId: first.id, location: undefined });
  const held = await judged(altered);
  expect(await judged(altered)).toMatchObject({ state: "resent", relatedId: held.id });
  expect(spool.usage().records).toBe(1);
});

it("the same sealed object in another lossless encoding is a re-send", async () => {
  const first = await judged(sealed);
  const rle = await encapsulated(sealed, [rleFrame(lesionWords, 2)], rleUid);
  expect(await judged(rle)).toMatchObject({ state: "resent", verdict: "verified", relatedId: first.id });
});

it("another object under an admitted SOP Instance UID is held, in every mode, and recorded", async () => {
  const first = await judged(sealed);
  sources = [sourceOf({ mode: "observe" })];
  const twin = await site.seal(slice([]), []);
  const object = await judged(twin);
  expect(told(object)).toBe("held verified held ");
  expect(errorsOf(object)).toEqual(["instance-conflict"]);
  expect(await storedBytes(object)).toEqual(twin);
  expect(await journal.records({ subject: object.id, limit: 10 })).toMatchObject([
    { act: "object.conflict", actor: "gateway", detail: { conflictWith: first.id } },
  ]);
  expect(await stateOf(first.id)).toBe("admitted");
});

it("held first, then the genuine one: both are what they are", async () => {
  const forged = await judged(altered);
  const genuine = await judged(sealed);
  expect([forged.state, genuine.state]).toEqual(["held", "admitted"]);
  expect(await journal.deliveriesOf(forged.id)).toEqual([]);
});

it("an examination that fails is repeated; after the third failure the object is held without a verdict", async () => {
  const real = examiner;
  let failures = 2;
  examiner = {
    ...real,
    examine: async (object) => {
      if (failures-- > 0) throw new ScansealError("timeout", "too long");
      return real.examine(object);
    },
  };
  expect(told(await judged(sealed))).toBe("admitted verified delivered verified");
  failures = 3;
  sources = [sourceOf({ mode: "observe" })];
  const object = await judged(altered);
  expect(told(object)).toBe("held  held ");
  expect(errorsOf(object)).toEqual(["check-incomplete"]);
  expect(await storedBytes(object)).toEqual(altered);
});

it("an object that ended the gateway again and again is not examined once more", async () => {
  const id = await receive(sealed);
  for (let i = 0; i < 5; i++) {
    expect(await journal.claimReceived("dead", 1, 60_000, systemClock.now())).toHaveLength(1);
    await journal.releaseLeases("dead");
  }
  examiner = { ...examiner, examine: () => Promise.reject(new Error("not to be called")) };
  await judgeAll();
  expect(told((await journal.object(id))!)).toBe("held  held ");
});

it("a journal that fails for a moment is no reason to hold an object", async () => {
  const id = await receive(sealed);
  const state = {
    settings: { ...settings, sources },
    book: new SourceBook({ ...settings, sources }, nodeCrypto),
  };
  const away = new Proxy(journal, {
    get: (target, name: keyof Journal) =>
      name === "commitJudgement"
        ? () => Promise.reject(new ScansealError("io", "the database is away"))
        : target[name].bind(target),
  });
  const [lease] = await journal.claimReceived("test", 1, 60_000, systemClock.now());
  await expect(new Judge({ ...ports, journal: away }, () => state).judge(lease!)).rejects.toMatchObject({
    code: "io",
  });
  expect(await journal.object(id)).toMatchObject({ state: "received" });
  await journal.releaseLeases("test", { of: "objects", underWay: [] });
  await judgeAll();
  expect(told((await journal.object(id))!)).toBe("admitted verified delivered verified");
});

it.each([
  new Error("Sentinel^Patient"),
  ...(["usage", "internal", "peer-protocol", "config-invalid", "timeout"] as const).map(
    (code) => new ScansealError(code, "it failed", { cause: new Error("Sentinel^Patient") }),
  ),
])("whatever is thrown, the object is held and nothing is told of its content: $code", async (thrown) => {
  sources = [sourceOf({ mode: "observe" })];
  const real = ports;
  const broken = new Proxy(journal, {
    get: (target, name: keyof Journal) =>
      name === "sealedStudySources" ? () => Promise.reject(thrown) : target[name].bind(target),
  });
  ports = { ...real, journal: broken };
  const object = await judged(unsealed);
  ports = real;
  expect(told(object)).toBe("held  held ");
  expect(JSON.stringify([events, object.findings])).not.toContain("Sentinel");
});

it("bytes that changed in the spool before they were examined are held, and reported", async () => {
  const id = await receive(sealed);
  const row = (await journal.object(id))!;
  const [{ path, offset } = { path: "", offset: 0 }] = spool.files(row.location!);
  const file = readFileSync(path);
  file[offset + sealed.length - 5]! ^= 1;
  writeFileSync(path, file);
  await judgeAll();
  const object = (await journal.object(id))!;
  expect(told(object)).toBe("held  held ");
  expect(object.stored).toBe(false);
  expect((await journal.records({ subject: id, limit: 10 })).map(({ act }) => act)).toEqual([
    "object.bytes-changed",
  ]);
});

it("a held object that the object store cannot take stays in the spool", async () => {
  const real = ports;
  const put = (): Promise<void> => Promise.reject(new ScansealError("storage-full", "full"));
  ports = {
    ...real,
    objects: { put, open: (d) => real.objects.open(d), delete: (d) => real.objects.delete(d) },
  };
  const object = await judged(altered);
  ports = real;
  expect(told(object)).toBe("held altered held ");
  expect(object).toMatchObject({ stored: false });
  expect(spool.usage().records).toBe(1);
});

it("a held object is judged again from the object store", async () => {
  const held = await judged(unsealed);
  expect(held).toMatchObject({ state: "held", stored: true });
  sources = [sourceOf({ mode: "observe" })];
  expect(await journal.recheck([held.id])).toBe(1);
  await judgeAll();
  const object = (await journal.object(held.id))!;
  expect(told(object)).toBe("admitted unsealed delivered observed");
  expect(object.stored).toBe(true);
  expect(spool.usage().records).toBe(0);
});

it("no event names a patient or a UID", async () => {
  for (const file of [sealed, altered, unsealed, sealed.slice(0, 900)]) await judged(file);
  expect(events.length).toBeGreaterThanOrEqual(4);
  expect(JSON.stringify(events)).not.toMatch(/Sentinel|SENTINEL|1\.2\.826|1\.2\.840|4712/);
});
