/** What a lossless transcode leaves behind is excused: an excuse for an edit? */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { numberElement, textElement } from "../../src/dicom/encode.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { edited, newSite, type Site } from "../evaluation/fixture.ts";
import { describePeer } from "../peers.ts";
import { encapsulated, lesionWords, put, rleFrame, rleUid, slice, verdictOf, wordsOf } from "./objects.ts";
import { runPeer, workFolder } from "./peer-programs.ts";

const signed = numberElement(0x00280103, "US", 1);
const allBits = [put(numberElement(0x00280101, "US", 16)), put(numberElement(0x00280102, "US", 15))];
/** -500 and 300 in twelve bits, the four bits above zero: as sixteen bits they are 3596 and 300. */
const signInBit11 = wordsOf((i) => (i % 2 ? -500 : 300) & 0xfff);
const signExtended = wordsOf((i) => (i % 2 ? -500 : 300));

describe("by-products of transcoding as an excuse", () => {
  let site: Site;
  let sealed: Bytes;
  beforeAll(async () => {
    site = newSite();
    sealed = await site.seal(slice());
  });
  afterAll(() => site.close());
  const asRle = (bytes: Bytes, pixels: Bytes, edits: Parameters<typeof encapsulated>[3]): Promise<Bytes> =>
    encapsulated(bytes, [rleFrame(pixels, 2)], rleUid, edits);

  it("a lossless transcode alone is verified", async () => {
    expect(await verdictOf(site, await asRle(sealed, lesionWords, []))).toMatch(/^verified: transcoded/);
  });

  it("High Bit alone: viewers would divide every value by sixteen", async () => {
    const forged = await asRle(sealed, lesionWords, [put(numberElement(0x00280102, "US", 15))]);
    expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-changed \(0028,0102\)/);
  });

  it("Bits Stored without High Bit", async () => {
    const forged = await asRle(sealed, lesionWords, [put(numberElement(0x00280101, "US", 10))]);
    expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-changed \(0028,0101\)/);
  });

  it.each([
    ["RLE", true],
    ["native", false],
  ])(
    "all bits stored where the sign stands in bit 11: negative values become positive (%s)",
    async (_, rle) => {
      const original = await site.seal(slice([signed], signInBit11));
      const forged = rle ? await asRle(original, signInBit11, allBits) : await edited(original, allBits);
      expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-changed \(0028,0101\)/);
    },
  );

  it("all bits stored where an overlay stands in the bits above", async () => {
    const withOverlay = wordsOf((i) => (i % 5 === 0 ? 0x1000 : 0) + (i & 0xfff));
    const original = await site.seal(slice([], withOverlay));
    const forged = await asRle(original, withOverlay, allBits);
    expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-changed \(0028,0101\)/);
  });

  it("all bits stored where every sample stays the same number, as GDCM writes, is excused", async () => {
    const original = await site.seal(slice([signed], signExtended));
    expect(await verdictOf(site, await asRle(original, signExtended, allBits))).toMatch(/^verified: /);
    expect(await verdictOf(site, await asRle(sealed, lesionWords, allBits))).toMatch(/^verified: /);
  });

  it.each([
    ["Rescale Intercept", textElement(0x00281052, "DS", "0")],
    ["Photometric Interpretation", textElement(0x00280004, "CS", "MONOCHROME1")],
    ["Pixel Representation", signed],
    ["a loss that is denied", textElement(0x00282110, "CS", "01")],
    ["Derivation Description", textElement(0x00082111, "ST", "Lossless JPEG compression, tumour removed")],
    ["Laterality", textElement(0x00200060, "CS", "R")],
  ])("%s beside a true transcode", async (_, element) => {
    expect(await verdictOf(site, await asRle(sealed, lesionWords, [put(element)]))).toMatch(/^altered: /);
  });
});

describePeer(["dcm2pnm"], "what DCMTK shows", () => {
  it("the sign in bit 11 is another image when all bits are said to be stored", async () => {
    const work = workFolder();
    const shown = [slice([signed], signInBit11), await edited(slice([signed], signInBit11), allBits)].map(
      (bytes, i) => {
        const file = join(work.path, `${i}.dcm`);
        writeFileSync(file, bytes);
        runPeer("dcm2pnm", ["+Wm", "+ob", file, `${file}.pgm`]);
        return readFileSync(`${file}.pgm`).toString("hex");
      },
    );
    work.remove();
    expect(shown[0]).not.toBe(shown[1]);
  });
});
