import fc from "fast-check";
import { deflateRaw } from "pako";
import { describe, expect, it } from "vitest";
import {
  BoundedSource,
  codeOf,
  type Driver,
  fromMemory,
  fromWindows,
  indexOf,
  outcome,
  pushed,
} from "../../test/dicom/drivers.ts";
import {
  explicitLittle,
  file,
  image,
  implicitLittle,
  jpegUid,
  malformedSamples,
  pixels,
  raw,
  text,
} from "../../test/dicom/malformed-samples.ts";
import { mutated, seededRandom, spansOf } from "../../test/dicom/mutation.ts";
import {
  encodeSample,
  outlineOf,
  outlineOfSample,
  type SampleElement,
  sampleDataSet,
  sampleHeader,
  sampleItem,
  samplePart10,
  tagsOfVr,
} from "../../test/dicom/sample-object.ts";
import { type Bytes, concatBytes, fromLatin1 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { lookup } from "./dictionary/dictionary.ts";
import type { Encoding } from "./model.ts";
import { PushReader, readDicom, tolerableCodes } from "./read.ts";
import {
  deflatedUid,
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "./transfer-syntax.ts";

const bigEndian: Encoding = { explicit: true, bigEndian: true };
const syntaxes: readonly (readonly [string, string, Encoding])[] = [
  ["implicit", implicitLittleEndianUid, implicitLittle],
  ["explicit", explicitLittleEndianUid, explicitLittle],
  ["big endian", explicitBigEndianUid, bigEndian],
  ["deflated", deflatedUid, explicitLittle],
];

function encodeFile(elements: readonly SampleElement[], uid: string, encoding: Encoding): Bytes {
  const dataSet = encodeSample(elements, encoding);
  if (uid !== deflatedUid) return samplePart10(dataSet, uid);
  const deflated = deflateRaw(dataSet);
  return samplePart10(concatBytes([deflated, new Uint8Array(deflated.length % 2)]), uid);
}

const chunkSizes = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 500 })), {
  minLength: 1,
  maxLength: 6,
});

describe("every code of the reader", () => {
  it.each(malformedSamples)("$code: $what", async ({ code, bytes, options }) => {
    const drivers: Driver[] = [fromMemory, fromWindows, pushed([4096]), pushed([bytes.length + 1])];
    // Byte by byte only where that is quick.
    if (bytes.length < 100_000) drivers.push(pushed([1]), pushed([7, 131, 1]));
    for (const driver of drivers) expect(await codeOf(bytes, options, driver)).toBe(code);
  });

  it("has a sample", () => {
    const reached = new Set(malformedSamples.map((sample) => sample.code));
    for (const code of tolerableCodes) expect(reached).toContain(code);
    expect(reached.size).toBe(31);
  });
});

describe("generated data sets", () => {
  it("use tags on whose VR the dictionary agrees", () => {
    for (const [vr, tags] of Object.entries(tagsOfVr)) {
      for (const tag of tags) expect(lookup(tag)?.vr, tag.toString(16)).toBe(vr);
    }
  });

  it.each(syntaxes)("read back as they were meant: %s", async (_, uid, encoding) => {
    await fc.assert(
      fc.asyncProperty(sampleDataSet(encoding), async (elements) => {
        const object = await fromMemory(encodeFile(elements, uid, encoding));
        expect(outlineOf(object.elements)).toEqual(outlineOfSample(elements, encoding));
      }),
      { numRuns: 150 },
    );
  });

  it.each(syntaxes)("give one index whatever way they arrive: %s", async (_, uid, encoding) => {
    await fc.assert(
      fc.asyncProperty(sampleDataSet(encoding), chunkSizes, async (elements, sizes) => {
        const bytes = encodeFile(elements, uid, encoding);
        const expected = indexOf(await fromMemory(bytes));
        expect(indexOf(await fromWindows(bytes))).toEqual(expected);
        expect(indexOf(await pushed(sizes)(bytes))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("read back without preamble and meta information, however short", async () => {
    await fc.assert(
      fc.asyncProperty(sampleDataSet(implicitLittle, 1), chunkSizes, async (elements, sizes) => {
        const options = { bareTransferSyntaxUid: implicitLittleEndianUid };
        const bytes = encodeSample(elements, implicitLittle);
        for (const driver of [fromMemory, fromWindows, pushed(sizes)]) {
          const object = await driver(bytes, options);
          expect(outlineOf(object.elements)).toEqual(outlineOfSample(elements, implicitLittle));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("of encapsulated pixel data keep fragments and the offset table", async () => {
    const fragment = fc.uint8Array({ maxLength: 60 }).map((b) => b.slice(0, b.length - (b.length % 2)));
    await fc.assert(
      fc.asyncProperty(fc.array(fragment, { minLength: 1, maxLength: 8 }), chunkSizes, async (all, sizes) => {
        const pixelData = { tag: 0x7fe00010, vr: "OB", fragments: [new Uint8Array(0), ...all] } as const;
        const bytes = file(image(2, 2, undefined, pixelData), jpegUid);
        const object = await fromMemory(bytes);
        const found = object.elements.at(-1)!.fragments!;
        expect(
          found.slice(1).map((f) => [...bytes.subarray(f.valueOffset, f.valueOffset + f.length)]),
        ).toEqual(all.map((b) => [...b]));
        expect(indexOf(await pushed(sizes)(bytes))).toEqual(indexOf(object));
      }),
      { numRuns: 60 },
    );
  });
});

describe("the offset table", () => {
  const some = [2, 4, 0, 6].map((length) => new Uint8Array(length));
  const starts = [0, 10, 22, 30];
  const withTable = (...offsets: number[]): Promise<string> => {
    const table = Uint8Array.from(offsets.flatMap((n) => [n, 0, 0, 0]));
    const pixelData = { tag: 0x7fe00010, vr: "OB", fragments: [table, ...some] } as const;
    return codeOf(file(image(2, 2, "4 ", pixelData), jpegUid));
  };

  it("points at fragments, ascending, the first one first", async () => {
    expect(await withTable()).toBe("accepted");
    expect(await withTable(...starts)).toBe("accepted");
    expect(await withTable(0, 22)).toBe("accepted");
    for (const wrong of [[10], [0, 11], [0, 0], [0, 22, 10], [0, 30, 44], [0, 10, 22, 30, 30]]) {
      expect(await withTable(...wrong), wrong.join()).toBe("encapsulation-invalid");
    }
  });
});

describe("damaged data sets", () => {
  /** The same from memory, in windows and pushed; anything but an index or one of our codes is thrown by `outcome`. */
  async function sameEverywhere(bytes: Bytes, sizes: readonly number[]): Promise<unknown> {
    const expected = await outcome(fromMemory, bytes);
    expect(await outcome(fromWindows, bytes)).toEqual(expected);
    expect(await outcome(pushed(sizes), bytes)).toEqual(expected);
    return expected;
  }

  it("give one outcome whatever way they arrive", async () => {
    const random = seededRandom(20_261);
    const samples = fc.sample(sampleDataSet(explicitLittle), { numRuns: 12, seed: 7 });
    const outcomes = new Map<string, number>();
    for (const [at, elements] of samples.entries()) {
      const [, uid, encoding] = syntaxes[at % 3]!;
      const fitting = fc.sample(sampleDataSet(encoding), { numRuns: 1, seed: at })[0]!;
      const all = [...fitting.filter((e) => e.tag < 0x00280000), ...image(2, 2, "2 ", pixels(8))];
      const bytes = encodeFile(encoding.bigEndian ? elements : all, uid, encoding);
      const object = await fromMemory(bytes).catch(() => undefined);
      if (!object) continue;
      const spans = spansOf(object);
      for (let n = 0; n < 120; n++) {
        const result = await sameEverywhere(mutated(bytes, spans, random), [
          1 + Math.floor(random() * 40),
          3,
        ]);
        const code = typeof result === "string" ? result : "accepted";
        outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
      }
    }
    // The damage is of many kinds, or the mutator is asleep.
    expect(outcomes.size).toBeGreaterThan(12);
  });

  it("cut anywhere are refused, except between two elements", async () => {
    const bytes = file([text(0x00100010, "PN", "A^B "), ...image(2, 2, undefined, pixels(4))]);
    const ends = new Set((await fromMemory(bytes)).elements.map((element) => element.end));
    for (let length = 0; length < bytes.length; length++) {
      const code = await sameEverywhere(bytes.slice(0, length), [5]);
      expect(typeof code === "string", `${length}`).toBe(!ends.has(length));
    }
  });

  it("of any bytes give only our error", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 400 }),
        fc.boolean(),
        chunkSizes,
        async (bytes, bare, sizes) => {
          const options = bare ? { bareTransferSyntaxUid: implicitLittleEndianUid } : {};
          const input = bare ? bytes : raw(bytes);
          const expected = await outcome(fromMemory, input, options);
          expect(await outcome(pushed(sizes), input, options)).toEqual(expected);
          expect(await outcome(fromMemory, samplePart10(bytes, deflatedUid))).toBeTypeOf("string");
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("bounds", () => {
  it("refuse lengths before bytes are asked for", async () => {
    for (const { code, bytes, options } of malformedSamples) {
      const source = new BoundedSource(bytes, 300_000);
      if (code === "limit-length" && bytes.length > 1 << 20) continue; // Texts that really are there.
      await expect(readDicom(source, options), code).rejects.toMatchObject({ code });
    }
  });

  it("skip bulk values", async () => {
    const bytes = file([...image(1024, 2048, undefined, pixels(2 << 20))]);
    const source = new BoundedSource(bytes, 300_000);
    const object = await readDicom(source);
    expect(object.elements.at(-1)).toMatchObject({ tag: 0x7fe00010, length: 2 << 20 });
    expect(object.elements.at(-1)!.value).toBeUndefined();
  });

  it("a hostile object is refused while it arrives", () => {
    const reader = new PushReader();
    const bytes = raw(sampleHeader(0x00420011, "OB", 0x7ffffff1, explicitLittle));
    expect(() => reader.push(bytes)).toThrow(expect.objectContaining({ code: "length-odd" }));
  });

  it("fragments count together, so that nesting buys no memory", async () => {
    const empty = Array.from({ length: 2_100 }, () => new Uint8Array(0));
    const icon = {
      elements: [{ tag: 0x7fe00010, vr: "OB", fragments: empty }],
      undefinedLength: true,
    } as const;
    const icons: SampleElement = { tag: 0x00880200, vr: "SQ", items: [icon, icon] };
    expect(await codeOf(file([icons]))).toBe("limit-fragments");
  });

  it("descending tags and late creators cost no more than ascending ones", async () => {
    const count = 90_000;
    const empty = sampleHeader(0x00100010, "LO", 0, explicitLittle);
    const all = new Uint8Array(empty.length * count);
    const view = new DataView(all.buffer);
    for (let i = 0; i < count; i++) {
      all.set(empty, i * empty.length);
      view.setUint16(i * empty.length, 0x0110 - 2 * (i >> 15), true);
      view.setUint16(i * empty.length + 2, 0x8010 - (i & 0x7fff), true);
    }
    const object = await fromMemory(raw(all), { tolerate: new Set(["tag-order"]) });
    expect(object.elements).toHaveLength(count);
    expect(object.elements[0]!.tag).toBeLessThan(object.elements[1]!.tag);
  });

  it("megabytes of spaces in an identifier cost nothing", async () => {
    const spaces = new Uint8Array(8 << 20).fill(0x20);
    spaces[spaces.length - 1] = 0x31;
    const bytes = raw(sampleHeader(0x00080018, "UT", spaces.length, explicitLittle), spaces);
    expect(await codeOf(bytes)).toBe("uid-invalid");
  });

  it("megabytes of spaces in a code string cost nothing", async () => {
    const spaces = new Uint8Array(8 << 20).fill(0x20);
    spaces.set([0x41], 0);
    spaces.set([0x41], spaces.length - 1);
    const attributes = image(1, 2, undefined).map((e) =>
      e.tag === 0x00280004 ? { ...e, value: spaces } : e,
    );
    const bytes = file([...attributes, { ...pixels(2), vr: "OW" }], implicitLittleEndianUid);
    expect(await codeOf(bytes)).toBe("pixel-attributes");
  });

  it("a million frames buy a million fragments and no more", async () => {
    const fragments = new Uint8Array(8 * 1_000_002);
    const item = sampleItem(0, explicitLittle);
    for (let at = 0; at < fragments.length; at += 8) fragments.set(item, at);
    const head = encodeSample(image(1, 2, "1000000 "), explicitLittle);
    const open = sampleHeader(0x7fe00010, "OB", 0xffffffff, explicitLittle);
    const end = Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0);
    const encoded = (count: number): Bytes =>
      samplePart10(concatBytes([head, open, fragments.subarray(0, 8 * count), end]), jpegUid);
    expect(await codeOf(encoded(1_000_001))).toBe("accepted");
    expect(await codeOf(encoded(1_000_002))).toBe("limit-fragments");
  });

  it("a SOP class that is a bulk value is no crash", async () => {
    const bytes = raw(sampleHeader(0x00080016, "OB", 70_000, explicitLittle), new Uint8Array(70_000));
    expect(await codeOf(bytes)).toBe("uid-invalid");
  });
});

describe("tolerances", () => {
  it.each(["truncated", "tag-duplicate", "length-exceeds-parent", "length-invalid"] as const)(
    "never let %s pass",
    async (code) => {
      const reading = fromMemory(file([]), { tolerate: new Set([code]) });
      await expect(reading).rejects.toMatchObject({ code: "usage" });
    },
  );

  it("are listed where they were used", async () => {
    const bytes = raw(
      sampleHeader(0x00100020, "LO", 3, explicitLittle),
      fromLatin1("ABC"),
      encodeSample([text(0x00100010, "PN", "A^B ")], explicitLittle),
      new Uint8Array(3),
    );
    const object = await fromMemory(bytes, {
      tolerate: new Set(["tag-order", "length-odd", "trailing-bytes"]),
    });
    expect(object.tolerated.map(({ code, tag }) => [code, tag])).toEqual([
      ["length-odd", 0x00100020],
      ["tag-order", 0x00100010],
      ["trailing-bytes", undefined],
    ]);
    expect(object.elements.map((element) => element.tag)).toEqual([0x00100010, 0x00100020]);
  });
});

describe("forms", () => {
  it("DICOMDIR may hold group 0004", async () => {
    const meta = [
      text(0x00020002, "UI", "1.2.840.10008.1.3.10"),
      text(0x00020010, "UI", `${explicitLittleEndianUid}\0`),
    ];
    const dataSet = encodeSample([text(0x00041130, "CS", "DISK")], explicitLittle);
    expect(await codeOf(samplePart10(dataSet, explicitLittleEndianUid, meta))).toBe("accepted");
  });

  it("an empty sequence, an empty item and an empty value", async () => {
    const items = [{ elements: [], undefinedLength: true }];
    const elements: SampleElement[] = [
      { tag: 0x00081140, vr: "SQ", items: [] },
      { tag: 0x00082218, vr: "SQ", items, undefinedLength: true },
      { tag: 0x00100010, vr: "PN" },
    ];
    const object = await fromMemory(file(elements));
    expect(object.elements.map((e) => [e.items?.length, e.value?.length])).toEqual([
      [0, undefined],
      [1, undefined],
      [undefined, 0],
    ]);
  });

  it("structured reports nest to 32 levels", async () => {
    let items: SampleElement = { tag: 0x0040a730, vr: "SQ", items: [] };
    for (let n = 1; n < 32; n++)
      items = { tag: 0x0040a730, vr: "SQ", items: [{ elements: [items], undefinedLength: n % 2 === 0 }] };
    const sopClass = text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.11\0");
    expect(await codeOf(file([sopClass, items]))).toBe("accepted");
    expect(await codeOf(file([items]))).toBe("limit-depth");
  });

  it("an item's length is not a value's: it may be odd when what it holds was tolerated", async () => {
    const bytes = raw(
      sampleHeader(0x00400275, "SQ", 19, explicitLittle),
      sampleItem(11, explicitLittle),
      sampleHeader(0x00100010, "PN", 3, explicitLittle),
      fromLatin1("A^B"),
    );
    expect(await codeOf(bytes)).toBe("length-odd");
    expect(await codeOf(bytes, { tolerate: new Set(["length-odd"]) })).toBe("accepted");
  });

  it("errors carry no value", async () => {
    for (const { bytes, options } of malformedSamples.slice(0, -12)) {
      const error = await fromMemory(bytes, options).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(ScansealError);
      expect((error as ScansealError).message).not.toContain("A^B");
    }
  });
});
