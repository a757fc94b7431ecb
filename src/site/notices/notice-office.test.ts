import { spawnSync } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { parse } from "../../../test/evaluation/fixture.ts";
import { makeSealedSite, type SealedSite } from "../../../test/gateway/sealed-site.ts";
import { itWithPeer, peerPath } from "../../../test/peers.ts";
import { plainTextOf } from "../../dicom/elements.ts";
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import { tags } from "../../dicom/tags.ts";
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import { collectEvidence } from "../../zero-trust/evidence/collect.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import type { NotGiven, NoticeRequest } from "../../zero-trust/gateway/reading/notice.ts";
import type { Staging } from "../../zero-trust/gateway/reading/ports.ts";
import type { GateNotice } from "../../zero-trust/gateway/reading/read.ts";
import { decide } from "../../zero-trust/policy/decide.ts";
import { StagingFolder } from "../gateway/staging.ts";
import { NoticeOffice } from "./notice-office.ts";

const root = mkdtempSync(join(tmpdir(), "scanseal-notices-"));
let site: SealedSite;
let office: NoticeOffice;
let folder: string;
let staging: Staging;
let now: number;
let study: JsonDataSet;
let made = 0;

beforeAll(async () => {
  site = await makeSealedSite();
});
afterAll(() => {
  site.remove();
  rmSync(root, { recursive: true, force: true });
});

beforeEach(async () => {
  folder = join(root, `${made++}`);
  now = systemClock.now();
  study = {
    "00100010": { vr: "PN", Value: [{ Alphabetic: "Doe^Zo\u00eb" }] },
    "00100020": { vr: "LO", Value: ["P-1"] },
    "00080020": { vr: "DA", Value: ["20260102"] },
  };
  staging = await StagingFolder.open(`${folder}-staged`, { objectBytesMax: 1e8, bytesMax: 1e9 });
  office = opened();
});
afterEach(() => office.close());

function opened(): NoticeOffice {
  return new NoticeOffice({
    home: site.home,
    index: {
      search: async function* () {
        if (Object.keys(study).length > 0) yield study;
      },
      metadataOf: async function* () {
        yield { "00200011": { vr: "IS", Value: [4] } };
      },
    },
    staging: { stage: (content) => staging.stage(content) },
    folder,
    clock: { now: () => now },
    version: "0.1.0",
  });
}

const missing = (n: number): NotGiven => ({
  instance: { studyInstanceUid: "1.2.3", seriesInstanceUid: "1.2.3.4", sopInstanceUid: `1.2.3.4.${n}` },
  withholding: { why: "missing" },
  instanceNumber: n,
});

const request: NoticeRequest = {
  studyInstanceUid: "1.2.3",
  withheld: [missing(7)],
  unproven: [],
  total: 300,
  reader: "ward",
  transferSyntaxUid: explicitLittleEndianUid,
  isArchiveUnlisted: false,
  subject: undefined,
};

async function bytesOf({ staged }: GateNotice): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for await (const piece of staged.read()) pieces.push(piece.slice());
  return concatBytes(pieces);
}

async function textsOf(notice: GateNotice): Promise<(tag: number) => string | undefined> {
  const { elements } = await parse(await bytesOf(notice));
  return (tag) => plainTextOf(elements, tag);
}

it.each([explicitLittleEndianUid, implicitLittleEndianUid])(
  "is sealed by the site for what it is, in %s, and any change is found",
  async (transferSyntaxUid) => {
    const notice = await office.make({ ...request, transferSyntaxUid });
    const bytes = await bytesOf(notice);
    const trust = new TrustJudge(site.home.trust(), nodeCrypto, systemClock.now());
    const judged = async (changed: Bytes) =>
      decide(await collectEvidence(new MemorySource(changed), { crypto: nodeCrypto, trust }), {
        mode: "observe",
      });
    expect(await judged(bytes)).toMatchObject({
      ...{ verdict: "notice", disposition: "held", assurance: undefined },
      findings: [{ code: "gate-notice", severity: "error" }],
    });
    const changed = bytes.slice();
    changed[bytes.length - 200_000]! ^= 1;
    expect((await judged(changed)).verdict).toBe("altered");
    const { transferSyntax } = await parse(bytes);
    expect(transferSyntax.uid).toBe(transferSyntaxUid);
  },
);

it("carries patient and study of the index, its own series and UID, and its words as text", async () => {
  const notice = await office.make(request);
  const text = await textsOf(notice);
  expect(text(tags.studyInstanceUid)).toBe("1.2.3");
  expect(text(tags.seriesInstanceUid)).toBe(notice.seriesInstanceUid);
  expect(text(tags.sopInstanceUid)).toBe(notice.sopInstanceUid);
  expect(notice.sopInstanceUid).toMatch(/^2\.25\.\d{1,39}$/);
  expect(text(tags.patientId)).toBe("P-1");
  expect(text(0x00080020)).toBe("20260102");
  expect(text(tags.specificCharacterSet)).toBe("ISO_IR 192");
  expect([text(tags.modality), text(0x00080064), text(0x00280301)]).toEqual(["OT", "SYN", "NO"]);
  expect(text(0x00204000)).toMatch(/^1 of 300 images of this study is withheld\.\r\nSeries 4: image 7\r\n/);
});

it("is the same instance for the same facts of one day, also after a restart, and another for others", async () => {
  // The last noon: no day ends meanwhile.
  now = Math.floor(now / 86_400_000 - 0.5) * 86_400_000 + 43_200_000;
  const first = await bytesOf(await office.make(request));
  now += 60_000 - (now % 60_000);
  const [again, both] = await Promise.all([office.make(request), office.make(request)]);
  expect([await bytesOf(again), await bytesOf(both)]).toEqual([first, first]);
  await office.close();
  office = opened();
  expect(await bytesOf(await office.make(request))).toEqual(first);
  const uid = async (change: Partial<NoticeRequest>): Promise<readonly string[]> => {
    const { sopInstanceUid, seriesInstanceUid } = await office.make({ ...request, ...change });
    return [seriesInstanceUid, sopInstanceUid];
  };
  const [series, same] = await uid({});
  const others = [
    await uid({ reader: "another" }),
    await uid({ withheld: [missing(8)] }),
    await uid({ total: 4 }),
    await uid({ isArchiveUnlisted: true }),
    await uid({ transferSyntaxUid: implicitLittleEndianUid }),
  ];
  now += 86_400_000;
  others.push(await uid({}));
  expect(new Set([same, ...others.map(([, one]) => one)]).size).toBe(7);
  expect(new Set(others.map(([one]) => one))).toEqual(new Set([series]));
  expect((await uid({ studyInstanceUid: "1.2.5" }))[0]).not.toBe(series);
});

it("makes one that was damaged on the disk anew", async () => {
  const first = await office.make(request);
  const [name] = readdirSync(folder);
  truncateSync(join(folder, name!), 1_000);
  const second = await office.make(request);
  expect(second.sopInstanceUid).not.toBe(first.sopInstanceUid);
  writeFileSync(join(folder, readdirSync(folder)[0]!), "x".repeat(100));
  expect((await textsOf(await office.make(request)))(tags.patientId)).toBe("P-1");
  expect(readdirSync(folder)).toHaveLength(1);
});

it("takes what the index does not know from what was given", async () => {
  study = {};
  const subject: JsonDataSet = { "00100020": { vr: "LO", Value: ["P-2"] } };
  expect((await textsOf(await office.make({ ...request, subject })))(tags.patientId)).toBe("P-2");
  expect((await textsOf(await office.make(request)))(tags.patientId) ?? "").toBe("");
});

it("stays small for 5,000 withheld instances and a patient's name of 64 kB", async () => {
  study = { "00100010": { vr: "PN", Value: [{ Alphabetic: "x".repeat(65_536) }] } };
  const withheld = Array.from({ length: 5_000 }, (_, i) => missing(2 * i));
  const bytes = await bytesOf(await office.make({ ...request, withheld, total: 5_000 }));
  expect(bytes.length).toBeLessThan(1_500_000);
});

it("fails where the key is gone or the disk is full, and works when they are back", async () => {
  const key = site.home.officeFolder("notice");
  renameSync(key, `${key}-away`);
  try {
    await expect(office.make(request)).rejects.toMatchObject({ code: "key-unusable" });
  } finally {
    renameSync(`${key}-away`, key);
  }
  const { stage } = staging;
  staging = { stage: () => Promise.reject(new ScansealError("storage-full", "full")) };
  await expect(office.make(request)).rejects.toMatchObject({ code: "storage-full" });
  staging = {
    stage: stage.bind(await StagingFolder.open(`${folder}-2`, { objectBytesMax: 1e8, bytesMax: 1e9 })),
  };
  expect((await office.make(request)).sopInstanceUid).toMatch(/^2\.25\./);
});

it("keeps at most so many", async () => {
  for (let i = 0; i < 300; i++) writeFileSync(join(folder, `${i}-x.dcm`), "old");
  await office.make(request);
  expect(readdirSync(folder)).toHaveLength(256);
});

itWithPeer("dciodvfy", "dciodvfy reports no errors where nothing is known of the patient", async () => {
  study = {};
  const path = join(root, "bare.dcm");
  writeFileSync(path, await bytesOf(await office.make(request)));
  const { stdout, stderr } = spawnSync(peerPath("dciodvfy"), [path], { encoding: "utf8" });
  expect(`${stdout}${stderr}`).not.toMatch(/^Error/m);
  expect(readFileSync(path).length).toBeGreaterThan(700_000);
});
