import fc from "fast-check";
import { deflateRaw } from "pako";
import { describe, expect, it } from "vitest";
import { fromMemory, fromWindows } from "../../test/dicom/drivers.ts";
import { explicitLittle, file, image, pixels, raw, text } from "../../test/dicom/malformed-samples.ts";
import {
  encodeSample,
  type Outline,
  outlineOf,
  outlineOfSample,
  type SampleElement,
  sampleDataSet,
  samplePart10,
} from "../../test/dicom/sample-object.ts";
import { type Bytes, concatBytes, fromLatin1, latin1, toHex } from "../foundation/bytes.ts";
import { encodePart10, numberElement, textElement } from "./encode.ts";
import type { Encoding } from "./model.ts";
import { readDicom } from "./read.ts";
import { type Edit, writeToBytes } from "./splice.ts";
import {
  deflatedUid,
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "./transfer-syntax.ts";

const encodings: readonly (readonly [string, Encoding])[] = [
  [implicitLittleEndianUid, { explicit: false, bigEndian: false }],
  [explicitLittleEndianUid, explicitLittle],
  [explicitBigEndianUid, { explicit: true, bigEndian: true }],
];

const newName = textElement(0x00100010, "PN", "NEW^NAME");

/** An outline without the tag, and with the given one in its place. */
function withElement(outline: Outline, element: Outline[number] | undefined, tag: number): Outline {
  const kept = outline.filter((e) => e.tag !== tag);
  return [...kept, ...(element ? [element] : [])].sort((a, b) => a.tag - b.tag);
}

async function edited(bytes: Bytes, ...edits: readonly Edit[]): Promise<Bytes> {
  return writeToBytes(await fromWindows(bytes), edits);
}

describe("splicing", () => {
  it.each(encodings)("without edits is the identity: %s", async (uid, encoding) => {
    await fc.assert(
      fc.asyncProperty(sampleDataSet(encoding), async (elements) => {
        const bytes = samplePart10(encodeSample(elements, encoding), uid);
        expect(toHex(await edited(bytes))).toBe(toHex(bytes));
        // A removal of what is not there is no edit either, down to the group length.
        expect(toHex(await edited(bytes, { kind: "remove", path: [0x00089999] }))).toBe(toHex(bytes));
      }),
      { numRuns: 60 },
    );
  });

  it.each(encodings)("puts and removes at top level, and all else stays: %s", async (uid, encoding) => {
    await fc.assert(
      fc.asyncProperty(sampleDataSet(encoding), fc.nat(), async (elements, choice) => {
        const bytes = samplePart10(encodeSample(elements, encoding), uid);
        const before = outlineOfSample(elements, encoding);
        const put = await fromMemory(await edited(bytes, { kind: "put", element: newName }));
        const name = { tag: 0x00100010, vr: "PN", value: fromLatin1("NEW^NAME").toString() } as const;
        expect(outlineOf(put.elements)).toEqual(withElement(before, name, name.tag));
        const { tag } = elements[choice % elements.length]!;
        const removed = await edited(
          bytes,
          { kind: "remove", path: [tag] },
          { kind: "put", element: textElement(0xfffcfffc, "LO", "PAD") },
        );
        const rest = outlineOf((await fromMemory(removed)).elements).slice(0, -1);
        const groupLength = tag >>> 16 === 8 ? 0x00080000 : tag;
        expect(rest).toEqual(withElement(withElement(before, undefined, tag), undefined, groupLength));
      }),
      { numRuns: 60 },
    );
  });

  it.each(encodings)("edits inside items at any depth: %s", async (uid, encoding) => {
    await fc.assert(
      fc.asyncProperty(sampleDataSet(encoding), async (elements) => {
        const bytes = samplePart10(encodeSample(elements, encoding), uid);
        const object = await fromMemory(bytes);
        const path = deepestItem(object.elements);
        if (path.length === 0) return;
        const after = await fromMemory(await edited(bytes, { kind: "put", element: newName, parent: path }));
        const there = itemAt(outlineOf(after.elements), path);
        expect(there.filter((e) => e.tag === 0x00100010)).toEqual([
          { tag: 0x00100010, vr: "PN", value: fromLatin1("NEW^NAME").toString() },
        ]);
        const back = await edited(await writeToBytes(after, []), {
          kind: "remove",
          path: [...path, 0x00100010] as unknown as [number, ...number[]],
        });
        const wanted = itemAt(outlineOf(object.elements), path).filter((e) => e.tag !== 0x00100010);
        const found = itemAt(outlineOf((await fromMemory(back)).elements), path);
        expect(found.filter((e) => (e.tag & 0xffff) !== 0)).toEqual(
          wanted.filter((e) => (e.tag & 0xffff) !== 0),
        );
      }),
      { numRuns: 100 },
    );
  });

  it.each(encodings)(
    "appends items, to UN of undefined length in its own encoding: %s",
    async (uid, encoding) => {
      const nested = [{ elements: [text(0x00100020, "LO", "ID")], undefinedLength: true }];
      const forms: SampleElement[] = [
        { tag: 0x00400275, vr: "SQ", items: nested },
        { tag: 0x00400275, vr: "SQ", items: nested, undefinedLength: true },
        ...(encoding.explicit
          ? [{ tag: 0x00400275, vr: "SQ", items: nested, undefinedLength: true, asUn: true } as const]
          : []),
        { tag: 0x00400275, vr: "SQ", items: [] },
      ];
      for (const sequence of [...forms, undefined]) {
        const bytes = samplePart10(
          encodeSample([text(0x00080060, "CS", "CT"), ...(sequence ? [sequence] : [])], encoding),
          uid,
        );
        const edit: Edit = {
          kind: "append-item",
          sequence: 0x00400275,
          item: [newName, numberElement(0x00280010, "US", 258)],
        };
        const object = await fromMemory(await edited(bytes, edit, edit));
        const items = object.elements[1]!.items!;
        expect(items).toHaveLength((sequence?.items?.length ?? 0) + 2);
        expect(latin1(items.at(-1)!.elements[0]!.value!)).toBe("NEW^NAME");
        const bigEndian = items.at(-1)!.elements[1]!.encoding.bigEndian;
        expect([...items.at(-1)!.elements[1]!.value!]).toEqual(bigEndian ? [1, 2] : [2, 1]);
      }
    },
  );

  it("keeps every untouched byte: preamble, meta information, odd lengths, trailing bytes, pixel data", async () => {
    const tolerate = new Set(["length-odd", "trailing-bytes"] as const);
    const dataSet = encodeSample(
      [text(0x00080060, "CS", "CT"), text(0x00100020, "LO", "ABC"), ...image(2, 2, undefined, pixels(4))],
      explicitLittle,
    );
    const bytes = raw(dataSet, Uint8Array.of(0, 0, 0));
    bytes.set(fromLatin1("II*\0"), 0);
    const object = await readDicom(await sourceOf(bytes), { tolerate });
    const out = await writeToBytes(object, [{ kind: "put", element: newName }]);
    const at = object.elements[1]!.offset;
    expect(latin1(out)).toBe(
      `${latin1(bytes.subarray(0, at))}\x10\0\x10\0PN\x08\0NEW^NAME${latin1(bytes.subarray(at))}`,
    );
  });

  it("leaves elements that were tolerated out of order where they are", async () => {
    const tolerate = new Set(["tag-order"] as const);
    const one = (tag: number, value: string): Bytes => encodeSample([text(tag, "LO", value)], explicitLittle);
    const bytes = raw(
      one(0x00100040, "AA"),
      one(0x00100020, "BB"),
      one(0x00100060, "CC"),
      one(0x00100021, "DD"),
    );
    const object = await readDicom(await sourceOf(bytes), { tolerate });
    const values = async (...edits: Edit[]): Promise<string> => {
      const out = await fromMemory(await writeToBytes(object, edits), { tolerate });
      return [...out.elements]
        .sort((a, b) => a.offset - b.offset)
        .map((e) => latin1(e.value!))
        .join(" ");
    };
    const put = (tag: number): Edit => ({ kind: "put", element: textElement(tag, "LO", "NEW ") });
    expect(await values(put(0x00100020))).toBe("AA NEW  CC DD");
    expect(await values(put(0x00100050))).toBe("AA BB NEW  CC DD");
    expect(await values(put(0x00100070))).toBe("AA BB CC DD NEW ");
    expect(await values({ kind: "remove", path: [0x00100060] })).toBe("AA BB DD");
  });

  it("drops a group length that would lie, and no other", async () => {
    const length = (group: number): SampleElement => ({
      tag: group * 0x10000,
      vr: "UL",
      value: Uint8Array.of(1, 0, 0, 0),
    });
    const bytes = file([length(8), text(0x00080060, "CS", "CT"), length(0x10), text(0x00100020, "LO", "ID")]);
    const object = await fromMemory(await edited(bytes, { kind: "put", element: newName }));
    expect(object.elements.map((e) => e.tag)).toEqual([0x00080000, 0x00080060, 0x00100010, 0x00100020]);
  });

  it("deflates again", async () => {
    const content = encodeSample(
      [text(0x00080060, "CS", "CT"), text(0x00100020, "LO", "ID")],
      explicitLittle,
    );
    const deflated = deflateRaw(content);
    const bytes = samplePart10(concatBytes([deflated, new Uint8Array(deflated.length % 2)]), deflatedUid);
    const out = await edited(bytes, { kind: "put", element: newName });
    expect(out.length % 2).toBe(0);
    expect((await fromMemory(out)).elements.map((e) => e.tag)).toEqual([0x00080060, 0x00100010, 0x00100020]);
  });

  it("refuses edits that do not fit", async () => {
    const bytes = file([text(0x00100020, "LO", "ID"), { tag: 0x00400275, vr: "SQ", items: [] }]);
    const item = [newName];
    const wrong: Edit[][] = [
      [{ kind: "put", element: newName, parent: [0x00400275, 0] }],
      [{ kind: "put", element: newName, parent: [0x00081140, 0] }],
      [{ kind: "append-item", sequence: 0x00100020, item }],
      [
        { kind: "append-item", sequence: 0x00400275, item },
        { kind: "remove", path: [0x00400275] },
      ],
      [{ kind: "put", element: textElement(0x00020010, "UI", "1.2") }],
      [{ kind: "put", element: textElement(0x00100010, "PN", "x".repeat(65_536)) }],
    ];
    for (const edits of wrong) await expect(edited(bytes, ...edits)).rejects.toMatchObject({ code: "usage" });
  });
});

describe("our own objects", () => {
  it("read back under the strict reader", async () => {
    const elements = [
      textElement(0x00080018, "UI", "1.2.3.4"),
      textElement(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
      numberElement(0x00280009, "AT", 0x00181063),
      numberElement(0x00189079, "FD", 1.5),
      { tag: 0x00400275, vr: "SQ", items: [[newName]] } as const,
    ];
    for (const [uid] of encodings) {
      const object = await fromMemory(encodePart10(elements, uid));
      expect(object.elements.map((e) => e.tag)).toEqual([
        0x00080016, 0x00080018, 0x00189079, 0x00280009, 0x00400275,
      ]);
    }
    expect(() => encodePart10([], explicitLittleEndianUid)).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
    expect(() => encodePart10(elements, deflatedUid)).toThrow(expect.objectContaining({ code: "usage" }));
  });
});

async function sourceOf(bytes: Bytes): Promise<Parameters<typeof readDicom>[0]> {
  return { size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
}

function deepestItem(elements: Parameters<typeof outlineOf>[0]): number[] {
  let best: number[] = [];
  for (const element of elements) {
    for (const [index, item] of (element.items ?? []).entries()) {
      const path = [element.tag, index, ...deepestItem(item.elements)];
      if (path.length > best.length) best = path;
    }
  }
  return best;
}

function itemAt(outline: Outline, path: readonly number[]): Outline {
  if (path.length === 0) return outline;
  return itemAt(outline.find((e) => e.tag === path[0])!.items![path[1]!]!, path.slice(2));
}
