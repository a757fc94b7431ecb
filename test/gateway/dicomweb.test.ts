/** DICOMweb at the gate (PS3.18): objects stored, searched, and read again, each as far as it is proven. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findElement, plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import { type Bytes, concatBytes, equalBytes } from "../../src/foundation/bytes.ts";
import { openReadArchive, type SearchableArchive } from "../../src/site/gateway/read-archive.ts";
import { parse } from "../evaluation/fixture.ts";
import { phantomFiles } from "../interop/dimse-peers.ts";
import { jsonOf, multipartOf, multipartType, partsOf, type WebReply } from "./web-request.ts";
import { WebSite } from "./web-site.ts";

let site: WebSite;
let sealed: readonly Bytes[];
let names: readonly { readonly study: string; readonly series: string; readonly instance: string }[];

const uid = async (bytes: Bytes, tag: number): Promise<string> =>
  plainTextOf((await parse(bytes)).elements, tag) ?? "";

beforeAll(async () => {
  site = await WebSite.open();
  sealed = await Promise.all(phantomFiles().map((file) => site.sealed.sealMarked(file)));
  names = await Promise.all(
    sealed.map(async (bytes) => ({
      study: await uid(bytes, tags.studyInstanceUid),
      series: await uid(bytes, tags.seriesInstanceUid),
      instance: await uid(bytes, tags.sopInstanceUid),
    })),
  );
  const { status } = await site.store(sealed, { as: "modality" });
  expect(status).toBe(200);
  await site.judged(sealed.length);
}, 60_000);
afterAll(() => site?.close());

const at = (i: number): string => {
  const { study, series, instance } = names[i]!;
  return `/studies/${study}/series/${series}/instances/${instance}`;
};

describe("stored over DICOMweb", () => {
  it("each object by its own outcome", async () => {
    // What breaks off in its data set is durable, and judged like the rest.
    const { status, headers, body } = await site.store([
      sealed[0]!,
      new Uint8Array(500),
      sealed[1]!.subarray(0, 900),
    ]);
    expect(status).toBe(202);
    expect(headers["content-type"]).toBe("application/dicom+json");
    const response = JSON.parse(Buffer.from(body).toString()) as Record<string, { Value: unknown[] }>;
    expect(response["00081199"]!.Value).toHaveLength(2);
    expect(response["0008119A"]!.Value).toEqual([{ "00081197": { vr: "US", Value: [0xc000] } }]);
    expect(response["00081198"]).toBeUndefined();
  });

  it("one file without parts; a study that is not the address's is refused", async () => {
    const headers = { "content-type": "application/dicom" };
    const one = { method: "POST", headers, body: sealed[0]! };
    expect((await site.ask("/studies", one)).status).toBe(200);
    expect((await site.ask(`/studies/${names[0]!.study}`, one)).status).toBe(200);
    const { status, body } = await site.ask("/studies/1.2.3", one);
    expect(status).toBe(409);
    expect(Buffer.from(body).toString()).toContain(`"00081197":{"vr":"US","Value":[${0xa900}]}`);
  });

  it("what is no request of this service", async () => {
    const post = (at: string, headers: Record<string, string>, body: Bytes) =>
      site.ask(at, { method: "POST", headers, body }).then(({ status }) => status);
    const parts = multipartOf([sealed[0]!]);
    expect(await post("/studies", { "content-type": "text/plain" }, parts)).toBe(415);
    expect(await post("/studies", {}, parts)).toBe(415);
    expect(await post("/studies", { "content-type": multipartType, "content-encoding": "gzip" }, parts)).toBe(
      415,
    );
    expect(await post("/studies", { "content-type": "multipart/related; boundary=x" }, parts)).toBe(400);
    expect(await post("/studies", { "content-type": multipartType }, parts.subarray(0, 5_000))).toBe(400);
    expect(await post("/studies", { "content-type": multipartType }, multipartOf([]))).toBe(400);
    expect(await post("/series", { "content-type": multipartType }, parts)).toBe(405);
    expect(await post("/nothing", { "content-type": multipartType }, parts)).toBe(404);
    expect(await post("/studies/1.2.x", { "content-type": multipartType }, parts)).toBe(400);
    expect((await site.ask("/studies", { method: "DELETE" })).status).toBe(405);
  });
});

describe("searched over DICOMweb", () => {
  it("studies, series and instances, with where to have them from", async () => {
    const { study } = names[0]!;
    const [match] = jsonOf((await site.ask("/studies")).body);
    expect(match).toMatchObject({
      "0020000D": { Value: [study] },
      "00201208": { Value: [sealed.length] },
      "00081190": { vr: "UR", Value: [`http://127.0.0.1:${site.ports.clear}/dicom-web/studies/${study}`] },
    });
    expect(jsonOf((await site.ask(`/studies/${study}/series`)).body)).toHaveLength(1);
    expect(jsonOf((await site.ask("/instances?limit=2&offset=1")).body)).toHaveLength(2);
    expect(jsonOf((await site.ask(`/instances?SOPInstanceUID=${names[2]!.instance}`)).body)).toHaveLength(1);
    expect((await site.ask("/studies?PatientID=nobody")).status).toBe(204);
    expect((await site.ask("/studies?NoSuchThing=1")).status).toBe(400);
    expect((await site.ask("/studies?fuzzymatching=true")).headers.warning).toMatch(/^299 /);
  });

  it("in JSON only", async () => {
    const status = async (accept: string) => (await site.ask("/studies", { headers: { accept } })).status;
    expect(await status("application/dicom+json")).toBe(200);
    expect(await status("application/json")).toBe(200);
    expect(await status('multipart/related; type="application/dicom+xml"')).toBe(406);
    expect(await status("no list, at all")).toBe(400);
  });
});

describe("read over DICOMweb", () => {
  const asKept = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

  it("a study, byte for byte as it was sealed, each with its verdict", async () => {
    const reply = await site.ask(`/studies/${names[0]!.study}`, { headers: asKept, as: "viewer" });
    expect(reply.status).toBe(200);
    const parts = await partsOf(reply);
    expect(parts.map(({ verdict }) => verdict)).toEqual(sealed.map(() => "verified"));
    for (const file of sealed) expect(parts.some(({ body }) => equalBytes(body, file))).toBe(true);
  });

  it("one instance, in parts or alone", async () => {
    const [part, ...more] = await partsOf(await site.ask(at(1)));
    expect(more).toEqual([]);
    expect(equalBytes(part!.body, sealed[1]!)).toBe(true);
    const alone = await site.ask(at(1), { headers: { accept: "application/dicom; transfer-syntax=*" } });
    expect(alone.headers).toMatchObject({
      "content-type": "application/dicom; transfer-syntax=1.2.840.10008.1.2.1",
      "content-length": `${sealed[1]!.length}`,
      "scanseal-verdict": "verified",
      "cache-control": "no-store",
    });
    expect(equalBytes(alone.body, sealed[1]!)).toBe(true);
    expect((await site.ask(at(1), { headers: { accept: "image/png" } })).status).toBe(406);
    expect((await site.ask(`${at(1)}9`)).status).toBe(404);
    expect((await site.ask("/studies/1.2.3")).status).toBe(404);
  });

  it("metadata, and the bulk values it names", async () => {
    const [record] = jsonOf((await site.ask(`${at(0)}/metadata`)).body);
    const bulk = record!["7FE00010"]!.BulkDataURI!;
    expect(bulk).toBe(`http://127.0.0.1:${site.ports.clear}/dicom-web${at(0)}/bulkdata/7FE00010`);
    const { elements } = await parse(sealed[0]!);
    const { valueOffset, length } = findElement(elements, tags.pixelData)!;
    const pixels = sealed[0]!.subarray(valueOffset, valueOffset + length);
    const [part] = await partsOf(await site.ask(`${at(0)}/bulkdata/7FE00010`));
    expect(equalBytes(part!.body, pixels)).toBe(true);
    expect((await site.ask(`${at(0)}/bulkdata/00091001`)).status).toBe(404);
    expect((await site.ask(`/studies/${names[0]!.study}/metadata`)).status).toBe(200);
    expect((await site.ask("/studies/1.2.3/metadata")).status).toBe(404);
    const [frame] = await partsOf(await site.ask(`${at(0)}/frames/1`));
    expect(frame!.type).toBe("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1");
    expect(equalBytes(frame!.body, pixels)).toBe(true);
    expect((await site.ask(`${at(0)}/frames/2`)).status).toBe(404);
    expect((await site.ask(`${at(0)}/frames/1,1`)).status).toBe(400);
  });

  it("pictures, by WADO-RS and WADO-URI, and the object by WADO-URI", async () => {
    const png = await site.ask(`${at(0)}/rendered?viewport=64,64`, { headers: { accept: "image/png" } });
    expect(png.status).toBe(200);
    expect(png.headers).toMatchObject({ "content-type": "image/png", "scanseal-verdict": "verified" });
    expect(Buffer.from(png.body).subarray(1, 4).toString()).toBe("PNG");
    expect(Buffer.from(png.body).readUInt32BE(16)).toBe(64);
    const isJpeg = ({ headers, body }: WebReply): boolean =>
      headers["content-type"] === "image/jpeg" && body[0] === 0xff && body[1] === 0xd8;
    const { study, series, instance } = names[0]!;
    for (const path of [`${at(0)}/frames/1/rendered`, `${at(0)}/thumbnail`, `/studies/${study}/thumbnail`])
      expect(isJpeg(await site.ask(path))).toBe(true);
    const uri = `//wado?requestType=WADO&studyUID=${study}&seriesUID=${series}&objectUID=${instance}`;
    expect(isJpeg(await site.ask(uri))).toBe(true);
    expect(isJpeg(await site.ask(`${uri}&rows=20&windowCenter=40&windowWidth=400`))).toBe(true);
    const object = await site.ask(`${uri}&contentType=application/dicom`);
    expect(equalBytes(object.body, sealed[0]!)).toBe(true);
    expect((await site.ask(`${uri}&frameNumber=2`)).status).toBe(404);
    expect((await site.ask(`${uri}&contentType=text/html`)).status).toBe(406);
    expect((await site.ask(`${uri}&anonymize=yes`)).status).toBe(400);
    expect((await site.ask(`/studies/${study}/rendered`)).status).toBe(501);
    expect((await site.ask(`${at(0)}/rendered?window=1,0,linear`)).status).toBe(400);
    expect((await site.ask(`${at(0)}/rendered?annotation=patient`)).status).toBe(406);
  });

  it("nothing for peers that are nobody, and no page of another name", async () => {
    expect((await site.ask("/studies", { as: "stranger" })).status).toBe(403);
    expect((await site.ask("/studies", { as: "modality" })).status).toBe(403);
    expect((await site.store(sealed, { as: "viewer" })).status).toBe(403);
    expect((await site.ask("/studies", { host: "evil.example" })).status).toBe(421);
    expect((await site.ask("/studies", { host: "gate.example" })).status).toBe(200);
    expect((await site.ask("//")).status).toBe(404);
    const told = site.events.filter((event) => event.kind === "association-rejected");
    expect(new Set(told.map(({ why }) => why))).toEqual(new Set(["certificate or network of nobody"]));
    expect((await site.ask("//wado?requestType=WADO")).status).toBe(400);
  });

  it("is an archive itself, over mutual TLS, for another gate", async () => {
    const open = (as: string): SearchableArchive =>
      openReadArchive(
        {
          name: "other",
          tolerate: [],
          through: {
            protocol: "dicomweb",
            url: `https://127.0.0.1:${site.ports.secure}/dicom-web`,
            tls: site.clientTls(as),
          },
        },
        { aeTitle: "GATE", staging: site.sealed.folder },
      );
    const { study: studyInstanceUid, series: seriesInstanceUid, instance: sopInstanceUid } = names[0]!;
    const archive = open("viewer");
    const listed: string[] = [];
    for await (const one of archive.list({ studyInstanceUid })) listed.push(one.sopInstanceUid);
    expect(listed.sort()).toEqual(names.map(({ instance }) => instance).sort());
    const pieces: Bytes[] = [];
    for await (const piece of (await archive.fetch({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }))!)
      pieces.push(piece.slice());
    expect(equalBytes(concatBytes(pieces), sealed[0]!)).toBe(true);
    await expect(open("stranger").studies()).rejects.toMatchObject({ code: "peer-rejected" });
  });

  it("again after a restart, from the gate's own copies", async () => {
    await site.stop();
    await site.start();
    expect(await partsOf(await site.ask(`/studies/${names[0]!.study}`, { headers: asKept }))).toHaveLength(
      sealed.length,
    );
  });
});
