/** Two routes prove the content, a signature and commitments: what passes one has to pass the other. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findElement } from "../../src/dicom/elements.ts";
import { encodePart10, type NewElement, numberElement, textElement } from "../../src/dicom/encode.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { type Bytes, concatBytes, fromLatin1, u32le } from "../../src/foundation/bytes.ts";
import { edited, newSite, parse, type Site } from "../evaluation/fixture.ts";
import { elementBytes, put, rawOf, slice, verdictOf, withRaw } from "./objects.ts";

const iconTag: Tag = 0x00880200;
const table = new Uint8Array(4);
const drawn = new Uint8Array(40).fill(5);
const icon: NewElement = {
  tag: iconTag,
  vr: "SQ",
  items: [
    [
      numberElement(0x00280002, "US", 1),
      textElement(0x00280004, "CS", "MONOCHROME2"),
      numberElement(0x00280010, "US", 4),
      numberElement(0x00280011, "US", 4),
      numberElement(0x00280100, "US", 8),
      numberElement(0x00280101, "US", 8),
      numberElement(0x00280102, "US", 7),
      numberElement(0x00280103, "US", 0),
      { tag: tags.pixelData, vr: "OB", frames: [drawn] },
    ],
  ],
};

describe("signature and commitments say the same", () => {
  let site: Site;
  let sealed: Bytes;
  beforeAll(async () => {
    site = newSite();
    sealed = await site.seal(slice([icon]));
  });
  afterAll(() => site.close());

  it("untouched", async () => {
    expect(await verdictOf(site, sealed)).toBe("verified: ");
  });

  it("an icon whose image moved into its offset table, in the same signed stream", async () => {
    const object = await parse(sealed);
    const sequence = findElement(object.elements, iconTag)!;
    const item = sequence.items![0]!;
    const pixels = findElement(item.elements, tags.pixelData)!;
    // The stream has an item tag and no length before each fragment: as bytes of the first they give the same stream.
    const swallowed = concatBytes([table, Uint8Array.of(0xfe, 0xff, 0x00, 0xe0), drawn]);
    const fragment = concatBytes([
      Uint8Array.of(0xfe, 0xff, 0x00, 0xe0),
      u32le(swallowed.length),
      swallowed,
      Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0),
    ]);
    const start = pixels.valueOffset - item.offset;
    const content = concatBytes([sealed.subarray(item.offset, item.offset + start), fragment]).slice();
    new DataView(content.buffer).setUint32(4, content.length - 8, true);
    const header = sealed.slice(sequence.offset, sequence.valueOffset);
    new DataView(header.buffer).setUint32(8, content.length, true);
    const forged = await withRaw(sealed, new Map([[iconTag, concatBytes([header, content])]]));
    expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-changed 00880200\/0\/7FE00010/);
  });

  it.each<[string, NewElement]>([
    ["bytes", { tag: 0x00080000, vr: "OB", value: fromLatin1("anything at all!") }],
    ["a sequence", { tag: 0x00080000, vr: "SQ", items: [[textElement(0x00100010, "PN", "Other^Name")]] }],
    ["eight bytes", { tag: 0x00080000, vr: "UL", value: new Uint8Array(8) }],
  ])("%s in the place of a group length inside a signed sequence", async (_, element) => {
    const forged = await edited(sealed, [put(element, [0x00081140, 0])]);
    expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-added 00081140\/0\/00080000/);
  });

  it.each<[string, readonly number[] | undefined, NewElement, RegExp]>([
    [
      "a known attribute",
      undefined,
      textElement(0x00204000, "LT", "No finding."),
      /^altered: attribute-added/,
    ],
    ["in an item", [0x00081140, 0], textElement(0x00204000, "LT", "none"), /^altered: attribute-added/],
    [
      "a tag of no edition",
      undefined,
      { tag: 0x00187ffe, vr: "UN", value: new Uint8Array(2) },
      /^altered: attr/,
    ],
    [
      "an overlay as UN",
      undefined,
      { tag: 0x60003000, vr: "UN", value: new Uint8Array(8) },
      /^altered: attr/,
    ],
    [
      "private",
      undefined,
      { tag: 0x00991001, vr: "OB", value: new Uint8Array(2) },
      /^altered: attribute-added/,
    ],
    ["a retrieve AE title", undefined, textElement(0x00080054, "AE", "PACS"), /^verified-with-changes: /],
    [
      "Length to End",
      undefined,
      { tag: 0x00080001, vr: "UL", value: new Uint8Array(6) },
      /^(altered|malformed)/,
    ],
  ])("added: %s", async (_, parent, element, expected) => {
    const forged = await edited(sealed, [put(element, parent)]);
    expect(await verdictOf(site, forged)).toMatch(expected);
  });

  it("a report whose content moved into the signature item, in the same signed stream", async () => {
    // Its last element stands before (0400,0005), so that the stream goes on with it in either place.
    const content: NewElement = {
      tag: 0x0040a730,
      vr: "SQ",
      items: [[textElement(0x0040a040, "CS", "TEXT"), textElement(0x0040a160, "UT", "A mass of 4 cm.")]],
    };
    const report = encodePart10(
      [
        textElement(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.11"),
        textElement(0x00080018, "UI", "1.2.826.0.1.3680043.9999.8"),
        content,
      ],
      explicitLittleEndianUid,
    );
    const moved = await edited(await site.seal(report), [
      { kind: "remove", path: [content.tag] },
      put(content, [tags.digitalSignaturesSequence, 0]),
    ]);
    const object = await parse(moved);
    const parameters = findElement(object.elements, tags.macParametersSequence)!.items![0]!.elements;
    const listed = findElement(parameters, 0x04000020)!.value!;
    const forged = await edited(moved, [
      put({ tag: 0x04000020, vr: "AT", value: listed.slice(0, -4) }, [tags.macParametersSequence, 0]),
    ]);
    const { evidence } = await site.judge(forged);
    // The signature alone is fooled; the commitments and the rules for signature items are not.
    expect(evidence.signatures.map(({ result }) => result)).toEqual(["valid"]);
    expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-removed \(0040,A730\)/);
  });

  it("a shorter list of signed elements", async () => {
    const object = await parse(sealed);
    const list = findElement(
      findElement(object.elements, tags.macParametersSequence)!.items![0]!.elements,
      0x04000020,
    )!;
    const shorter = list.value!.slice(4);
    const forged = await edited(sealed, [
      put({ tag: 0x04000020, vr: "AT", value: shorter }, [tags.macParametersSequence, 0]),
    ]);
    expect(await verdictOf(site, forged)).toMatch(/^altered: signature-altered/);
  });

  it("an element replaced by its own bytes is the same object", async () => {
    const same = await withRaw(sealed, new Map([[0x00081140, await rawOf(sealed, 0x00081140)]]));
    expect(same).toEqual(sealed);
    expect(elementBytes(textElement(0x00200060, "CS", "L"))).toEqual(await rawOf(sealed, 0x00200060));
  });
});
