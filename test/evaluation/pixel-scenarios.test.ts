/** Scenarios on pixels: each edit on real images of several modalities and syntaxes. The frame is named; the place in it needs the watermark. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nativeSamples, replacePixels } from "../../src/attack-lab/forgeries.ts";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { imageAttributesOf } from "../../src/dicom/pixel-data/image-attributes.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { describePeer } from "../peers.ts";
import { operations } from "./benign-operations.ts";
import { corpusBytes, tolerancesFor } from "./corpus-files.ts";
import { edited, newSite, outcome, parse, type Site } from "./fixture.ts";
import { type Plane, pixelEdits } from "./pixel-edits.ts";
import { SeededRandom } from "./seeded-random.ts";

/** Single-frame, one sample a pixel. */
const images = [
  "ct-series/lidc-0314-nodule/inst117.dcm",
  "mr-series/brain-tumour-t1post/000010.dcm",
  "mr-series/siemens-t1-sag-hfs/0018.dcm",
  "pet-series/qin-headneck-0024/000100.dcm",
  "radiograph/nih-chest-dx-8bit-b.dcm",
  "ultrasound/philips-grey-native.dcm",
  "transfer-syntax/ctimage/ctimage.1.2.840.10008.1.2.2.BigEndianExplicit.dcm",
  "transfer-syntax/ctimage/ctimage.1.2.840.10008.1.2.1.99.DeflatedExplicitVRLittleEndian.dcm",
] as const;

/** The object with its samples edited, in its own syntax; undefined where the edit has nothing to work on. */
async function forged(sealed: Bytes, scenario: number): Promise<Bytes | undefined> {
  const object = await parse(sealed);
  const attributes = imageAttributesOf(object)!;
  const { samples, rows, columns, bytes } = await nativeSamples(object);
  // A bit above Bits Stored: there is none.
  if (scenario === 2 && attributes.bitsStored === attributes.bitsAllocated) return undefined;
  const view = bytes === 1 ? samples : new Uint16Array(samples.buffer, samples.byteOffset, rows * columns);
  const plane: Plane = { rows, columns, bits: attributes.bitsStored, samples: Float64Array.from(view) };
  const uid = plainTextOf(object.elements, tags.sopInstanceUid)!;
  pixelEdits.get(scenario)!(plane, new SeededRandom(uid, scenario));
  const out =
    bytes === 1 ? Uint8Array.from(plane.samples) : new Uint8Array(Uint16Array.from(plane.samples).buffer);
  return edited(sealed, replacePixels(object, out));
}

describePeer("corpus", "forged pixels", () => {
  let site: Site;
  const sealed = new Map<string, Bytes>();
  beforeAll(async () => {
    site = newSite();
    for (const file of images) sealed.set(file, await site.seal(corpusBytes(file), tolerancesFor(file)));
  });
  afterAll(() => site.close());

  it.each([...pixelEdits.keys()])(
    "scenario %i is altered, with its frame, on every image",
    async (scenario) => {
      let judgedImages = 0;
      for (const file of images) {
        const bytes = await forged(sealed.get(file)!, scenario);
        if (!bytes) continue;
        judgedImages++;
        const judged = await site.judge(bytes);
        expect(outcome(judged), file).toMatch(/^altered: pixels-changed \(7FE0,0010\) f0/);
        expect(judged.decision.disposition).toBe("held");
        expect(judged.decision.findings.filter(({ code }) => code.startsWith("attribute-"))).toEqual([]);
      }
      expect(judgedImages).toBeGreaterThan(scenario === 2 ? 1 : 7);
    },
  );

  it("edits give the same bytes for the same seed", async () => {
    const file = images[0];
    expect(await forged(sealed.get(file)!, 5)).toEqual(await forged(sealed.get(file)!, 5));
    expect(await forged(sealed.get(file)!, 5)).not.toEqual(await forged(sealed.get(file)!, 4));
  });
});

let work: string | undefined;
function workFolder(): string {
  work ??= mkdtempSync(join(tmpdir(), "scanseal-forged-"));
  return work;
}
afterAll(() => {
  if (work !== undefined) rmSync(work, { recursive: true });
});

/** Sealed in a compressed syntax: decompressed, edited and compressed again to the same one. */
describePeer(
  ["corpus", "dcmcjpls", "dcmdjpls", "dcmcrle", "dcmdrle", "dcmcjpeg", "dcmdjpeg"],
  "forged compressed pixels",
  () => {
    const routes = [
      ["radiograph/fuji-cr-rg2-jpegls.dcm", "dcmdjpls (decompress)", "dcmcjpls (JPEG-LS)"],
      [
        "transfer-syntax/ctimage/ctimage.1.2.840.10008.1.2.5.RLELossless.dcm",
        "dcmdrle (decompress)",
        "dcmcrle (RLE)",
      ],
      [
        "transfer-syntax/ctimage/ctimage.1.2.840.10008.1.2.4.70.JPEGProcess14SV1.dcm",
        "dcmdjpeg (decompress)",
        "dcmcjpeg (JPEG lossless SV1)",
      ],
    ] as const;
    let site: Site;
    beforeAll(() => {
      site = newSite();
    });
    afterAll(() => site.close());

    it.each(routes)("%s", async (file, decompress, compress) => {
      const run = async (name: string, bytes: Bytes): Promise<Bytes> => {
        const operation = operations.find((one) => one.name === name)!;
        return (await operation.apply(bytes, workFolder(), []))!;
      };
      const sealed = await site.seal(corpusBytes(file));
      const native = await run(decompress, sealed);
      for (const scenario of [1, 4, 7, 11]) {
        const edit = (await forged(native, scenario))!;
        const judged = await site.judge(await run(compress, edit));
        expect(outcome(judged), `${scenario}`).toMatch(/^altered: .*pixels-changed \(7FE0,0010\) f0/);
      }
    });
  },
);
