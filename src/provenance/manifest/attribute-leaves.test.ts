import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeVariant, variants } from "../../../test/vectors/manifest/encodings.ts";
import { sampleElements } from "../../../test/vectors/manifest/sample-object.ts";
import { type NewElement, numberElement, textElement } from "../../dicom/encode.ts";
import { readDicom } from "../../dicom/read.ts";
import type { Tag } from "../../dicom/tags.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, concatBytes, fromLatin1, latin1, toHex } from "../../foundation/bytes.ts";
import type { Leaf } from "../disclosure/commitment.ts";
import { attributeLeaves } from "./attribute-leaves.ts";

async function bytesOf({ value }: Leaf): Promise<Bytes> {
  if (value instanceof Uint8Array) return value;
  const parts: Bytes[] = [];
  await value.feed((bytes) => void parts.push(bytes.slice()));
  return concatBytes(parts);
}

/** Path -> "VR hex value" */
async function leavesOf(file: Bytes): Promise<Record<string, string>> {
  const leaves = await attributeLeaves(await readDicom(new MemorySource(file)));
  const entries = leaves.map(
    async (leaf) => [leaf.path, `${leaf.vr} ${toHex(await bytesOf(leaf))}`] as const,
  );
  const found = await Promise.all(entries);
  const record = Object.fromEntries(found);
  expect(Object.keys(record)).toHaveLength(leaves.length);
  return record;
}

const explicit = variants.find(({ name }) => name === "explicit")!;
const implicit = variants.find(({ name }) => name === "implicit")!;
const base = sampleElements();

function withElements(...elements: readonly NewElement[]): NewElement[] {
  const replaced = new Set(elements.map(({ tag }) => tag));
  return [...base.filter(({ tag }) => !replaced.has(tag)), ...elements];
}

describe("leaves of attributes", () => {
  it("names standard, nested and private attributes", async () => {
    const leaves = await leavesOf(encodeVariant(base, explicit));
    const text = (path: string): string => {
      const [vr, hex = ""] = leaves[path]!.split(" ");
      return `${vr} ${latin1(Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)))}`;
    };
    expect(text("00100010")).toBe("PN Muster^Erika");
    expect(text("00081140/0/00081155")).toBe("UI 2.25.77\0");
    expect(text("00081140/0/0040A170/1/00080100")).toBe("SH 121312");
    expect(text("00081140/1/0009[ACME NESTED]01")).toBe("* inner ");
    expect(text("0009[ACME 1.0]01")).toBe("* a private text  ");
    expect(leaves["00081140"]).toBe("SQ 02000000");
    expect(leaves["00082112"]).toBe("SQ 00000000");
    expect(leaves["00280106"]).toBe("US or SS 0200");
    expect(leaves["00281101"]).toBe("US or SS 040000001000");
    expect(leaves["0009[ACME 1.0]04"]).toBe("* 7011010003000000");
    // Items in implicit VR little endian with defined lengths, whatever was written.
    expect(leaves["0009[ACME 1.0]03"]).toBe(
      "* feff00e0300000000800000104000000502d3120110001101c000000feff00e000000000feff00e00c0000000800040104000000" +
        "64656570feff00e000000000",
    );
  });

  it("has no leaf for pixel data, group lengths, signatures, trailing padding and the creator itself", async () => {
    const exempt: readonly NewElement[] = [
      numberElement(0x00080001, "UL", 4711),
      numberElement(0x000b0000, "UL", 12),
      { tag: 0x4ffe0001, vr: "SQ", items: [] },
      { tag: 0xfffafffa, vr: "SQ", items: [] },
      { tag: 0xfffcfffc, vr: "OB", value: new Uint8Array(8) },
    ];
    const expected = await leavesOf(encodeVariant(base, explicit));
    expect(await leavesOf(encodeVariant(withElements(...exempt), explicit))).toEqual(expected);
    expect(Object.keys(expected).filter((path) => /^(7FE0|4FFE|FFF)|0009\[\]|00090010/.test(path))).toEqual(
      [],
    );
  });

  it("takes a group length that is none for content", async () => {
    const payload: NewElement = { tag: 0x000b0000, vr: "OB", value: fromLatin1("hidden") };
    const leaves = await leavesOf(encodeVariant(withElements(payload), explicit));
    expect(leaves["000B[]0000"]).toBe(`* ${toHex(fromLatin1("hidden"))}`);
  });

  it("keeps every leaf in every encoding", async () => {
    const expected = await leavesOf(encodeVariant(base, explicit));
    expect(Object.keys(expected).length).toBeGreaterThan(35);
    for (const variant of variants) {
      expect(await leavesOf(encodeVariant(base, variant)), variant.name).toEqual(expected);
    }
  });

  it("keeps every leaf when a private block is renumbered", async () => {
    const expected = await leavesOf(encodeVariant(base, explicit));
    for (const block of [0x11, 0x42, 0xff])
      expect(await leavesOf(encodeVariant(sampleElements(block), explicit))).toEqual(expected);
  });

  it("names orphans, empty creators, creators without elements and second blocks apart", async () => {
    const leaves = await leavesOf(
      encodeVariant(
        withElements(
          textElement(0x000b0010, "LO", "ONE"),
          textElement(0x000b0011, "LO", "ONE"),
          textElement(0x000b0012, "LO", "UN/USED]%"),
          textElement(0x000b0013, "LO", ""),
          textElement(0x000b1001, "LO", "first "),
          textElement(0x000b1101, "LO", "second"),
          textElement(0x000b1301, "LO", "of nobody "),
        ),
        explicit,
      ),
    );
    expect(Object.keys(leaves).filter((path) => path.startsWith("000B"))).toEqual([
      "000B[UN%2FUSED%5D%25]",
      "000B[]0013",
      "000B[ONE]01",
      "000B[ONE][1]01",
      "000B[]1301",
    ]);
  });

  it("normalises text and identifiers, and nothing of private values", async () => {
    const one = await leavesOf(
      encodeVariant(
        withElements(textElement(0x00080080, "LO", "Clinic    "), textElement(0x00091001, "LO", "x   ")),
        explicit,
      ),
    );
    const two = await leavesOf(
      encodeVariant(
        withElements(textElement(0x00080080, "LO", "Clinic"), textElement(0x00091001, "LO", "x ")),
        explicit,
      ),
    );
    expect(one["00080080"]).toBe(two["00080080"]);
    expect(one["0009[ACME 1.0]01"]).not.toBe(two["0009[ACME 1.0]01"]);
    const leading = await leavesOf(
      encodeVariant(withElements(textElement(0x00080080, "LO", "  Clinic")), explicit),
    );
    expect(leading["00080080"]).not.toBe(two["00080080"]);
  });

  it("reads a standard attribute that arrives as UN by its dictionary VR", async () => {
    const overlay = { tag: 0x60003000 as Tag, value: Uint8Array.of(1, 2, 3, 4) };
    const number = numberElement(0x00280120, "US", 0x1234);
    const name = textElement(0x00081030, "LO", "Study  ");
    const known = await leavesOf(
      encodeVariant(withElements({ ...overlay, vr: "OW" }, number, name), explicit),
    );
    const hidden = withElements({ ...overlay, vr: "UN" }, { ...number, vr: "UN" }, { ...name, vr: "UN" });
    expect(await leavesOf(encodeVariant(hidden, explicit))).toEqual(known);
    expect(known["60003000"]).toBe("OB or OW 01020304");
  });

  it("does not take a UN for a sequence when it is not items from end to end", async () => {
    const items = encodeVariant([...base], implicit);
    expect(items.length).toBeGreaterThan(0);
    for (const value of [
      fromLatin1("no items"),
      Uint8Array.of(0xfe, 0xff, 0, 0xe0, 4, 0, 0, 0, 1, 2),
      Uint8Array.of(0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 1, 2),
      Uint8Array.of(0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0),
    ]) {
      const leaves = await leavesOf(
        encodeVariant(withElements({ tag: 0x00082112, vr: "UN", value }), explicit),
      );
      expect(leaves["00082112"]).toBe(`UN ${toHex(value)}`);
    }
  });

  it("takes the VR text of a sealed table where there is one", async () => {
    const object = await readDicom(new MemorySource(encodeVariant(base, explicit)));
    const sealed = new Map([
      ["00081140", "*"],
      ["00180050", "*"],
    ]);
    const leaves = await attributeLeaves(object, { vrAt: (path) => sealed.get(path) });
    const found = (path: string): Leaf | undefined => leaves.find((leaf) => leaf.path === path);
    expect(found("00081140")?.vr).toBe("*");
    expect(leaves.some(({ path }) => path.startsWith("00081140/"))).toBe(false);
    expect(found("00180050")?.vr).toBe("*");
  });
});

const text = (max: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."ABCxyz019 .-"), maxLength: max }).map((s) => s.replace(/^ +$/, ""));
const bytes = fc.uint8Array({ maxLength: 12 }).map((b) => b.subarray(0, b.length - (b.length % 2)));

/** Tags with their VRs: two texts, a number, bytes, and sequences at two levels. */
function elementsOf(depth: number): fc.Arbitrary<NewElement[]> {
  const choices: fc.Arbitrary<NewElement>[] = [
    text(16).map((s) => textElement(0x00080080, "LO", s)),
    text(10).map((s) => textElement(0x00081030, "LO", s)),
    fc.integer({ min: 0, max: 65535 }).map((n) => numberElement(0x00280010, "US", n)),
    fc.double({ noNaN: true }).map((n) => numberElement(0x00189310, "FD", n)),
    bytes.map((value) => ({ tag: 0x00420011, vr: "OB" as const, value })),
    text(8).map((s) => textElement(0x00111001, "LO", s)),
    fc
      .array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 3 })
      .map((n) => numberElement(0x00111002, "UL", ...n)),
    bytes.map((value) => ({ tag: 0x00111003, vr: "OB" as const, value })),
  ];
  if (depth > 0) {
    const items = fc.array(elementsOf(depth - 1), { maxLength: 3 });
    choices.push(items.map((of) => ({ tag: 0x0040a730, vr: "SQ" as const, items: of })));
    choices.push(items.map((of) => ({ tag: 0x00111004, vr: "SQ" as const, items: of })));
  }
  return fc.array(fc.oneof(...choices), { maxLength: 6 }).map((list) => {
    const unique = new Map(list.map((element) => [element.tag, element]));
    if ([...unique.keys()].some((tag) => tag >>> 16 === 0x11))
      unique.set(0x00110010, textElement(0x00110010, "LO", "ACME 2"));
    return [...unique.values()].sort((a, b) => a.tag - b.tag);
  });
}

describe("any data set", () => {
  it("has the same leaves in every encoding", async () => {
    await fc.assert(
      fc.asyncProperty(elementsOf(3), async (generated) => {
        const root = base.filter(({ tag }) => [0x00080016, 0x00080018].includes(tag));
        const elements = [...root, ...generated];
        const expected = await leavesOf(encodeVariant(elements, explicit));
        for (const variant of variants)
          expect(await leavesOf(encodeVariant(elements, variant)), variant.name).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });
});
