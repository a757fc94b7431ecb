/** Small files that ask for much work. No time is measured here: what must not happen is counted. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeHeader, encodeItem, numberElement, textElement } from "../../src/dicom/encode.ts";
import { elementsMax } from "../../src/dicom/limits.ts";
import type { FrameDecoder } from "../../src/dicom/pixel-data/decoder.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { decodeLeafTable } from "../../src/provenance/disclosure/leaf-table.ts";
import { openManifest } from "../../src/provenance/manifest/check.ts";
import { compareLeaves } from "../../src/provenance/manifest/comparison.ts";
import { edited, newSite, parse, type Site } from "../evaluation/fixture.ts";
import { encapsulated, explicitLittle, put, slice, verdictOf, withRaw } from "./objects.ts";

const jpegLsUid = "1.2.840.10008.1.2.4.80";

/** A sequence wrapped into UN: one item, so many empty elements. */
function wrapped(tag: Tag, count: number): Bytes {
  const content = new Uint8Array(8 + 8 * count);
  const view = new DataView(content.buffer);
  content.set([0xfe, 0xff, 0x00, 0xe0]);
  view.setUint32(4, 8 * count, true);
  for (let i = 0; i < count; i++) {
    view.setUint16(8 + 8 * i, 0x0012 + 2 * Math.floor(i / 60_000), true);
    view.setUint16(10 + 8 * i, 1 + (i % 60_000), true);
  }
  return concatBytes([encodeHeader(tag, "UN", content.length, explicitLittle), content]);
}

describe("small files that ask for much", () => {
  let site: Site;
  let sealed: Bytes;
  beforeAll(async () => {
    site = newSite();
    sealed = await site.seal(slice());
  });
  afterAll(() => site.close());

  it("sequences in UN that unfold to more attributes than an object may have", async () => {
    const some = elementsMax / 2 + 10;
    const forged = await withRaw(
      sealed,
      new Map([0x00081110, 0x00081115].map((tag) => [tag, wrapped(tag, some)])),
    );
    expect(await verdictOf(site, forged)).toBe("malformed: limit-elements");
  });

  it("frames of another size are not decoded to learn that they differ", async () => {
    const many = await site.seal(slice([textElement(0x00280008, "IS", "2")], new Uint8Array(4 * 32 * 32)));
    const forged = await encapsulated(many, [new Uint8Array(20), new Uint8Array(20)], jpegLsUid, [
      put(numberElement(0x00280010, "US", 16_384)),
      put(numberElement(0x00280011, "US", 16_384)),
    ]);
    let decoded = 0;
    const decoder: FrameDecoder = {
      decode: async () => {
        decoded++;
        throw new ScansealError("codec-failed", "not to be asked");
      },
    };
    const compared = async (bytes: Bytes): Promise<readonly number[]> => {
      const object = await parse(bytes);
      const { containers, statement } = (await openManifest(object, nodeCrypto))!;
      const { frames } = await compareLeaves({
        crypto: nodeCrypto,
        object,
        records: decodeLeafTable(containers.table!),
        seed: containers.seed!,
        sealedTransferSyntax: statement.pixels.transferSyntax,
        decoder,
      });
      return frames.changed;
    };
    expect(await compared(forged)).toEqual([0, 1]);
    expect(decoded).toBe(0);
    // Of the sealed size they are.
    expect(
      await compared(await encapsulated(many, [new Uint8Array(20), new Uint8Array(20)], jpegLsUid)),
    ).toEqual([]);
    expect(decoded).toBe(2);
  });

  it("thousands of signatures over everything, and of MAC parameters that no one names", async () => {
    const items = (tag: Tag, content: Bytes, count: number): [Tag, Bytes] => {
      const all = concatBytes(Array<Bytes>(count).fill(encodeItem(content, explicitLittle)));
      return [tag, concatBytes([encodeHeader(tag, "SQ", all.length, explicitLittle), all])];
    };
    const forged = await withRaw(
      sealed,
      new Map([
        items(tags.macParametersSequence, new Uint8Array(0), 30_000),
        items(tags.digitalSignaturesSequence, new Uint8Array(0), 30_000),
      ]),
    );
    const { decision, evidence } = await site.judge(forged);
    expect(decision.verdict).toBe("untrusted");
    expect(evidence.signatures).toHaveLength(65);
    expect(decision.findings.length).toBeLessThan(400);
  });

  it("a report of changes stays short", async () => {
    const forged = await withRaw(sealed, new Map([[0x00081110, wrapped(0x00081110, 20_000)]]));
    const { decision } = await site.judge(forged);
    expect(decision.verdict).toBe("altered");
    expect(JSON.stringify(decision).length).toBeLessThan(60_000);
  });

  it("an envelope of brackets", async () => {
    const brackets = new Uint8Array(60_000).fill(0x5b);
    const length = Uint8Array.of(0x60, 0xea, 0, 0);
    const forged = await edited(sealed, [
      put({ tag: 0x00711000, vr: "OB", value: concatBytes([length, brackets]) }),
    ]);
    expect(await verdictOf(site, forged)).toMatch(/^altered: envelope-invalid/);
  });
});
