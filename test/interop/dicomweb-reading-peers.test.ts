/** Readers over DICOMweb, Orthanc's DICOMweb behind the gate, and somebody who changes files in Orthanc's folder. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { parse } from "../evaluation/fixture.ts";
import { askWeb, jsonOf, partsOf, type WebReply } from "../gateway/web-request.ts";
import { describePeer } from "../peers.ts";
import { onePixel, ReadersSite, stripped } from "./readers-site.ts";

const place = makeWorkplace();
let readers: ReadersSite;

const ask = (at: string, accept = "*/*"): Promise<WebReply> =>
  askWeb({ port: readers.webPort, path: `/dicom-web${at}`, headers: { accept } });

async function verifiedOf(reply: WebReply): Promise<ReadonlyMap<string, Bytes>> {
  const parts = (await partsOf(reply)).filter(({ verdict }) => verdict === "verified");
  const uid = async (bytes: Bytes): Promise<string> =>
    plainTextOf((await parse(bytes)).elements, tags.sopInstanceUid) ?? "";
  return new Map(await Promise.all(parts.map(async ({ body }) => [await uid(body), body] as const)));
}

const found = async (): Promise<number> => {
  const { status, body } = await ask("/instances");
  return status === 204 ? 0 : jsonOf(body).length;
};

describePeer(["Orthanc", "orthanc-dicomweb", "storescu", "storescp"], "readers over DICOMweb", () => {
  beforeAll(async () => {
    readers = await ReadersSite.open(place, true);
    while ((await found()) < readers.sealed.size) await new Promise((resolve) => setTimeout(resolve, 50));
  }, 60_000);
  afterAll(() => readers.site.close());
  beforeEach(() => readers.restart());

  const instanceAt = async (uid: string): Promise<string> => {
    const [match] = jsonOf((await ask(`/instances?SOPInstanceUID=${uid}`)).body);
    return `/studies/${readers.study}/series/${match!["0020000E"]!.Value![0]}/instances/${uid}`;
  };

  it("get the study as it was sealed", async () => {
    const reply = await ask(`/studies/${readers.study}`);
    expect(reply.status).toBe(200);
    await readers.expectAsSealed(await verifiedOf(reply));
  });

  const tampered: readonly [string, (bytes: Bytes) => Promise<Bytes>][] = [
    ["one pixel", onePixel],
    [
      "one tag",
      async (bytes) => {
        const changed = bytes.slice();
        const at = Buffer.from(bytes).indexOf("Phantom", 0, "latin1");
        changed[at] = 0x46;
        return changed;
      },
    ],
    ["no seal", stripped],
    ["another's bytes", async () => [...readers.sealed.values()][2]!],
  ];

  it.each(tampered)(
    "get nothing of an object with %s, by no path, and the rest with a word",
    async (_, change) => {
      const [instance] = readers.sealed.keys();
      const at = await instanceAt(instance!);
      const undo = await readers.tamper(instance!, change);
      try {
        for (const path of ["", "/frames/1", "/bulkdata/7FE00010", "/rendered", "/thumbnail"]) {
          const { status, body } = await ask(`${at}${path}`);
          // Orthanc itself may find that the file is another one.
          expect([403, 404, 503]).toContain(status);
          expect(body.length).toBeLessThan(500);
        }
        // The index tells what was admitted, whatever the archive has become.
        expect((await ask(`${at}/metadata`)).status).toBe(200);
        const study = await ask(`/studies/${readers.study}`).catch(() => undefined);
        if (!study) return;
        await readers.expectAsSealed(await verifiedOf(study), [instance!]);
        const parts = await partsOf(study);
        expect(parts.length === readers.sealed.size || study.status === 206).toBe(true);
      } finally {
        undo();
      }
    },
  );

  it("see what only the archive has, by its label, and are given it as far as it proves itself", async () => {
    const study = await readers.addUnseen("2.25.4711");
    const matches = jsonOf((await ask("/studies")).body);
    expect(matches).toHaveLength(2);
    expect(matches.find((match) => match["0020000D"]!.Value![0] === study)).toMatchObject({
      "00081030": { Value: [expect.stringMatching(/^\[UNVERIFIED\]/)] },
    });
    // Nothing proves it, and this reader is in enforce.
    expect((await ask(`/studies/${study}`)).status).not.toBe(200);
    await readers.site.lines("read-unknown", 1);
  });

  it("are told of what the archive has lost", async () => {
    const [instance] = readers.sealed.keys();
    const at = await instanceAt(instance!);
    const path = await readers.fileOf(instance!);
    const bytes = readFileSync(path);
    rmSync(path);
    try {
      const { status } = await ask(at);
      expect([404, 503]).toContain(status);
    } finally {
      writeFileSync(path, bytes);
    }
    expect((await ask(at)).status).toBe(200);
  });
});
