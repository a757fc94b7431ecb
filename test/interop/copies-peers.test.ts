/** Copies at the gate while somebody changes files in Orthanc's folder: readers get the scan all the same, by every door, and somebody is told. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { parse } from "../evaluation/fixture.ts";
import { askWeb, partsOf } from "../gateway/web-request.ts";
import { describePeer } from "../peers.ts";
import { phantomFiles } from "./dimse-peers.ts";
import { ourTitle } from "./gateway-site.ts";
import { onePixel, ReadersSite, stripped } from "./readers-site.ts";

const peers = ["Orthanc", "storescu", "findscu", "getscu", "movescu", "storescp"] as const;

/**
 * The whole study by C-GET, by C-MOVE and by WADO-RS. Orthanc cannot be asked what else it has of a study with a file that is not as it wrote it:
 * that is told beside the images, and is no success.
 */
async function expectWhole(readers: ReadersSite): Promise<void> {
  const { got, notices } = await readers.get();
  await readers.expectAsSealed(got);
  const failed = await readers.site.lines("read-failed", 0);
  const isPart = failed.some(({ object }) => object === undefined);
  expect(notices).toHaveLength(isPart ? 1 : 0);
  const sink = readers.site.peers.path("sink");
  for (const name of readdirSync(sink)) rmSync(join(sink, name));
  const move = await readers.site.peers.run(
    ...(["movescu", "-v", "-aet", "WS", "-aem", "SINK", "-aec", ourTitle, "-S"] as const),
    ...["-k", "QueryRetrieveLevel=STUDY", "-k", `StudyInstanceUID=${readers.study}`],
    ...["127.0.0.1", `${readers.site.ports.plain}`],
  );
  expect(move.text).toContain(isPart ? "SubOperationsCompleteOneOrMoreFailures" : "Success");
  await readers.expectAsSealed((await readers.arrived(sink)).got);
  const path = `/dicom-web/studies/${readers.study}`;
  const reply = await askWeb({ port: readers.webPort, path, headers: { accept: "*/*" } });
  expect(reply.status === 200 || isPart).toBe(true);
  const all = await partsOf(reply);
  const parts = all.filter(({ verdict }) => verdict !== "notice");
  expect(all.length - parts.length).toBe(isPart ? 1 : 0);
  expect(parts.map(({ verdict }) => verdict)).toEqual(parts.map(() => "verified"));
  const uidOf = async (bytes: Bytes) => plainTextOf((await parse(bytes)).elements, tags.sopInstanceUid)!;
  const bodies = await Promise.all(parts.map(async ({ body }) => [await uidOf(body), body] as const));
  await readers.expectAsSealed(new Map(bodies));
}

/** Frame, picture and metadata of one instance. */
async function expectParts(readers: ReadersSite, instance: string): Promise<void> {
  const { elements } = await parse(readers.sealed.get(instance)!);
  const series = plainTextOf(elements, tags.seriesInstanceUid);
  const at = `/dicom-web/studies/${readers.study}/series/${series}/instances/${instance}`;
  for (const part of ["", "/frames/1", "/rendered", "/thumbnail", "/metadata"]) {
    const path = `${at}${part}`;
    const { status, headers } = await askWeb({ port: readers.webPort, path, headers: { accept: "*/*" } });
    expect([part, status, headers["scanseal-verdict"] ?? "verified"]).toEqual([part, 200, "verified"]);
  }
}

async function countFound(readers: ReadersSite): Promise<string> {
  const keys = ["QueryRetrieveLevel=STUDY", `StudyInstanceUID=${readers.study}`];
  return (await readers.find("WS", ...keys, "NumberOfStudyRelatedInstances")).text;
}

async function indexed(readers: ReadersSite): Promise<void> {
  const all = `[${readers.sealed.size} ]`;
  while (!(await countFound(readers)).includes(all)) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** In the gate's own folder. */
async function damageKept(readers: ReadersSite, instance: string): Promise<readonly string[]> {
  const paths = await readers.keptFilesOf(instance);
  for (const path of paths) {
    const file = new Uint8Array(readFileSync(path));
    file[file.length - 900]! ^= 1;
    writeFileSync(path, file);
  }
  return paths;
}

type Change = (bytes: Bytes, readers: ReadersSite) => Promise<Bytes> | Bytes;

const changes: readonly (readonly [what: string, change: Change, verdict: string])[] = [
  ["one pixel", onePixel, "altered"],
  [
    "one tag",
    (bytes) => {
      const changed = bytes.slice();
      changed[Buffer.from(bytes).indexOf("Phantom", 0, "latin1")] = 0x46;
      return changed;
    },
    "altered",
  ],
  ["the seal stripped", stripped, "unsealed"],
  ["another's bytes", (_, readers) => [...readers.sealed.values()][1]!, "verified"],
  [
    "an older version, sealed under the same UID",
    async (bytes, { site }) => {
      const older = phantomFiles()[0]!.slice();
      const uid = plainTextOf((await parse(bytes)).elements, tags.sopInstanceUid);
      rmSync(join(site.sealed.folder, "sealed", `${uid}.dcm`));
      older[Buffer.from(older).indexOf("Phantom", 0, "latin1")] = 0x46;
      return new Uint8Array(readFileSync(await site.sealed.seal(site.write("old.dcm", older))));
    },
    "verified",
  ],
];

for (const isOverWeb of [false, true]) {
  const place = makeWorkplace();
  let readers: ReadersSite;
  const over = isOverWeb ? "DICOMweb" : "DIMSE";
  describePeer(
    isOverWeb ? [...peers, "orthanc-dicomweb"] : peers,
    `copies before an archive over ${over}`,
    () => {
      beforeAll(async () => {
        readers = await ReadersSite.open(place, isOverWeb, { copies: true });
        await indexed(readers);
      }, 60_000);
      afterAll(() => readers.site.close());

      const firstFile = async () => {
        const first = await parse(phantomFiles()[0]!);
        return plainTextOf(first.elements, tags.sopInstanceUid)!;
      };

      it("are given nobody while the archive gives what was admitted", async () => {
        await expectWhole(readers);
        expect(await readers.site.lines("read-replaced", 0)).toEqual([]);
      });

      it.each(changes)("take the place of what was changed in its folder: %s", async (_, change, verdict) => {
        await readers.restart();
        const instance = await firstFile();
        const undo = await readers.tamper(instance, (bytes) => change(bytes, readers));
        try {
          await expectWhole(readers);
          await expectParts(readers, instance);
        } finally {
          undo();
        }
        const returned = await readers.site.lines("read-withheld", 1);
        const [told] = returned;
        expect(told).toMatchObject({ archive: "pacs", verdict });
        const [replaced] = await readers.site.lines("read-replaced", 1);
        expect(replaced).toMatchObject({ archive: "pacs", why: "held", object: told!.admitted });
        if (verdict !== "verified") await readers.isHeld(returned);
      });

      it("take the place of what was deleted there", async () => {
        await readers.restart();
        const path = await readers.fileOf(await firstFile());
        const bytes = readFileSync(path);
        rmSync(path);
        try {
          await expectWhole(readers);
        } finally {
          writeFileSync(path, bytes);
        }
        await readers.site.lines("read-replaced", 1);
        const told = [
          ...(await readers.site.lines("read-missing", 0)),
          ...(await readers.site.lines("read-failed", 0)),
        ];
        expect(told.length).toBeGreaterThan(0);
      });

      it("that are damaged too are given to nobody, told and deleted", async () => {
        await readers.restart();
        const instance = await firstFile();
        const undo = await readers.tamper(instance, onePixel);
        const kept = await damageKept(readers, instance);
        try {
          const { got, notices } = await readers.get();
          await readers.expectAsSealed(got, [instance]);
          expect(notices).toHaveLength(1);
        } finally {
          undo();
        }
        await readers.site.lines("copy-damaged", 1, { isDropped: true });
        // The copy; what was held in its name stays.
        await expect.poll(() => kept.filter(existsSync).length, { timeout: 40_000 }).toBe(kept.length - 1);
        await readers.restart();
        await expectWhole(readers);
      });
    },
  );
}

const alone = makeWorkplace();

describePeer(peers, "a gate without an archive", () => {
  let readers: ReadersSite;
  beforeAll(async () => {
    readers = await ReadersSite.open(alone, false, { hasArchive: false });
    await indexed(readers);
  }, 60_000);
  afterAll(() => readers.site.close());

  it("finds, gets and moves what it keeps, by every door, also after a restart", async () => {
    await expectWhole(readers);
    await readers.restart();
    await expectWhole(readers);
    expect(await readers.site.lines("read-replaced", 0)).toEqual([]);
  });

  it("gives nothing of what is damaged on its own disk, with a word, and keeps it for a person", async () => {
    const [instance] = [...readers.sealed.keys()] as [string];
    const kept = await damageKept(readers, instance);
    await readers.restart();
    const { got, notices } = await readers.get();
    await readers.expectAsSealed(got, [instance]);
    expect(notices).toHaveLength(1);
    await readers.site.lines("copy-damaged", 1, { isDropped: false });
    expect(kept.map(existsSync)).toEqual([true]);
  });
});
