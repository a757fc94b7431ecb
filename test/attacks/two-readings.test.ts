/** One file, two readings: what we compare is as sealed, what a viewer reads is not. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rewriteObject } from "../../src/attack-lab/rewrites.ts";
import { findElement } from "../../src/dicom/elements.ts";
import { type NewElement, textElement } from "../../src/dicom/encode.ts";
import type { Edit } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitBigEndianUid, implicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { type Bytes, fromLatin1 } from "../../src/foundation/bytes.ts";
import { edited, newSite, parse, type Site } from "../evaluation/fixture.ts";
import { describePeer } from "../peers.ts";
import {
  encapsulated,
  lesionWords,
  put,
  rleFrame,
  rleUid,
  slice,
  verdictOf,
  withoutSignature,
} from "./objects.ts";
import { runPeer, workFolder } from "./peer-programs.ts";

const frameOfReference = "1.2.826.0.1.3680043.9999.4";
const ui = (value: string): NewElement => ({ tag: 0x00200052, vr: "UI", value: fromLatin1(value) });
const un = (tag: number, value: string): NewElement => ({ tag, vr: "UN", value: fromLatin1(value) });

/** The same object in big endian, Pixel Data with the letters OB and its bytes in little endian order. */
async function wordsAsBytes(bytes: Bytes): Promise<Bytes> {
  const out = await rewriteObject(await parse(bytes), { transferSyntaxUid: explicitBigEndianUid });
  const pixels = findElement((await parse(out)).elements, tags.pixelData)!;
  out.set(fromLatin1("OB"), pixels.offset + 4);
  out.set(lesionWords, pixels.valueOffset);
  return out;
}

describe("one file, two readings", () => {
  let site: Site;
  let sealed: Bytes;
  beforeAll(async () => {
    site = newSite();
    sealed = await site.seal(slice());
  });
  afterAll(() => site.close());
  const judged = async (...edits: Edit[]): Promise<string> => verdictOf(site, await edited(sealed, edits));

  it.each([
    ["a blank", frameOfReference.replace(".0.", ".0 .")],
    ["a tab before it", `\t${frameOfReference}\0`],
    ["a line feed at the end", `${frameOfReference}\n\0`],
  ])("a UID with %s: DCMTK drops it, pydicom compares it", async (_, value) => {
    expect(await judged(put(ui(value)))).toBe("malformed: uid-invalid (0020,0052)");
    const nested = { tag: 0x00081155, vr: "UI", value: fromLatin1("1.2.826 .0.1.3680043.9999.7\0") } as const;
    expect(await judged(put(nested, [0x00081140, 0]))).toBe("malformed: uid-invalid (0008,1155)");
  });

  it("the same hidden in UN, which the reader does not look into", async () => {
    const blank = un(0x00200052, `${frameOfReference.replace(".0.", ".0 .")}\0`);
    expect(await judged(...withoutSignature, put(blank))).toMatch(
      /^altered: attribute-changed \(0020,0052\)/,
    );
  });

  it("a UID padded with a blank or several NULs is read alike by all", async () => {
    expect(await judged(put(ui(`${frameOfReference} `.padEnd(28))))).toBe("verified: ");
    expect(await judged(put(ui(frameOfReference.padEnd(30, "\0"))))).toBe("verified: ");
  });

  it.each([
    ["Rescale Intercept", un(0x00281052, "-1024 ")],
    ["Window Center", un(0x00281050, "40")],
    ["Laterality", un(0x00200060, "L ")],
    ["Patient ID", un(0x00100020, "SENTINEL-4711 ")],
  ])("%s alone as UN: viewers over DCMTK show the image without it", async (_, element) => {
    const at = element.tag.toString(16).padStart(8, "0");
    const expected = new RegExp(`^altered: attribute-changed \\(${at.slice(0, 4)},${at.slice(4)}\\)`);
    expect(await judged(put(element))).toMatch(expected);
    expect(await judged(...withoutSignature, put(element))).toMatch(expected);
    const transcoded = await encapsulated(sealed, [rleFrame(lesionWords, 2)], rleUid, [put(element)]);
    expect(await verdictOf(site, transcoded)).toMatch(expected);
  });

  it("an attribute that was UN when sealed stays verified", async () => {
    const original = await site.seal(slice([un(0x00281052, "-1024 ")]));
    expect(await verdictOf(site, original)).toBe("verified: ");
  });

  it.each([
    ["with its signature", []],
    ["without", withoutSignature],
  ])("words written as bytes in big endian (%s)", async (_, edits) => {
    const forged = await wordsAsBytes(await edited(sealed, edits));
    expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-changed \(7FE0,0010\)/);
    const honest = await rewriteObject(await parse(await edited(sealed, edits)), {
      transferSyntaxUid: explicitBigEndianUid,
    });
    expect(await verdictOf(site, honest)).toMatch(/^verified: /);
  });

  it("words as bytes in big endian that were sealed so stay verified", async () => {
    const forged = await site.seal(await wordsAsBytes(slice()));
    expect(await verdictOf(site, forged)).toBe("verified: ");
  });

  it.each([
    ["another value, same length", put(textElement(0x00281052, "DS", "-1025"))],
    ["a value after a backslash", put(textElement(0x00281050, "DS", "40\\4000"))],
    ["a NUL and another value", put({ tag: 0x00200060, vr: "CS", value: fromLatin1("L\0R ") })],
    ["a NUL at the end", put({ tag: 0x00200060, vr: "CS", value: fromLatin1("L\0") })],
    ["a leading blank", put({ tag: 0x00200060, vr: "CS", value: fromLatin1(" L") })],
    ["empty for absent", put({ tag: 0x00080090, vr: "PN", value: new Uint8Array(0) })],
    ["another character set", put(textElement(0x00080005, "CS", "ISO_IR 192"))],
    ["an item that is empty", { kind: "append-item", sequence: 0x00081140, item: [] } as Edit],
    ["a private block", put(textElement(0x00090010, "LO", "ACME"))],
  ])("%s is a change", async (_, edit) => {
    expect(await judged(edit)).toMatch(/^(altered|malformed): /);
    expect(await judged(...withoutSignature, edit)).toMatch(/^(altered|malformed): /);
  });

  it("other lengths, byte order and VR letters of the whole file are none", async () => {
    for (const transferSyntaxUid of [implicitLittleEndianUid, explicitBigEndianUid]) {
      const bytes = await rewriteObject(await parse(sealed), { transferSyntaxUid, undefinedLengths: true });
      expect(await verdictOf(site, bytes)).toMatch(/^verified: /);
    }
  });
});

describePeer("dcmdump", "what DCMTK reads", () => {
  it("nothing of an attribute that stands as UN", async () => {
    const work = workFolder();
    const file = join(work.path, "un.dcm");
    writeFileSync(file, await edited(slice(), [put(un(0x00200060, "L "))]));
    const text = runPeer("dcmdump", ["-q", "+P", "0020,0060", file]);
    work.remove();
    expect(text).toMatch(/\(0020,0060\) UN 4c\\20/);
  });
});
