/** dicomweb-client, which OHIF and other viewers read with, in Chromium behind one proxy with the gate. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findElement, plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { parse } from "../evaluation/fixture.ts";
import { WebSite } from "../gateway/web-site.ts";
import { describePeer } from "../peers.ts";
import { runInChromium } from "./chromium-run.ts";
import { phantomFiles } from "./dimse-peers.ts";

const begin = `
const { api } = await import("/node_modules/dicomweb-client/build/dicomweb-client.es.js");
const client = new api.DICOMwebClient({ url: location.origin + "/dicom-web", retrieveRendered: false });
const digest = async (bytes) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");
`;

const sha256 = (bytes: Bytes): string => createHash("sha256").update(bytes).digest("hex");

let site: WebSite;
let sealed: readonly Bytes[];
const inBrowser = (script: string): Promise<unknown> =>
  runInChromium(`${begin}${script}`, { path: "/dicom-web", port: site.ports.clear });

describePeer(["chromium"], "dicomweb-client", () => {
  beforeAll(async () => {
    site = await WebSite.open();
    sealed = await Promise.all(phantomFiles().map((file) => site.sealed.sealMarked(file)));
  }, 60_000);
  afterAll(() => site?.close());

  it("stores", async () => {
    const files = sealed.map(
      (file) =>
        `Uint8Array.from(atob("${Buffer.from(file).toString("base64")}"), (c) => c.charCodeAt(0)).buffer`,
    );
    const answer = await inBrowser(`return client.storeInstances({ datasets: [${files.join(",")}] });`);
    expect(JSON.stringify(answer)).toContain("00081199");
    await site.judged(sealed.length);
  }, 60_000);

  it("searches and reads what was sealed", async () => {
    const object = await parse(sealed[0]!);
    const text = (tag: number): string => plainTextOf(object.elements, tag) ?? "";
    const name = {
      studyInstanceUID: text(tags.studyInstanceUid),
      seriesInstanceUID: text(tags.seriesInstanceUid),
      sopInstanceUID: text(tags.sopInstanceUid),
    };
    const { valueOffset, length } = findElement(object.elements, tags.pixelData)!;
    const answer = await inBrowser(`
      const name = ${JSON.stringify(name)};
      const studies = await client.searchForStudies({ queryParams: { limit: 5 } });
      const series = await client.searchForSeries(name);
      const found = await client.searchForInstances({ studyInstanceUID: name.studyInstanceUID });
      const metadata = await client.retrieveSeriesMetadata(name);
      const one = await client.retrieveInstance(name);
      const study = await client.retrieveStudy(name);
      const [frame] = await client.retrieveInstanceFrames({ ...name, frameNumbers: [1] });
      const uri = metadata.find((one) => one["00080018"].Value[0] === name.sopInstanceUID)["7FE00010"].BulkDataURI;
      const [bulk] = await client.retrieveBulkData({ BulkDataURI: uri });
      return {
        counts: [studies.length, series.length, found.length, metadata.length, study.length],
        one: await digest(one), frame: await digest(frame), bulk: await digest(bulk),
        study: (await Promise.all(study.map(digest))).sort(),
      };
    `);
    const pixels = sha256(sealed[0]!.subarray(valueOffset, valueOffset + length));
    const many = sealed.length;
    expect(answer).toEqual({
      counts: [1, 1, many, many, many],
      one: sha256(sealed[0]!),
      frame: pixels,
      bulk: pixels,
      study: sealed.map(sha256).sort(),
    });
  }, 60_000);
});
