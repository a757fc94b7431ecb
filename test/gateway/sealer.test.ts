/** The sealer beside a modality, as the running gateway: what a CT sends unsealed leaves sealed, and what is not that CT's is not sealed. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { revokeKey } from "../../src/site/keys/key-revocation.ts";
import { rotateKey } from "../../src/site/keys/key-rotation.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import { ReceivingArchive, type Sent, sendAll } from "./network.ts";
import { isHeld, type ScanChoice, type SealerChoice, SealerSite, scan, sealerDevice } from "./sealer-site.ts";

const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

interface Opened {
  readonly site: SealerSite;
  readonly archive: ReceivingArchive;
  readonly send: (...files: Sent[]) => Promise<readonly number[]>;
}

async function openSite(choice: SealerChoice = {}): Promise<Opened> {
  const archive = await ReceivingArchive.open(0);
  toEnd.push(() => archive.close());
  const site = await SealerSite.make();
  toEnd.push(() => site.remove());
  site.configure(archive.port, choice);
  const port = await site.start();
  return { site, archive, send: (...files) => sendAll(port, files, { callingAeTitle: "CT01" }) };
}

type Event = { readonly kind: string };
const isDelivered = ({ kind }: Event): boolean => kind === "delivered";
const isSealed = ({ kind }: Event): boolean => kind === "object-sealed";

/** Why each held object is held: its error findings. */
async function reasons(site: SealerSite): Promise<readonly (readonly string[])[]> {
  const held = (await site.objects()).filter(({ state }) => state === "held");
  return held.map(({ findings }) =>
    findings.filter(({ severity }) => severity === "error").map(({ code }) => code),
  );
}

const originalsOf = (rows: readonly JudgedObject[]): readonly JudgedObject[] =>
  rows.filter(({ arrival }) => arrival.sealedFrom === undefined);

/** Objects of the store, by digest. */
function keptFiles(site: SealerSite): readonly string[] {
  const files = readdirSync(join(site.folder, "data", "objects"), { recursive: true, withFileTypes: true });
  return files.filter((one) => one.isFile()).map(({ name }) => name);
}

it("what the CT sends is sealed beside the device, verifies, and is delivered", async () => {
  const { site, archive, send } = await openSite();
  expect(await send(scan("2.25.101"), scan("2.25.102"))).toEqual([0, 0]);
  await site.until(isDelivered, 2);
  const uids = archive.received.map(({ sopInstanceUid }) => sopInstanceUid);
  expect(uids.sort()).toEqual(["2.25.101", "2.25.102"]);
  const rows = await site.objects();
  const admitted = rows.filter(({ state }) => state === "admitted");
  const facts = admitted.map(({ verdict, assurance, basis }) => [verdict, assurance, basis]);
  const expected = ["verified", "beside-device", "verified"];
  expect(facts).toEqual([expected, expected]);
  expect(site.events.filter(isHeld)).toEqual([]);
});

it("the original is kept while no archive has the sealed object, and let go of when one has", async () => {
  const { site, archive, send } = await openSite({ limits: ["retryAfter: 100 ms", "retryAtMost: 1 s"] });
  archive.answer = () => 0xa700;
  await send(scan("2.25.103"));
  await site.until(({ kind }) => kind === "delivery-failed");
  const [original] = originalsOf(await site.objects());
  expect([original!.state, original!.stored]).toEqual(["sealed", true]);
  expect(keptFiles(site).some((name) => name.includes(original!.digest))).toBe(true);
  archive.answer = () => 0;
  await site.until(isDelivered);
  await expect
    .poll(async () => originalsOf(await site.objects()).map(({ state, stored }) => [state, stored]), {
      timeout: 20_000,
    })
    .toEqual([["resolved", false]]);
});

it("the same original sent again is sealed once and delivered once", async () => {
  const { site, archive, send } = await openSite();
  await send(scan("2.25.104"));
  await site.until(isDelivered);
  await send(scan("2.25.104"), scan("2.25.105"));
  await site.until(isDelivered, 2);
  const rows = await site.objects();
  expect(rows.filter(({ state }) => state === "resent")).toHaveLength(1);
  expect(archive.received).toHaveLength(2);
  expect(site.events.filter(isSealed)).toHaveLength(2);
});

it("another object under the UID of one that was sealed is not sealed", async () => {
  const { site, archive, send } = await openSite();
  await send(scan("2.25.106"), scan("2.25.106", { thickness: "2.5" }));
  await site.until(isHeld);
  await site.until(isDelivered);
  expect(await reasons(site)).toEqual([["seal-expected", "instance-conflict"]]);
  expect(archive.received).toHaveLength(1);
  expect(site.events.filter(isSealed)).toHaveLength(1);
});

it("an object that comes sealed is not sealed again and goes nowhere, by whomever it was sealed", async () => {
  const { site, archive, send } = await openSite();
  await site.enrol("CT9", "capture", "CT9-serial");
  await send(await site.sealed("CT9", scan("2.25.107")), await site.sealed(sealerDevice, scan("2.25.117")));
  await site.until(isHeld, 2);
  expect((await reasons(site)).map((codes) => codes.includes("sealer-sealed-already"))).toEqual([true, true]);
  expect(site.events.filter(isSealed)).toEqual([]);
  expect(archive.received).toEqual([]);
});

it.each<[string, ScanChoice, string]>([
  ["another manufacturer", { manufacturer: "OTHER" }, "(0008,0070)"],
  ["another model", { model: "Scan 3001" }, "(0008,1090)"],
  ["another serial number", { serial: "CT2-serial" }, "(0018,1000)"],
  ["no serial number", { serial: "" }, "(0018,1000)"],
  ["two serial numbers", { serial: "CT1-serial\\CT2-serial" }, "(0018,1000)"],
  ["another station", { station: "CT02" }, "(0008,1010)"],
  ["another modality", { modality: "MR" }, "(0008,0060)"],
])("an object with %s is not sealed, and the entry is named", async (_, choice, tag) => {
  const { site, archive, send } = await openSite();
  await send(scan("2.25.108", choice));
  await site.until(isHeld);
  const [held] = (await site.objects()).filter(({ state }) => state === "held");
  const misfits = held!.findings.filter(({ code }) => code === "sealer-other-device");
  expect(misfits.map(({ location }) => location.tag)).toEqual([tag]);
  expect([held!.verdict, archive.received.length, site.events.filter(isSealed).length]).toEqual([
    "unsealed",
    0,
    0,
  ]);
});

it("patient and order must be on the worklist; what was held is sealed when they are, after a recheck", async () => {
  const { site, archive, send } = await openSite({ sealing: ["worklist: {folder: worklist}"] });
  site.write("worklist/other.wl", scan("2.25.1", { patientId: "4712" }));
  site.write("worklist/broken.wl", "no DICOM at all");
  await send(scan("2.25.109"));
  await site.until(isHeld);
  expect(await reasons(site)).toEqual([["seal-expected", "sealer-not-scheduled"]]);
  site.write("worklist/this.wl", scan("2.25.1"));
  await send(scan("2.25.110"), scan("2.25.111", { accession: "A-2" }));
  await site.until(isHeld, 2);
  await site.until(isDelivered);
  rmSync(join(site.folder, "worklist", "this.wl"));
  // It was scheduled today: images of it still come.
  await send(scan("2.25.112"));
  await site.until(isDelivered, 2);
  const [first] = (await site.objects()).filter(({ state }) => state === "held");
  await site.journal((journal) => journal.recheck([first!.id]));
  await site.until(isDelivered, 3);
  const uids = archive.received.map(({ sopInstanceUid }) => sopInstanceUid);
  expect(uids).toEqual(["2.25.110", "2.25.112", "2.25.109"]);
});

it("without its worklist nothing is sealed", async () => {
  const { site, archive, send } = await openSite({ sealing: ["worklist: {folder: worklist}"] });
  rmSync(join(site.folder, "worklist"), { recursive: true });
  await send(scan("2.25.113"));
  await site.until(isHeld);
  expect(await reasons(site)).toEqual([["seal-expected", "sealer-worklist-away"]]);
  expect(archive.received).toEqual([]);
});

it("a revoked device seals nothing; with a new key, what was held is sealed after a recheck", async () => {
  const { site, archive, send } = await openSite();
  await send(scan("2.25.114"));
  await site.until(isDelivered);
  await revokeKey(site.home, sealerDevice, { reason: "cessation" });
  // What the site trusts is looked at every two seconds.
  let next = 200;
  const sendOne = async (): Promise<boolean> => {
    await send(scan(`2.25.${next++}`));
    return (await reasons(site)).some((codes) => codes.includes("sealer-failed"));
  };
  await expect.poll(sendOne, { timeout: 20_000, interval: 500 }).toBe(true);
  // What was sealed in the moment before, and judged in the one after, stays held: its seal came too late.
  const late = (await reasons(site)).filter((codes) => !codes.includes("sealer-failed")).length;
  await rotateKey(site.home, sealerDevice);
  const recheck = async (): Promise<number> => {
    const held = (await site.objects()).filter(({ state }) => state === "held");
    await site.journal((journal) => journal.recheck(held.map(({ id }) => id)));
    return archive.received.length + late;
  };
  await expect.poll(recheck, { timeout: 20_000, interval: 500 }).toBe(next - 200 + 1);
});

it.each<[string, (site: SealerSite) => void]>([
  ["key", (site) => rmSync(join(site.home.deviceFolder(sealerDevice), "epoch-1", "key.pem"))],
  ["counter", (site) => rmSync(join(site.home.deviceFolder(sealerDevice), "epoch-1", "counter"))],
])("without the device's %s nothing is sealed or let pass, and the device is told", async (_, harm) => {
  const archive = await ReceivingArchive.open(0);
  toEnd.push(() => archive.close());
  const site = await SealerSite.make();
  toEnd.push(() => site.remove());
  site.configure(archive.port);
  harm(site);
  const port = await site.start();
  expect(await sendAll(port, [scan("2.25.116")], { callingAeTitle: "CT01" })).toEqual([0]);
  await site.until(isHeld);
  expect(await reasons(site)).toEqual([["seal-expected", "sealer-failed"]]);
  expect(
    site.events.some((event) => event.kind === "fault" && event.where === `sealer ${sealerDevice}`),
  ).toBe(true);
  expect(archive.received).toEqual([]);
});
