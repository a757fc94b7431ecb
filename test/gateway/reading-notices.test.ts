/** When a reader is told that something was withheld, of what, and what becomes of the reading when that fails. */
import { afterAll, beforeEach, expect, it } from "vitest";
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import type { GetRequest, OpenAssociation } from "../../src/dicom-network/dimse/service.ts";
import type { RetrieveIdentifier } from "../../src/dicom-network/query/retrieve-identifier.ts";
import { type Bytes, fromLatin1 } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { noticeFile, sealedNotice } from "../../src/site/notices/notice-object.ts";
import { noticePicture } from "../../src/site/notices/notice-picture.ts";
import { DimseReading } from "../../src/zero-trust/gateway/reading/dimse-reading.ts";
import {
  type NoticeRequest,
  noticeSyntaxOf,
  secondaryCaptureClass,
} from "../../src/zero-trust/gateway/reading/notice.ts";
import type { AdmittedEntry, StagedObject } from "../../src/zero-trust/gateway/reading/ports.ts";
import { PlanRoom } from "../../src/zero-trust/gateway/reading/reading-desk.ts";
import type { ReaderSettings } from "../../src/zero-trust/gateway/settings.ts";
import type { Mode } from "../../src/zero-trust/policy/decide.ts";
import { newDevice } from "../evaluation/fixture.ts";
import {
  altered,
  endReading,
  original,
  Place,
  sealed,
  series,
  site,
  study,
  unsealed,
} from "./reading-place.ts";

afterAll(endReading);

let place: Place;
let asked: NoticeRequest[];
let freed: number;

const terms = { transferSyntaxUid: explicitLittleEndianUid, isArchiveUnlisted: false };

function staged(): StagedObject {
  const content = fromLatin1("a notice");
  return {
    extents: [],
    bytes: content.length,
    digest: "",
    async *read() {
      yield content;
    },
    free: async () => {
      freed++;
    },
  };
}

function useNotices(): void {
  asked = [];
  freed = 0;
  place.notices = {
    subjectOf: async ({ sopInstanceUid }) => ({ "00100020": { vr: "LO", Value: [`of ${sopInstanceUid}`] } }),
    make: async (request) => {
      asked.push(request);
      const { studyInstanceUid, transferSyntaxUid } = request;
      const names = { studyInstanceUid, seriesInstanceUid: "2.25.8", sopInstanceUid: "2.25.9" };
      return { ...names, sopClassUid: secondaryCaptureClass, transferSyntaxUid, staged: staged() };
    },
  };
}

beforeEach(async () => {
  site.forget();
  place = await Place.open(sealed);
  useNotices();
});

async function kindsRead(mode: Mode = "enforce", wanted: "told" | "none" = "told"): Promise<string[]> {
  const plan = await place.desk.plan({ studyInstanceUid: study });
  const kinds: string[] = [];
  for await (const read of place.desk.readWithNotices(
    plan,
    { name: "reader", mode },
    wanted === "none" ? undefined : terms.transferSyntaxUid,
  )) {
    kinds.push(read.kind);
    if (read.kind !== "withheld") read.done();
  }
  return kinds;
}

it("is silent where everything is given, and where nobody wants to be told", async () => {
  expect(await kindsRead()).toEqual(["delivered", "delivered", "delivered"]);
  place.archive.files.delete("2.25.202");
  place.now += 120_000;
  expect(await kindsRead("enforce", "none")).toEqual(["delivered", "withheld", "delivered"]);
  expect(asked).toEqual([]);
});

it("comes last, with what is held, missing or not to be had, in the terms of the reader", async () => {
  place.archive.files.set("2.25.201", await altered(sealed[0]!));
  place.archive.files.delete("2.25.203");
  expect(await kindsRead()).toEqual(["withheld", "delivered", "withheld", "notice"]);
  expect(asked).toMatchObject([
    {
      ...terms,
      ...{ studyInstanceUid: study, reader: "reader", total: 3, subject: undefined },
      withheld: [
        { instance: { sopInstanceUid: "2.25.201" }, withholding: { why: "held" } },
        { instance: { sopInstanceUid: "2.25.203" }, withholding: { why: "missing" } },
      ],
    },
  ]);
  expect(freed).toBe(1);
  expect(place.told("read-notice")).toEqual([
    { kind: "read-notice", reader: "reader", withheld: 2, total: 3 },
  ]);
  place.archive.failure = new ScansealError("network", "it is off");
  place.now += 120_000;
  expect(await kindsRead()).toEqual(["withheld", "withheld", "withheld", "notice"]);
  expect(asked[1]!.withheld.map(({ withholding }) => withholding.why)).toEqual(Array(3).fill("unavailable"));
});

it("says what is given in an emergency although it does not pass", async () => {
  place.archive.files.set("2.25.202", await altered(sealed[1]!));
  place.grant = {
    ...{ id: "grant-1", studyInstanceUid: study, reader: "reader", by: "ada", reason: "stroke at night" },
    ...{ openedAt: place.now - 1_000, until: place.now + 60_000, closedAt: undefined, reviewedBy: undefined },
  };
  expect(await kindsRead()).toEqual(["delivered", "opened", "delivered", "notice"]);
  expect(asked).toMatchObject([
    {
      withheld: [],
      unproven: [
        {
          ...{ instance: { sopInstanceUid: "2.25.202" }, verdict: "altered" },
          opening: { kind: "emergency", by: ["ada"], until: place.now + 60_000 },
        },
      ],
      total: 3,
    },
  ]);
});

it("comes for what the reader's own policy withholds too", async () => {
  place = await Place.open([unsealed]);
  useNotices();
  expect(await kindsRead("enforce")).toEqual(["withheld", "notice"]);
  expect(asked).toMatchObject([{ withheld: [{ withholding: { why: "policy" } }] }]);
});

it("takes patient and study of an unknown study from what is given, the proven before the rest, never from what is withheld", async () => {
  place = await Place.open([]);
  useNotices();
  const changed = await altered(await site.seal(original(5)));
  for (const [uid, bytes] of [
    ["2.25.205", changed],
    ["2.25.204", unsealed],
    ["2.25.206", await site.seal(original(6))],
    ["2.25.207", await site.seal(original(7))],
  ] as const)
    place.archive.files.set(uid, bytes);
  expect(await kindsRead("warn")).toEqual(["withheld", "delivered", "delivered", "delivered", "notice"]);
  expect(asked[0]!.subject).toEqual({ "00100020": { vr: "LO", Value: ["of 2.25.206"] } });
});

it("ends as it would without a notice where none can be made, and tells why", async () => {
  place.archive.files.delete("2.25.202");
  place.notices = { ...place.notices, make: () => Promise.reject(new ScansealError("key-unusable", "gone")) };
  expect(await kindsRead()).toEqual(["delivered", "withheld", "delivered"]);
  expect(place.told("fault")).toMatchObject([{ where: "notice for a reader", code: "key-unusable" }]);
});

const slow = (n: number): AdmittedEntry => ({
  ...{ studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: `2.25.${1_000 + n}` },
  ...{ sopClassUid: "1.2", objectId: `${n}`, digest: `${n}`, payloadDigest: undefined, verdict: "verified" },
  instanceNumber: n,
});

it("takes 5,000 that are missing for what they are", async () => {
  place.entries.splice(0, 3, ...Array.from({ length: 5_000 }, (_, i) => slow(i)));
  place.archive.files.clear();
  expect((await kindsRead()).filter((kind) => kind === "notice")).toHaveLength(1);
  expect(asked[0]!.withheld).toHaveLength(5_000);
  expect(asked[0]!.withheld[77]).toMatchObject({ instanceNumber: 77, withholding: { why: "missing" } });
});

/** As the gate makes them, by a key of the site for notices. */
async function genuineNotice(sopInstanceUid: string, seriesInstanceUid: string): Promise<Bytes> {
  const office = newDevice(site.authority, { name: "site-notices", serialNumber: "N", roles: ["notice"] });
  site.trust(office);
  const content = {
    ...{ studyInstanceUid: study, seriesInstanceUid, sopInstanceUid, subject: {}, lines: ["old"] },
    ...{ at: new Date(place.now), softwareVersion: "test" },
    picture: noticePicture({
      heading: "IMAGES WITHHELD",
      lead: "old",
      listed: [],
      reasons: [],
      advice: [],
      origin: [],
    }),
  };
  const ports = { crypto: nodeCrypto, random: nodeRandom, clock: systemClock, decoder: new CodecPool() };
  return sealedNotice(
    noticeFile(content, explicitLittleEndianUid),
    { ...office.sealing, type: "notice" },
    { ...ports, softwareVersion: "test" },
    () => 1,
  );
}

it("neither gives nor misses an old notice that somebody put into the archive", async () => {
  place.archive.files.set("2.25.300", await genuineNotice("2.25.300", series));
  expect(await kindsRead("observe")).toEqual(["delivered", "delivered", "delivered", "withheld"]);
  expect([asked.length, place.held.length, place.told("read-withheld").length]).toEqual([0, 0, 0]);
});

it("takes a genuine notice in an image's place for what it is: an image that is withheld", async () => {
  place.archive.files.set("2.25.202", await genuineNotice("2.25.202", series));
  expect(await kindsRead("observe")).toEqual(["delivered", "withheld", "delivered", "notice"]);
  expect(asked).toMatchObject([{ withheld: [{ withholding: { why: "held", verdict: "notice" } }] }]);
  expect(place.held).toHaveLength(1);
});

function associationWith(transferSyntax: string, scp = true): OpenAssociation {
  const contexts = [{ id: 1, abstractSyntax: secondaryCaptureClass, transferSyntax }];
  return { contexts, rolesOf: () => ({ scu: true, scp }) } as unknown as OpenAssociation;
}

it.each([
  ["explicit", associationWith(explicitLittleEndianUid), explicitLittleEndianUid],
  ["implicit", associationWith(implicitLittleEndianUid), implicitLittleEndianUid],
  ["compressed alone", associationWith("1.2.840.10008.1.2.4.90"), undefined],
  ["as a sender", associationWith(explicitLittleEndianUid, false), undefined],
])("goes by C-GET to whoever takes Secondary Capture: %s", async (_, association, syntax) => {
  expect(noticeSyntaxOf(association)).toBe(syntax);
  place.archive.files.delete("2.25.202");
  const reading = new DimseReading({ desk: place.desk, search: async function* () {} });
  const identifier = { root: "study", level: "STUDY", studyUids: [study], seriesUids: [], instanceUids: [] };
  const reader = { name: "reader", mode: "enforce" } as ReaderSettings;
  const request = { identifier, association } as unknown as GetRequest;
  const { total, steps } = await reading.get(request, reader);
  expect(total()).toBe(3);
  const uids: string[] = [];
  for await (const step of steps) uids.push(step.sopInstanceUid);
  expect(uids).toEqual(["2.25.201", "2.25.202", "2.25.203", ...(syntax === undefined ? [] : ["2.25.9"])]);
  expect(asked.map(({ transferSyntaxUid }) => transferSyntaxUid)).toEqual(
    syntax === undefined ? [] : [syntax],
  );
});

async function got(
  more: Partial<RetrieveIdentifier>,
): Promise<{ readonly uids: readonly string[]; readonly total: number; readonly isPart: boolean }> {
  const contexts = [{ abstractSyntax: secondaryCaptureClass, transferSyntax: explicitLittleEndianUid }];
  const association = { contexts, rolesOf: () => ({ scp: true }) };
  const reading = new DimseReading({ desk: place.desk, search: async function* () {} });
  const identifier = {
    root: "study",
    level: "STUDY",
    studyUids: [study],
    seriesUids: [],
    instanceUids: [],
    ...more,
  };
  const request = { identifier, association } as unknown as GetRequest;
  const { total, steps, isPart } = await reading.get(request, {
    name: "reader",
    mode: "enforce",
  } as ReaderSettings);
  const uids: string[] = [];
  for await (const step of steps)
    uids.push("isMissing" in step ? `no ${step.sopInstanceUid}` : step.sopInstanceUid);
  return { uids, total: total(), isPart: isPart!() };
}

it("is told that there may be more where the archive cannot be asked, also when all that is known was given", async () => {
  const all = ["2.25.201", "2.25.202", "2.25.203"];
  expect(await got({})).toEqual({ uids: all, total: 3, isPart: false });
  place.archive.list = async function* () {
    yield* [];
    throw new ScansealError("network", "it is off");
  };
  place.now += 120_000;
  expect(await got({})).toEqual({ uids: [...all, "2.25.9"], total: 3, isPart: true });
  expect(asked).toMatchObject([{ withheld: [], total: 3, isArchiveUnlisted: true }]);
});

it("asked for by its name, what the archive cannot be asked for fails, and is named", async () => {
  place.archive.failure = new ScansealError("network", "it is off");
  const identifier = {
    level: "IMAGE",
    seriesUids: [series],
    instanceUids: ["2.25.77", "2.25.77", "2.25.78"],
  } as const;
  expect(await got(identifier)).toEqual({
    uids: ["no 2.25.77", "no 2.25.78", "2.25.9"],
    total: 2,
    isPart: true,
  });
  expect(asked[0]!.withheld.map(({ withholding }) => withholding)).toEqual(
    Array(2).fill({ why: "unavailable", code: "network" }),
  );
});

it("what is named twice is read once, and an operation has room for so many", async () => {
  expect(await got({ studyUids: [study, study, study] })).toMatchObject({ total: 3 });
  const room = new PlanRoom();
  for (let taken = 0; taken < 199_998; taken++) room.take();
  await expect(place.desk.plan({ studyInstanceUid: study }, room)).rejects.toMatchObject({ code: "usage" });
});
