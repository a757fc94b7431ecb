/** The gate's notices, in the hands of other people's software: DCMTK's readers, dciodvfy, Orthanc's preview. */
import { spawnSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "fast-png";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { parse } from "../evaluation/fixture.ts";
import { askWeb, partsOf, type WebReply } from "../gateway/web-request.ts";
import { describePeer, itWithPeer, peerPath } from "../peers.ts";
import { ourTitle } from "./gateway-site.ts";
import { onePixel, ReadersSite } from "./readers-site.ts";

const place = makeWorkplace();
let readers: ReadersSite;
let altered: string;
let undo: () => void;

const textIn = async (path: string, tag: number): Promise<string> =>
  plainTextOf((await parse(readFileSync(path))).elements, tag) ?? "";

/** The picture that another program made of it: bright pixels where the heading's band and its letters are. */
function expectNotice(image: { readonly width: number; readonly data: ArrayLike<number> }, step = 1): void {
  const at = (x: number, y: number): number => image.data[(y * image.width + x) * step]!;
  const row = (y: number): number[] => Array.from({ length: image.width }, (_, x) => at(x, y));
  const scale = image.width / 1024;
  // Above the band black within its frame, the band light, its heading dark.
  expect(at(Math.round(512 * scale), Math.round(50 * scale))).toBeLessThan(8);
  expect(at(Math.round(900 * scale), Math.round(110 * scale))).toBeGreaterThan(200);
  const heading = row(Math.round(166 * scale)).slice(Math.round(180 * scale), Math.round(830 * scale));
  expect(heading.filter((sample) => sample < 40).length).toBeGreaterThan(100 * scale);
  const lead = row(Math.round(292 * scale));
  expect(lead.filter((sample) => sample > 200).length).toBeGreaterThan(60 * scale);
}

describePeer(["Orthanc", "storescu", "getscu", "movescu", "storescp"], "a notice", () => {
  beforeAll(async () => {
    readers = await ReadersSite.open(place);
    altered = [...readers.sealed.keys()][1]!;
  }, 60_000);
  afterAll(() => readers.site.close());
  beforeEach(async () => {
    await readers.restart();
    undo = await readers.tamper(altered, onePixel);
    return () => undo();
  });

  it("comes with C-GET beside the other slices, and says what is withheld; asked again it is the same one", async () => {
    const { got, notices, said } = await readers.get();
    await readers.expectAsSealed(got, [altered]);
    expect(notices).toHaveLength(1);
    expect(said).toMatch(/Number of Failed Suboperations *: 1/);
    await readers.site.lines("read-notice", 1, { reader: "strict", withheld: 1, total: 4 });
    const [notice] = notices;
    const { elements } = await parse(readFileSync(notice!));
    const text = (tag: number): string | undefined => plainTextOf(elements, tag);
    const slice = (await parse(got.values().next().value!)).elements;
    for (const tag of [tags.studyInstanceUid, tags.patientName, tags.patientId, 0x00080050, 0x00080020])
      expect(text(tag)).toBe(plainTextOf(slice, tag));
    expect(text(tags.seriesInstanceUid)).not.toBe(plainTextOf(slice, tags.seriesInstanceUid));
    expect(text(0x0008103e)).toBe("Scanseal: read this first");
    const number = plainTextOf((await parse(readers.sealed.get(altered)!)).elements, 0x00200013);
    expect(text(0x00204000)).toMatch(
      new RegExp(
        `^1 of 4 images of this study is withheld\\.\\r\\nSeries 2: image ${number}\\r\\n1 image: The image was changed`,
      ),
    );
    const again = await readers.get();
    expect(again.notices.map((path) => readFileSync(path))).toEqual([readFileSync(notice!)]);
    // Another reader's is another one, and a restart changes nothing.
    const other = (await readers.get("WS2")).notices;
    expect(await textIn(other[0]!, tags.sopInstanceUid)).not.toBe(text(tags.sopInstanceUid));
    expect(await textIn(other[0]!, tags.seriesInstanceUid)).toBe(text(tags.seriesInstanceUid));
    await readers.restart();
    expect((await readers.get()).notices.map((path) => readFileSync(path))).toEqual([readFileSync(notice!)]);
  }, 60_000);

  it("is sent with C-MOVE, with a warning status and the UID of the slice", async () => {
    const move = await readers.site.peers.run(
      "movescu",
      ...["-d", "-aet", "WS", "-aem", "SINK", "-aec", ourTitle, "-S"],
      ...["-k", "QueryRetrieveLevel=STUDY", "-k", `StudyInstanceUID=${readers.study}`],
      ...["127.0.0.1", `${readers.site.ports.plain}`],
    );
    expect(move.text).toMatch(/0xb000/i);
    expect(move.text).toContain(altered);
    const { got, notices } = await readers.arrived(readers.site.peers.path("sink"));
    await readers.expectAsSealed(got, [altered]);
    expect(notices).toHaveLength(1);
  });

  it("is among the parts of a study over WADO-RS, and never in the place of an instance", async () => {
    const ask = (path: string): Promise<WebReply> =>
      askWeb({ port: readers.webPort, path: `/dicom-web/studies/${readers.study}${path}` });
    const parts = await partsOf(await ask(""));
    expect(parts.map(({ verdict }) => verdict)).toEqual([
      ...Array(readers.sealed.size - 1).fill("verified"),
      "notice",
    ]);
    const { elements } = await parse(parts.at(-1)!.body);
    expect(plainTextOf(elements, 0x0008103e)).toBe("Scanseal: read this first");
    const series = plainTextOf((await parse(readers.sealed.get(altered)!)).elements, tags.seriesInstanceUid);
    expect((await ask(`/series/${series}/instances/${altered}`)).status).toBe(403);
  });

  it("where its key is gone, the reading ends with its status, and the gate says why", async () => {
    const key = join(readers.site.sealed.folder, "home", "offices", "notice");
    renameSync(key, `${key}-away`);
    try {
      const { got, notices, said } = await readers.get();
      await readers.expectAsSealed(got, [altered]);
      expect(notices).toEqual([]);
      expect(said).toMatch(/Number of Failed Suboperations *: 1/);
      await readers.site.lines("fault", 1, { where: "notice for a reader", code: "key-unusable" });
    } finally {
      renameSync(`${key}-away`, key);
    }
    expect((await readers.get()).notices).toHaveLength(1);
  });

  it("is for `scanseal verify` what it is, and changed is altered", async () => {
    const [notice] = (await readers.get()).notices;
    const home = join(readers.site.sealed.folder, "home");
    const verified = place.run("verify", notice!, "--home", home, "--json");
    expect(verified.status).not.toBe(0);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      verdict: "notice",
      assurance: null,
      findings: [{ code: "gate-notice" }],
    });
    expect(place.run("verify", notice!, "--home", home).stdout).toContain("It is no image of a patient");
    const changed = join(place.folder, "changed.dcm");
    writeFileSync(changed, await onePixel(readFileSync(notice!)));
    expect(place.run("verify", changed, "--home", home, "--json").stdout).toContain('"altered"');
  }, 30_000);

  it("pushed back through the gate it is held: it is no archive's", async () => {
    const [notice] = (await readers.get()).notices;
    await readers.site.peers.run("storescu", "-aet", "CT", ...readers.site.to("plain"), notice!);
    await readers.site.lines("object-judged", 1, { verdict: "notice", state: "held" });
  });

  it("put into the archive by another way, it is neither given nor called a missing image", async () => {
    const [notice] = (await readers.get()).notices;
    const orthanc = readers.orthanc;
    const { status } = await readers.site.peers.run(
      "storescu",
      ...["-aec", "ORTHANC", "127.0.0.1", `${orthanc.dicom}`, notice!],
    );
    expect(status).toBe(0);
    undo();
    try {
      await readers.restart();
      const { got, notices } = await readers.get();
      await readers.expectAsSealed(got);
      expect(notices).toEqual([]);
    } finally {
      const uid = await textIn(notice!, tags.sopInstanceUid);
      const found = await fetch(`http://127.0.0.1:${orthanc.http}/tools/lookup`, {
        method: "POST",
        body: uid,
      });
      for (const { Path } of (await found.json()) as { readonly Path: string }[])
        await fetch(`http://127.0.0.1:${orthanc.http}${Path}`, { method: "DELETE" });
    }
  }, 30_000);

  itWithPeer("dciodvfy", "dciodvfy reports no errors, in either encoding", async () => {
    const [explicit] = (await readers.get()).notices;
    const [implicit] = (await readers.arrived(readers.site.peers.path("sink"))).notices;
    for (const path of [explicit!, implicit!]) {
      const { stdout, stderr } = spawnSync(peerPath("dciodvfy"), [path], { encoding: "utf8" });
      expect(`${stdout}${stderr}`).toContain("SCImage");
      expect(`${stdout}${stderr}`).not.toMatch(/^Error/m);
    }
  });

  itWithPeer("dcm2pnm", "DCMTK draws it at its own window", async () => {
    const [notice] = (await readers.get()).notices;
    const out = join(place.folder, "notice.pgm");
    const { status } = spawnSync(peerPath("dcm2pnm"), ["+Wi", "1", "+op", notice!, out]);
    expect(status).toBe(0);
    const file = readFileSync(out);
    const [, width] = /^P5\s+(?:#.*\s+)*(\d+)\s+\d+\s+255\s/.exec(file.toString("latin1"))!;
    const head = /^P5\s+(?:#.*\s+)*\d+\s+\d+\s+255\s/.exec(file.toString("latin1"))![0].length;
    expectNotice({ width: Number(width), data: file.subarray(head) });
  });

  it("Orthanc takes it into the patient's study, and previews it", async () => {
    const [notice] = (await readers.get()).notices;
    const viewer = await readers.site.peers.orthanc("viewer");
    const taken = await readers.site.peers.run(
      "storescu",
      ...["-aec", "ORTHANC", "127.0.0.1", `${viewer.dicom}`, notice!],
    );
    expect(taken.status).toBe(0);
    const at = `http://127.0.0.1:${viewer.http}`;
    const [id] = (await (await fetch(`${at}/instances`)).json()) as string[];
    const preview = await fetch(`${at}/instances/${id}/preview`);
    const png = new Uint8Array(await preview.arrayBuffer());
    const { width, data, channels } = decode(png);
    expectNotice({ width, data }, channels);
  }, 30_000);
});
