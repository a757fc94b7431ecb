/** The quick route: a signature, and the commitments of what it leaves open. It must find what comparing everything finds. */
import { afterAll, describe, expect, it } from "vitest";
import { edited, newSite, outcome, parse } from "../../../test/evaluation/fixture.ts";
import { encodeVariant, variants } from "../../../test/vectors/manifest/encodings.ts";
import { sampleElements } from "../../../test/vectors/manifest/sample-object.ts";
import { type NewElement, numberElement, textElement } from "../../dicom/encode.ts";
import type { Edit } from "../../dicom/splice.ts";
import { isPrivateCreator, tagHex, tags } from "../../dicom/tags.ts";
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";

const site = newSite();
afterAll(() => site.close());

const explicit = variants.find(({ name }) => name === "explicit")!;
const creator = (group: number, block: number, name: string): NewElement =>
  textElement(((group << 16) | block) >>> 0, "LO", name);
/** A private block of the data set, one inside a signed sequence, and a creator that reserves a block for nothing. */
const privateElements: readonly NewElement[] = [
  creator(0x0009, 0x10, "SPEED 1.0"),
  textElement(0x00091001, "LO", "one"),
  numberElement(0x00091002, "US", 2),
  { tag: 0x00091003, vr: "SQ", items: [[textElement(0x00100020, "LO", "inside")]] },
  creator(0x0009, 0x11, "RESERVED 1.0"),
  {
    tag: 0x00400275,
    vr: "SQ",
    items: [[creator(0x0009, 0x10, "NESTED 1.0"), textElement(0x00091001, "LO", "nested")]],
  },
];
const original = encodeVariant(
  [
    ...new Map([...sampleElements(), ...privateElements].map((element) => [element.tag, element])).values(),
  ].sort((a, b) => a.tag - b.tag),
  explicit,
);
const sealed = await site.seal(original);
const object = await parse(sealed);
/** (0071,xx00): the sample has no other block in this group. */
const sealBase = object.elements.find(({ tag }) => tag >>> 16 === 0x0071 && !isPrivateCreator(tag))!.tag;

const put = (element: NewElement, parent?: readonly number[]): Edit =>
  parent ? { kind: "put", element, parent } : { kind: "put", element };
const remove = (...path: [number, ...number[]]): Edit => ({ kind: "remove", path });

async function quickAndDeep(
  bytes: Bytes,
): Promise<{ route: string | undefined; quick: string; deep: string }> {
  const quick = await site.judge(bytes);
  const deep = await site.judge(bytes, { deep: true });
  return { route: quick.evidence.content?.route, quick: outcome(quick), deep: outcome(deep) };
}

describe("the quick route", () => {
  it("proves an object with private elements", async () => {
    const found = await site.judge(sealed);
    expect(found.decision.verdict).toBe("verified");
    expect(found.evidence.content?.route).toBe("signature");
    expect((await site.judge(sealed, { deep: true })).evidence.content?.route).toBe("commitments");
  });

  const attacks: readonly (readonly [what: string, path: string, ...edits: Edit[]])[] = [
    ["a private value changed", "0009[SPEED 1.0]01", put(textElement(0x00091001, "LO", "two"))],
    ["a private value removed", "0009[SPEED 1.0]02", remove(0x00091002)],
    ["a private value added", "0009[SPEED 1.0]09", put(textElement(0x00091009, "LO", "new"))],
    ["a value in a private sequence changed", "0009[SPEED 1.0]03", put(textElement(0x00100020, "LO", "other"), [0x00091003, 0])],
    ["all private elements removed, their creator too", "0009[SPEED 1.0]01", remove(0x00090010), remove(0x00091001), remove(0x00091002), remove(0x00091003)],
    ["a creator renamed", "0009[SPEED 2.0]01", put(creator(0x0009, 0x10, "SPEED 2.0"))],
    ["a creator removed", "0009[]1001", remove(0x00090010)],
    ["a creator that reserves nothing removed", "0009[RESERVED 1.0]", remove(0x00090011)],
    ["a creator that reserves nothing added", "0009[EMPTY 1.0]", put(creator(0x0009, 0x12, "EMPTY 1.0"))],
    ["a nested private value changed", "00400275/0/0009[NESTED 1.0]01", put(textElement(0x00091001, "LO", "other"), [0x00400275, 0])],
    ["a nested private value removed", "00400275/0/0009[NESTED 1.0]01", remove(0x00400275, 0, 0x00091001)],
    ["a nested value of lost VR added", "00400275/0/00400007", put({ tag: 0x00400007, vr: "UN", value: fromLatin1("text") }, [0x00400275, 0])],
    ["an overlay added as UN", "(6000,3000)", put({ tag: 0x60003000, vr: "UN", value: new Uint8Array(8) })],
    ["a group length that is none added", "0009[]0000", put({ tag: 0x00090000, vr: "UN", value: new Uint8Array(8) })],
    ["other pixels added", "malformed: pixel-attributes", put({ tag: 0x7fe00008, vr: "OF", value: new Uint8Array(8) })],
    ["a signed value changed", "(0010,0020)", put(textElement(tags.patientId, "LO", "4712"))],
  ]; // biome-ignore format: one attack a line

  for (const [what, path, ...edits] of attacks) {
    it(what, async () => {
      const { quick, deep } = await quickAndDeep(await edited(sealed, edits));
      expect(quick).toBe(deep);
      expect(quick).not.toMatch(/^verified/);
      expect(quick).toContain(path);
    });
  }

  it("says what comparing everything says, whatever element is removed", async () => {
    for (const { tag } of object.elements) {
      const { quick, deep } = await quickAndDeep(await edited(sealed, [remove(tag)]));
      expect(quick, tagHex(tag)).toBe(deep);
      // Without the leaf table the leaves themselves give the signed root.
      if (tag !== sealBase + 4) expect(quick, tagHex(tag)).not.toBe("verified: ");
    }
  });

  it("lets a renumbered private block pass", async () => {
    const moved = await edited(sealed, [
      ...[0x00090010, 0x00091001, 0x00091002, 0x00091003, 0x00091004].map((tag) => remove(tag)),
      put(creator(0x0009, 0x42, "SPEED 1.0")),
      put(textElement(0x00094201, "LO", "one")),
      put(numberElement(0x00094202, "US", 2)),
      put(numberElement(0x00094204, "UL", 70_000, 3)),
      put({ tag: 0x00094203, vr: "SQ", items: [[textElement(0x00100020, "LO", "inside")]] }),
    ]);
    const { route, quick, deep } = await quickAndDeep(moved);
    expect(quick).toBe(deep);
    expect(quick).toMatch(/^verified/);
    expect(route).toBe("signature");
  });

  it("needs the table and the seed", async () => {
    for (const low of [0x02, 0x04]) {
      const found = await site.judge(await edited(sealed, [remove(sealBase + low)]));
      expect(found.evidence.content?.route).not.toBe("signature");
      if (low === 0x02) expect(found.decision.verdict).toBe("altered");
    }
  });
});
