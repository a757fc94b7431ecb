/** Figure 2: a series sealed by a site device, and attacks on it, from storescu through a gateway process to Orthanc. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { insertOverlay, stripSeal, swapPatient } from "../../src/attack-lab/forgeries.ts";
import { eraseDisc } from "../../src/attack-lab/pixel-forgeries.ts";
import { findElement } from "../../src/dicom/elements.ts";
import { encodeElement } from "../../src/dicom/encode.ts";
import type { Edit } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Vr } from "../../src/dicom/vr.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { generateChestSeries } from "../../src/phantom/chest-ct.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { freePorts, type GatewayRun, startGateway } from "../cli/gateway-run.ts";
import { makeWorkplace, sampleFile, type Workplace } from "../cli/scanseal-process.ts";
import { corpusBytes } from "../evaluation/corpus-files.ts";
import { edited, parse } from "../evaluation/fixture.ts";
import { DimsePeers } from "../interop/dimse-peers.ts";
import { describePeer } from "../peers.ts";
import { put } from "./objects.ts";
import { asSent, nobody, type SentObject, sendObjects } from "./sent-object.ts";

interface Slice {
  readonly original: Bytes;
  /** Another image, for those from which something was removed. */
  readonly forged?: Bytes;
}

const count = 28;

/** Nodules gone from four of them, by hand in the corpus' case. */
function corpusSeries(): readonly Slice[] {
  const numbers = Array.from({ length: count }, (_, i) => 104 + i);
  const removed = [115, 116, 117, 118];
  const rest = numbers.filter((n) => !removed.includes(n));
  return [...removed, ...rest].map((n) => {
    const original = corpusBytes(`ct-series/lidc-0314-nodule/inst${n}.dcm`);
    const forged = `tampered/generated/ct-nodule-removed-${n}.dcm`;
    return removed.includes(n) ? { original, forged: corpusBytes(forged) } : { original };
  });
}

async function phantomSeries(): Promise<readonly Slice[]> {
  const series = [...generateChestSeries({ seed: 9, slices: count, studyDate: "20260105" })];
  const [first, ...rest] = series.filter(({ nodule }) => !nodule);
  const changed = [...series.filter(({ nodule }) => nodule), first!];
  const made = changed.map(async ({ file, pixels, nodule }) => {
    const { row, column, radiusPx } = nodule ?? { row: 250, column: 150, radiusPx: 8 };
    const forged = pixels.slice();
    eraseDisc(forged, 512, 512, { row, column, radius: 1.6 * radiusPx });
    const value = new Uint8Array(forged.buffer);
    return { original: file, forged: await edited(file, [put({ tag: tags.pixelData, vr: "OW", value })]) };
  });
  return [...(await Promise.all(made)), ...rest.map(({ file }) => ({ original: file }))];
}

/** The pixels of one object in another. */
async function withPixelsOf(bytes: Bytes, other: Bytes): Promise<Bytes> {
  const object = await parse(other);
  const pixels = findElement(object.elements, tags.pixelData)!;
  const value = await object.dataSource.read(pixels.valueOffset, pixels.length);
  return edited(bytes, [put({ tag: tags.pixelData, vr: "OW", value })]);
}

function overlay(vr: Vr): Edit[] {
  const edits = insertOverlay(512, 512, { top: 200, left: 150, height: 80, width: 80 });
  return edits.map((edit) =>
    edit.kind === "put" && edit.element.tag === 0x60003000 ? put({ ...edit.element, vr }) : edit,
  );
}

/** DCMTK would not send it: our own client does. */
async function pixelsTwice(bytes: Bytes, where: "before" | "after"): Promise<SentObject> {
  const object = await parse(bytes);
  const { offset, end, length, vr } = findElement(object.elements, tags.pixelData)!;
  const other = encodeElement(
    { tag: tags.pixelData, vr, value: new Uint8Array(length) },
    object.transferSyntax.encoding,
  );
  const at = where === "before" ? offset : end;
  const file = concatBytes([bytes.subarray(0, at), other, bytes.subarray(at)]);
  return asSent(file, await asSent(bytes, nobody));
}

interface Attack {
  readonly name: string;
  readonly verdict: string;
  readonly sent: Bytes | SentObject;
}

/** One slice each, the first four being those with another image. */
async function attacksOn(
  sealed: readonly Bytes[],
  slices: readonly Slice[],
  elsewhere: Bytes,
): Promise<readonly Attack[]> {
  const altered = async (name: string, i: number, edits: readonly Edit[]): Promise<Attack> => ({
    name,
    verdict: "altered",
    sent: await edited(sealed[i]!, edits),
  });
  const forgeries = slices.slice(0, 4).map(async ({ forged }, i) => ({
    name: `nodule removed, slice ${i + 1} of 4`,
    verdict: "altered",
    sent: await withPixelsOf(sealed[i]!, forged!),
  }));
  return [
    ...(await Promise.all(forgeries)),
    await altered("patient swapped", 4, swapPatient("Other^Patient", "4712")),
    await altered("opaque overlay (OW)", 5, overlay("OW")),
    await altered("opaque overlay (OB)", 6, overlay("OB")),
    await altered("opaque overlay (UN)", 7, overlay("UN")),
    {
      name: "seal stripped",
      verdict: "unsealed",
      sent: await edited(sealed[8]!, stripSeal(await parse(sealed[8]!))),
    },
    { name: "never sealed", verdict: "unsealed", sent: slices[9]!.original },
    { name: "sealed by another authority's device", verdict: "untrusted", sent: elsewhere },
    {
      name: "Pixel Data twice, before",
      verdict: "malformed",
      sent: await pixelsTwice(sealed[11]!, "before"),
    },
    { name: "Pixel Data twice, after", verdict: "malformed", sent: await pixelsTwice(sealed[12]!, "after") },
  ];
}
/** Of which slice is the object of another authority. */
const elsewhereSlice = 10;

/** None is left behind, whatever a test ended with. */
const started: GatewayRun[] = [];
afterAll(async () => {
  for (const run of started) run.signal("SIGKILL");
  await Promise.all(started.map(({ ended }) => ended));
});

class Stage {
  readonly place: Workplace;
  readonly peers: DimsePeers;
  readonly mode: string;
  #run: GatewayRun | undefined;
  #port = 0;
  #http = 0;

  constructor(place: Workplace, peers: DimsePeers, mode: string) {
    this.place = place;
    this.peers = peers;
    this.mode = mode;
  }

  async start(): Promise<void> {
    const { dicom, http } = await freePorts();
    const orthanc = await this.peers.orthanc(this.mode);
    this.#port = dicom;
    this.#http = orthanc.http;
    this.place.write(
      `${this.mode}.yaml`,
      `aeTitle: GATE
home: scanseal-data
data: ${this.mode}
http: {port: ${http}}
listeners: [{name: local, port: ${dicom}}]
sources: [{name: ct, listener: local, mode: ${this.mode}}]
destinations: [{name: archive, host: 127.0.0.1, port: ${orthanc.dicom}, aeTitle: ORTHANC, takes: admitted}]
`,
    );
    this.#run = startGateway(this.place, "gateway", "--config", `${this.mode}.yaml`);
    started.push(this.#run);
    await this.#run.until(/"listening"/);
  }

  async storescu(...files: readonly string[]): Promise<void> {
    const { status, text } = await this.peers.run(
      "storescu",
      "-aec",
      "GATE",
      "127.0.0.1",
      `${this.#port}`,
      ...files,
    );
    expect(status, text).toBe(0);
  }

  async attack(attacks: readonly Attack[]): Promise<void> {
    const files = attacks.flatMap(({ sent }, i) =>
      sent instanceof Uint8Array ? [this.peers.write(`${this.mode}-attack-${i}.dcm`, sent)] : [],
    );
    await this.storescu(...files);
    const raw = attacks.flatMap(({ sent }) => (sent instanceof Uint8Array ? [] : [sent]));
    await sendObjects(this.#port, raw);
  }

  /** Resolves when the log has that many lines of this kind. */
  async logged(event: string, lines: number): Promise<string> {
    return this.#run!.until((output) => output.split(`"${event}"`).length > lines);
  }

  async archived(): Promise<readonly string[]> {
    const answer = await fetch(`http://127.0.0.1:${this.#http}/instances`);
    return (await answer.json()) as string[];
  }

  /** As Orthanc serves it. */
  async download(id: string): Promise<Bytes> {
    const answer = await fetch(`http://127.0.0.1:${this.#http}/instances/${id}/file`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  async stop(): Promise<readonly JudgedObject[]> {
    this.#run?.signal("SIGTERM");
    await this.#run?.ended;
    const journal = await openSqliteJournal(this.place.path(this.mode, "journal.sqlite"));
    const rows = await journal.objects({ limit: 1000 });
    await journal.close();
    return rows;
  }
}

/** What is sent: 28 sealed files, and the attacks on some of them. */
interface Material {
  readonly sealed: readonly string[];
  readonly attacks: readonly Attack[];
}

async function makeMaterial(place: Workplace, slices: readonly Slice[]): Promise<Material> {
  for (const [i, { original }] of slices.entries()) place.write(`scans/${i}.dcm`, original);
  for (const home of ["scanseal-data", "elsewhere"]) {
    place.run("init", "--home", home);
    place.run("enroll", "CT1", "--ae", "CT1", "--serial", "PHANTOM-CT-1", "--home", home);
  }
  const seal = (what: string, out: string, home: string): void => {
    const { status, stderr } = place.run("seal", what, "--device", "CT1", "--out", out, "--home", home);
    expect(status, stderr).toBe(0);
  };
  seal("scans", "sealed", "scanseal-data");
  seal(`scans/${elsewhereSlice}.dcm`, "foreign", "elsewhere");
  const uids = await Promise.all(
    slices.map(async ({ original }) => (await asSent(original, nobody)).sopInstanceUid),
  );
  const sealed = uids.map((uid) => place.path("sealed", `${uid}.dcm`));
  const bytes = sealed.map((path) => new Uint8Array(readFileSync(path)));
  const foreign = new Uint8Array(readFileSync(place.path("foreign", `${uids[elsewhereSlice]}.dcm`)));
  return { sealed, attacks: await attacksOn(bytes, slices, foreign) };
}

async function expectEnforced(stage: Stage, { sealed, attacks }: Material): Promise<void> {
  await stage.start();
  await stage.attack(attacks);
  await stage.logged("object-judged", attacks.length);
  expect(await stage.archived()).toEqual([]);
  await stage.storescu(...sealed);
  await stage.logged("delivered", count);
  const ids = await stage.archived();
  expect(ids.length).toBe(count);
  for (const id of ids) stage.place.write(`served/${id}.dcm`, await stage.download(id));
  expect(stage.place.run("verify", "served")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/28 verified/),
  });
  const rows = await stage.stop();
  const told = rows.map(({ state, verdict }) => `${state} ${verdict}`);
  expect(told.slice(0, attacks.length)).toEqual(attacks.map(({ verdict }) => `held ${verdict}`));
  expect(new Set(told.slice(attacks.length))).toEqual(new Set(["admitted verified"]));
}

async function expectObserved(stage: Stage, { sealed, attacks }: Material): Promise<void> {
  await stage.start();
  await stage.attack(attacks);
  await stage.logged("delivered", 2);
  await stage.logged("object-judged", attacks.length);
  expect((await stage.archived()).length).toBe(2);
  await stage.storescu(...sealed);
  await stage.logged("delivered", count);
  await stage.logged("object-judged", attacks.length + count);
  expect((await stage.archived()).length).toBe(count);
  const rows = await stage.stop();
  const told = rows.map(({ state, verdict, basis }) => `${state} ${verdict} ${basis ?? "-"}`);
  expect(told.slice(0, attacks.length)).toEqual(
    attacks.map(({ verdict }) =>
      verdict === "unsealed" ? "admitted unsealed observed" : `held ${verdict} -`,
    ),
  );
  const genuine = told.slice(attacks.length);
  expect(genuine.filter((one) => one === "held verified -").length).toBe(2);
  expect(genuine.filter((one) => one === "admitted verified verified").length).toBe(count - 2);
}

function describeSeries(make: () => Promise<readonly Slice[]> | readonly Slice[]): void {
  const place = makeWorkplace();
  const peers = new DimsePeers();
  let material: Material;
  beforeAll(async () => {
    material = await makeMaterial(place, await make());
  });
  afterAll(() => peers.close());

  it("enforce: each attack is held, 28 of 28 arrive, and what Orthanc serves verifies", async () => {
    await expectEnforced(new Stage(place, peers, "enforce"), material);
  });

  it("observe: only what has no seal passes; what came first under a UID is not replaced", async () => {
    await expectObserved(new Stage(place, peers, "observe"), material);
  });
}

describePeer(["storescu", "Orthanc"], "a device that is revoked while the gateway runs", () => {
  const place = makeWorkplace();
  const peers = new DimsePeers();
  afterAll(() => peers.close());

  it("its objects pass before and are held after, without a restart", async () => {
    place.run("init");
    for (const name of ["CT1", "CT2"]) {
      place.run("enroll", name, "--ae", name, "--serial", `${name}-serial`);
      for (const i of [1, 2]) place.write(`${name}/${i}.dcm`, sampleFile(`2.25.${name.at(-1)}${i}`));
      place.run("seal", name, "--device", name, "--out", `${name}-sealed`);
    }
    const stage = new Stage(place, peers, "observe");
    await stage.start();
    await stage.storescu(place.path("CT2-sealed", "2.25.21.dcm"));
    await stage.logged("delivered", 1);
    expect(place.run("authority", "revoke", "CT2", "--compromised").status).toBe(0);
    // The files are looked at again when an object is examined, at most every two seconds.
    for (
      let tries = 0;
      tries < 500 && !(await stage.logged("listening", 1)).includes("trust-reloaded");
      tries++
    )
      await stage.storescu(place.path("CT1-sealed", "2.25.11.dcm"));
    await stage.storescu(place.path("CT2-sealed", "2.25.22.dcm"), place.path("CT1-sealed", "2.25.12.dcm"));
    await stage.logged("delivered", 3);
    const rows = (await stage.stop()).filter(({ state }) => state !== "resent");
    const told = new Map(
      rows.map(({ sopInstanceUid, state, verdict }) => [sopInstanceUid, `${state} ${verdict}`]),
    );
    expect(Object.fromEntries(told)).toEqual({
      "2.25.21": "admitted verified",
      "2.25.11": "admitted verified",
      "2.25.22": "held untrusted",
      "2.25.12": "admitted verified",
    });
  });
});

describePeer(["storescu", "Orthanc"], "a generated series from storescu to Orthanc", () => {
  describeSeries(phantomSeries);
});

describePeer(["corpus", "storescu", "Orthanc"], "ct-series/lidc-0314-nodule from storescu to Orthanc", () => {
  describeSeries(corpusSeries);
});
