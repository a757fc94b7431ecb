import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSealedSite, type SealedSite } from "../../test/gateway/sealed-site.ts";
import {
  encapsulated,
  framesIn,
  image,
  jpegLsLosslessUid,
  withContainer,
  withFrames,
  withoutSeal,
} from "../../test/watermark/marked-objects.ts";
import { findElement } from "../dicom/elements.ts";
import { numberElement, textElement } from "../dicom/encode.ts";
import { readDicom } from "../dicom/read.ts";
import { writeToBytes } from "../dicom/splice.ts";
import { tags } from "../dicom/tags.ts";
import { MemorySource } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { CodecPool } from "../platform/node/codecs/codec-pool.ts";
import { OutputFolder } from "./output-folder.ts";
import { Restorer } from "./restoration-run.ts";

const codecs = new CodecPool();
let site: SealedSite;
let count = 0;
beforeAll(async () => {
  site = await makeSealedSite();
});
afterAll(async () => {
  site.remove();
  await codecs.close();
});

/** @returns the restored file */
async function restored(sealed: Bytes, by: SealedSite = site): Promise<Bytes> {
  const path = site.write(`sealed-${count}.dcm`, sealed);
  const restorer = new Restorer(by.home, await OutputFolder.open(join(site.folder, `out-${count++}`)));
  try {
    return readFileSync((await restorer.restore(path)).path);
  } finally {
    await restorer.close();
  }
}

async function put(object: Bytes, ...elements: Parameters<typeof numberElement>[]): Promise<Bytes> {
  const edits = elements.map((one) => ({ kind: "put", element: numberElement(...one) }) as const);
  return writeToBytes(await readDicom(new MemorySource(object)), edits);
}

describe("restoring", () => {
  it.each<[string, () => Bytes]>([
    ["12 bits", () => image()],
    ["16 bits, signed", () => image({ bits: 16, signed: true })],
    ["RGB", () => image({ colour: "rgb", bits: 8 })],
    [
      "several frames, one of which cannot be marked",
      () => image({ frames: ["anatomy", "constant", "anatomy"] }),
    ],
  ])("%s: the file as it was, byte for byte", async (_, make) => {
    const original = make();
    const sealed = await site.sealMarked(original);
    expect(Buffer.compare(sealed.subarray(-1000), original.subarray(-1000))).not.toBe(0);
    expect(Buffer.compare(await restored(sealed), original)).toBe(0);
  });

  it("compressed: every sample as it was", async () => {
    const original = await encapsulated(image({ frames: ["noise", "noise"] }), jpegLsLosslessUid, codecs);
    const sealed = await site.sealMarked(original);
    expect(await framesIn(sealed, codecs)).not.toEqual(await framesIn(original, codecs));
    expect(await framesIn(await restored(sealed), codecs)).toEqual(await framesIn(original, codecs));
  });

  it("attributes about sample values come back with the samples", async () => {
    const plain = image();
    const samples = (await framesIn(plain, codecs))[0]!;
    const numbers = new Uint16Array(new Uint8Array(samples).buffer);
    const [min, max] = [Math.min(...numbers), Math.max(...numbers)];
    const original = await put(
      plain,
      [tags.smallestImagePixelValue, "US", min],
      [tags.largestImagePixelValue, "US", max],
    );
    expect(Buffer.compare(await restored(await site.sealMarked(original)), original)).toBe(0);
  });

  it("what is not as it was sealed is not restored", async () => {
    const sealed = await site.sealMarked(image());
    const edit = ([frame]: Bytes[]): undefined => {
      frame![5000]! ^= 1;
    };
    const edited = await withFrames(sealed, edit, codecs);
    await expect(restored(edited)).rejects.toMatchObject({
      code: "not-restorable",
      message: /it is altered/,
    });
    const renamed = await writeToBytes(await readDicom(new MemorySource(sealed)), [
      { kind: "put", element: textElement(tags.patientId, "LO", "4712") },
    ]);
    await expect(restored(renamed)).rejects.toThrow("it is altered");
    // Altered, where this site restored the object before, and so knows what has its name without a seal.
    await expect(restored(await withoutSeal(sealed))).rejects.toThrow(/it is (unsealed|altered)/);
    await expect(restored(await withContainer(sealed, 0x03))).rejects.toThrow("(0071,xx03), is missing");
  });

  it("without a mark there is nothing to restore", async () => {
    const plain = await site.seal(site.write("plain.dcm", image()));
    await expect(restored(readFileSync(plain))).rejects.toThrow("its pixels are as they were captured");
  });

  it("identifiers that other software rewrote as UN name the same file", async () => {
    const sealed = await site.sealMarked(image());
    const { elements } = await readDicom(new MemorySource(sealed));
    const value = findElement(elements, tags.sopInstanceUid)!.value!;
    const rewritten = await writeToBytes(await readDicom(new MemorySource(sealed)), [
      { kind: "put", element: { tag: tags.sopInstanceUid, vr: "UN", value } },
    ]);
    expect(await framesIn(new Uint8Array(await restored(rewritten)), codecs)).toEqual(
      await framesIn(image(), codecs),
    );
  });

  it("a site without a watermark master is told why there is nothing to restore", async () => {
    const plain = await site.seal(site.write("plain.dcm", image()));
    const master = join(site.folder, "home", "watermark-master");
    renameSync(master, `${master}.lost`);
    try {
      await expect(restored(readFileSync(plain))).rejects.toThrow("its pixels are as they were captured");
      expect(existsSync(master)).toBe(false);
    } finally {
      renameSync(`${master}.lost`, master);
    }
  });

  it("another site, or one that lost its watermark master, has no key", async () => {
    const sealed = await site.sealMarked(image());
    const master = join(site.folder, "home", "watermark-master");
    renameSync(master, `${master}.lost`);
    await expect(restored(sealed)).rejects.toThrow("watermark master is missing");
    renameSync(`${master}.lost`, master);
    await expect(restored(sealed)).resolves.toBeDefined();
    const other = await makeSealedSite();
    try {
      await expect(restored(sealed, other)).rejects.toThrow("it is untrusted");
    } finally {
      other.remove();
    }
  });
});
