/** DCMTK's readers at the gate, Orthanc as the archive behind it, and somebody who changes files in Orthanc's folder. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { findElement, plainTextOf } from "../../src/dicom/elements.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { type Bytes, equalBytes } from "../../src/foundation/bytes.ts";
import { makeWorkplace, type Run, sampleFile } from "../cli/scanseal-process.ts";
import { parse } from "../evaluation/fixture.ts";
import { describePeer } from "../peers.ts";
import { dataSetOf, type Ended, phantomFiles } from "./dimse-peers.ts";
import { GatewaySite, ourTitle } from "./gateway-site.ts";

const place = makeWorkplace();
let site: GatewaySite;
let orthanc: { readonly dicom: number; readonly http: number };
let sinkPort: number;
/** As they were sealed, by SOP Instance UID. */
const sealed = new Map<string, Bytes>();
let study: string;
let reads = 0;

const uidOf = async (bytes: Bytes, tag: number): Promise<string> =>
  plainTextOf((await parse(bytes)).elements, tag) ?? "";

/** Where Orthanc keeps an instance: whoever has the folder finds it, too. */
async function fileOf(instance: string): Promise<string> {
  const folder = site.peers.path("orthanc");
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name);
    if (!/^[0-9a-f-]{36}$/.test(name.split("/").at(-1)!) || !statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    if (
      bytes.subarray(128, 132).toString("latin1") === "DICM" &&
      (await uidOf(bytes, tags.sopInstanceUid)) === instance
    )
      return path;
  }
  throw new Error("Orthanc keeps it nowhere");
}

async function tamper(
  instance: string,
  change: (bytes: Bytes) => Promise<Bytes> | Bytes,
): Promise<() => void> {
  const path = await fileOf(instance);
  // The slice of a Buffer is a view.
  const before = new Uint8Array(readFileSync(path));
  writeFileSync(path, await change(before));
  return () => writeFileSync(path, before);
}

async function onePixel(bytes: Bytes): Promise<Bytes> {
  const changed = bytes.slice();
  changed[findElement((await parse(bytes)).elements, tags.pixelData)!.valueOffset + 4000]! ^= 1;
  return changed;
}

/** C-GET of the study. @returns what arrived, by SOP Instance UID, and what getscu said */
async function get(
  reader = "WS",
  level: readonly string[] = ["-k", "QueryRetrieveLevel=STUDY", "-k", `StudyInstanceUID=${study}`],
): Promise<{ readonly got: ReadonlyMap<string, Bytes>; readonly said: string }> {
  const folder = site.path(`got-${++reads}`);
  mkdirSync(folder);
  const { text } = await site.peers.run(
    "getscu",
    "-v",
    "-aet",
    reader,
    "-aec",
    ourTitle,
    "-S",
    ...level,
    "+B",
    "-od",
    folder,
    "127.0.0.1",
    `${site.ports.plain}`,
  );
  return { got: await arrived(folder), said: text };
}

async function arrived(folder: string): Promise<ReadonlyMap<string, Bytes>> {
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  return new Map(
    await Promise.all(files.map(async (file) => [await uidOf(file, tags.sopInstanceUid), file] as const)),
  );
}

async function expectAsSealed(
  got: ReadonlyMap<string, Bytes>,
  without: readonly string[] = [],
): Promise<void> {
  expect([...got.keys()].sort()).toEqual([...sealed.keys()].filter((uid) => !without.includes(uid)).sort());
  for (const [uid, bytes] of got)
    expect(equalBytes(await dataSetOf(bytes), await dataSetOf(sealed.get(uid)!))).toBe(true);
}

const find = (reader: string, ...keys: readonly string[]): Promise<Ended> =>
  site.peers.run(
    "findscu",
    "-v",
    "-aet",
    reader,
    "-aec",
    ourTitle,
    "-S",
    ...keys.flatMap((key) => ["-k", key]),
    "127.0.0.1",
    `${site.ports.plain}`,
  );

/** Each reading asks the archive again. */
async function restart(): Promise<void> {
  await site.stop();
  await site.start();
}

describePeer(
  ["Orthanc", "storescu", "findscu", "getscu", "movescu", "storescp"],
  "readers at the gate",
  () => {
    beforeAll(async () => {
      site = await GatewaySite.open(place);
      await site.issue("tls-server", "gate");
      // Nothing of it in memory: what is in its folder is what it gives.
      const open = { DicomAlwaysAllowFind: true, DicomAlwaysAllowGet: true, MaximumStorageCacheSize: 0 };
      orthanc = await site.peers.orthanc("orthanc", open);
      sinkPort = await site.peers.storescp("sink");
      const through = { host: "127.0.0.1", port: orthanc.dicom, aeTitle: "ORTHANC" };
      const moveTo = [{ aeTitle: "SINK", host: "127.0.0.1", port: sinkPort }];
      site.configure(
        [{ name: "ct", listener: "plain", aeTitles: ["CT"], mode: "observe", devices: ["CT1"] }],
        [{ name: "archive", port: orthanc.dicom, aeTitle: "ORTHANC" }],
        {},
        {
          reading: {
            archive: { name: "pacs", ...through },
            readers: [
              { name: "strict", listener: "plain", aeTitles: ["WS"], mode: "enforce", moveTo },
              { name: "warned", listener: "plain", aeTitles: ["WS2"] },
            ],
          },
        },
      );
      await site.start();
      const paths = phantomFiles().map((file, i) => site.write(`${i}.dcm`, file));
      const out: string[] = [];
      for (const path of paths) out.push(await site.sealed.seal(path));
      for (const path of out) {
        const bytes = readFileSync(path);
        sealed.set(await uidOf(bytes, tags.sopInstanceUid), bytes);
        study = await uidOf(bytes, tags.studyInstanceUid);
      }
      const judged = await site.judged(out.length, () =>
        site.peers.run("storescu", "-aet", "CT", ...site.to("plain"), ...out),
      );
      await site.delivered(judged, "archive");
    }, 60_000);
    afterAll(() => site.close());
    beforeEach(restart);

    it("finds what was verified, and tells it as it was verified", async () => {
      const related = `[${sealed.size} ]`;
      const counted = [
        "QueryRetrieveLevel=STUDY",
        `StudyInstanceUID=${study}`,
        "NumberOfStudyRelatedInstances",
      ];
      await expect
        .poll(async () => (await find("WS", ...counted)).text, { timeout: 10_000 })
        .toContain(related);
      const { status, text } = await find(
        "WS",
        "QueryRetrieveLevel=STUDY",
        "PatientName",
        "StudyInstanceUID",
        "NumberOfStudyRelatedInstances",
        "ModalitiesInStudy",
      );
      expect(status).toBe(0);
      expect(text).toContain(`[${study}]`);
      expect(
        (await find("WS", "QueryRetrieveLevel=STUDY", "PatientName=Nobody*", "StudyInstanceUID")).text,
      ).not.toContain("Pending");
    });

    it("gives nothing of a study for another patient's ID", async () => {
      const keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", `StudyInstanceUID=${study}`];
      expect((await get("WS", [...keys, "-k", "PatientID=NOBODY"])).got.size).toBe(0);
    });

    it("gives the study by C-GET and C-MOVE, data set for data set", async () => {
      await expectAsSealed((await get()).got);
      const move = await site.peers.run(
        "movescu",
        "-v",
        "-aet",
        "WS",
        "-aem",
        "SINK",
        "-aec",
        ourTitle,
        "-S",
        "-k",
        "QueryRetrieveLevel=STUDY",
        "-k",
        `StudyInstanceUID=${study}`,
        "127.0.0.1",
        `${site.ports.plain}`,
      );
      expect(move).toMatchObject({ status: 0, text: expect.stringContaining("Success") });
      await expectAsSealed(await arrived(site.peers.path("sink")));
      const unknown = await site.peers.run(
        "movescu",
        "-v",
        "-aet",
        "WS",
        "-aem",
        "ELSEWHERE",
        "-aec",
        ourTitle,
        "-S",
        "-k",
        "QueryRetrieveLevel=STUDY",
        "-k",
        `StudyInstanceUID=${study}`,
        "127.0.0.1",
        `${site.ports.plain}`,
      );
      expect(unknown.text).toMatch(/MoveDestinationUnknown|0xa801/i);
    });

    it.each([
      ["one pixel", onePixel, "altered"],
      [
        "one tag",
        async (bytes: Bytes) =>
          Buffer.from(bytes.slice()).fill("F", at(bytes, "Phantom"), at(bytes, "Phantom") + 1),
        "altered",
      ],
      ["the seal stripped", stripped, "unsealed"],
      ["another's bytes", async () => [...sealed.values()][1]!, "verified"],
      ["cut off", async (bytes: Bytes) => bytes.slice(0, bytes.length - 900), ""],
    ])("withholds an object that was altered in the archive's folder: %s", async (_, change, verdict) => {
      const [instance] = sealed.keys();
      const before = (await site.lines("read-withheld", 0)).length;
      const undo = await tamper(instance!, change);
      try {
        for (const reader of ["WS", "WS2"]) {
          const { got, said } = await get(reader);
          await expectAsSealed(got, [instance!]);
          expect(said).toMatch(/Number of Failed Suboperations *: 1/);
        }
      } finally {
        undo();
      }
      if (verdict === "") {
        // Orthanc does not send what it cannot read.
        await site.lines("read-failed", 1, { archive: "pacs" });
        return;
      }
      const told = (await site.lines("read-withheld", before + 1)).slice(before);
      expect(told[0]).toMatchObject({ archive: "pacs", verdict });
      // In quarantine, for a person; what is a re-send of an admitted object is none.
      if (verdict !== "verified")
        await site.lines("object-judged", 1, { object: told[0]!.object, state: "held" });
    });

    it("names what the archive has lost, and gives the others", async () => {
      const [instance] = sealed.keys();
      const path = await fileOf(instance!);
      const bytes = readFileSync(path);
      rmSync(path);
      try {
        const { got } = await get();
        await expectAsSealed(got, [instance!]);
      } finally {
        writeFileSync(path, bytes);
      }
      await expectAsSealed((await get()).got);
    });

    it("a sweep finds what is not as it was admitted, in the archive and in its folder", async () => {
      const sweep = (...args: readonly string[]): Run =>
        place.run("sweep", "--config", site.path("gateway.yaml"), ...args);
      const all = `${sealed.size} verified`;
      expect(sweep()).toMatchObject({ status: 0, stdout: `1 studies, ${sealed.size} instances: ${all}\n` });
      const folder = site.peers.path("orthanc");
      const [first, second] = [...sealed.keys()];
      const undo = await tamper(first!, onePixel);
      const lost = await fileOf(second!);
      const bytes = readFileSync(lost);
      rmSync(lost);
      // Sealed here, and sent to nobody.
      await site.sealed.seal(site.write("other.dcm", sampleFile("2.25.77")));
      try {
        const { status, stdout } = sweep("--report", site.path("report.jsonl"), "--rate", "50");
        expect(status).toBe(1);
        expect(stdout).toMatch(new RegExp(`${first}  altered: pixels-changed`));
        expect(stdout).toMatch(new RegExp(`${second}  (could not be read|missing)`));
        expect(stdout).toContain("a study sealed here, neither admitted by the gate nor there");
        const report = readFileSync(site.path("report.jsonl"), "utf8").trimEnd().split("\n");
        const kinds = report.map((line) => (JSON.parse(line) as { kind: string }).kind);
        expect(kinds.map((kind) => kind.replace("missing", "unavailable")).sort()).toEqual([
          "held",
          "never-admitted",
          "unavailable",
        ]);
        // The same in its folder, without asking it.
        const inFolder = sweep(folder);
        expect(inFolder.stdout).toMatch(new RegExp(`${first}  altered: pixels-changed`));
        expect(inFolder.stdout).toMatch(new RegExp(`${second}  missing: it was admitted, and is not there`));
        expect(sweep("--recent", "1h", "--json")).toMatchObject({ status: 1 });
      } finally {
        undo();
        writeFileSync(lost, bytes);
      }
    }, 60_000);

    it("gives nobody else anything", async () => {
      const stranger = await find("STRANGER", "QueryRetrieveLevel=STUDY", "StudyInstanceUID");
      expect(stranger.text).toContain("Calling AE Title Not Recognized");
      // A modality sends; it does not read.
      const modality = await find("CT", "QueryRetrieveLevel=STUDY", "StudyInstanceUID");
      expect(modality.text).toContain("No Acceptable Presentation Contexts");
      const { got } = await get("CT");
      expect(got.size).toBe(0);
      // A reader reads; it does not send.
      const sent = await site.peers.run(
        "storescu",
        "-v",
        "-aet",
        "WS",
        ...site.to("plain"),
        site.path("0.dcm"),
      );
      expect(sent.status).not.toBe(0);
      expect(existsSync(site.peers.path("sink"))).toBe(true);
    });
  },
);

function at(bytes: Bytes, text: string): number {
  const found = Buffer.from(bytes).indexOf(text, 0, "latin1");
  if (found < 0) throw new Error(`no ${text} in it`);
  return found;
}

async function stripped(bytes: Bytes): Promise<Bytes> {
  const object = await parse(bytes);
  const seal = object.elements.filter(
    ({ tag }) => tag >>> 16 === 0x0071 || tag === 0xfffafffa || tag === 0x4ffe0001,
  );
  return writeToBytes(
    object,
    seal.map(({ tag }) => ({ kind: "remove", path: [tag] })),
  );
}
