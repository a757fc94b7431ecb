import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, concatBytes, u32le } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { feedPlan } from "../byte-plan.ts";
import { encodePart10, type NewElement, numberElement, textElement } from "../encode.ts";
import type { DicomObject } from "../model.ts";
import { readDicom } from "../read.ts";
import { tags } from "../tags.ts";
import { canonicalFrame } from "./canonical-frames.ts";
import { type EncapsulatedFrames, framesOf, type NativeFrames, readCodestream } from "./frames.ts";

const implicitLittle = "1.2.840.10008.1.2";
const explicitLittle = "1.2.840.10008.1.2.1";
const explicitBig = "1.2.840.10008.1.2.2";
const encapsulatedNative = "1.2.840.10008.1.2.1.98";
const jpegLsLossless = "1.2.840.10008.1.2.4.80";
const rleLossless = "1.2.840.10008.1.2.5";

interface Image {
  rows: number;
  columns: number;
  samples?: number;
  allocated: number;
  stored?: number;
  signed?: 0 | 1;
  photometric?: string;
  planar?: 0 | 1;
  frames?: number;
}

function header(image: Image): NewElement[] {
  const stored = image.stored ?? image.allocated;
  const elements = [
    textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    textElement(tags.sopInstanceUid, "UI", "2.25.1"),
    numberElement(tags.samplesPerPixel, "US", image.samples ?? 1),
    textElement(
      tags.photometricInterpretation,
      "CS",
      image.photometric ?? (image.samples === 3 ? "RGB" : "MONOCHROME2"),
    ),
    numberElement(tags.rows, "US", image.rows),
    numberElement(tags.columns, "US", image.columns),
    numberElement(tags.bitsAllocated, "US", image.allocated),
    numberElement(tags.bitsStored, "US", stored),
    numberElement(tags.highBit, "US", stored - 1),
    numberElement(tags.pixelRepresentation, "US", image.signed ?? 0),
  ];
  if ((image.samples ?? 1) > 1)
    elements.push(numberElement(tags.planarConfiguration, "US", image.planar ?? 0));
  if (image.frames !== undefined) elements.push(textElement(tags.numberOfFrames, "IS", String(image.frames)));
  return elements;
}

async function native(
  image: Image,
  value: Bytes,
  uid = explicitLittle,
  vr: "OB" | "OW" = "OW",
): Promise<DicomObject> {
  const even = value.length % 2 === 0 ? value : concatBytes([value, Uint8Array.of(0)]);
  return readDicom(
    new MemorySource(encodePart10([...header(image), { tag: tags.pixelData, vr, value: even }], uid)),
  );
}

/** Fragments and tables as given; written by hand, because a good encoder writes no bad ones. */
async function encapsulated(
  image: Image,
  fragments: readonly Bytes[],
  uid: string,
  basicTable: readonly number[] = [],
  more: readonly NewElement[] = [],
): Promise<DicomObject> {
  const before = encodePart10([...header(image), ...more], uid);
  const item = (bytes: Bytes): Bytes =>
    concatBytes([Uint8Array.of(0xfe, 0xff, 0x00, 0xe0), u32le(bytes.length), bytes]);
  const pixels = concatBytes([
    Uint8Array.of(0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff),
    item(concatBytes(basicTable.map(u32le))),
    ...fragments.map(item),
    Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0),
  ]);
  return readDicom(new MemorySource(concatBytes([before, pixels])));
}

async function canonical(object: DicomObject, index = 0): Promise<number[]> {
  const frames = (await framesOf(object))!;
  const bytes: number[] = [];
  await feedPlan(
    [await canonicalFrame(frames, index)],
    object.dataSource,
    (part) => void bytes.push(...part),
  );
  return bytes;
}

async function mapping(object: DicomObject): Promise<{ how: string; frames: number[][] }> {
  const layout = (await framesOf(object))!.layout as EncapsulatedFrames;
  const frames = await Promise.all(
    layout.frames.map(async (frame) => [...(await readCodestream(object, frame))]),
  );
  return { how: layout.mapping, frames };
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof ScansealError ? error.code : String(error)),
  );
}

describe("native frames", () => {
  it("of little endian, colour-by-pixel are a range of the source", async () => {
    const value = Uint8Array.from({ length: 24 }, (_, i) => i);
    const object = await native(
      { rows: 2, columns: 2, allocated: 8, samples: 3, frames: 2 },
      value,
      implicitLittle,
    );
    const frames = (await framesOf(object))!;
    const layout = frames.layout as NativeFrames;
    expect(await canonicalFrame(frames, 1)).toEqual({ offset: layout.offset + 12, length: 12, swap: 1 });
    expect(await canonical(object, 1)).toEqual([...value.subarray(12)]);
    expect(await codeOf(canonicalFrame(frames, 2))).toBe("usage");
  });

  it("of big endian words are a range to swap", async () => {
    const object = await native(
      { rows: 1, columns: 2, allocated: 16, frames: 2 },
      Uint8Array.of(1, 0, 2, 0, 3, 0, 4, 0),
      explicitBig,
    );
    expect(await canonicalFrame((await framesOf(object))!, 1)).toMatchObject({ length: 4, swap: 2 });
    expect(await canonical(object, 1)).toEqual([3, 0, 4, 0]);
  });

  it("of eight bits in big endian words may start inside a word", async () => {
    const value = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
    const object = await native({ rows: 1, columns: 3, allocated: 8, frames: 3 }, value, explicitBig);
    expect(await canonical(object, 0)).toEqual([1, 2, 3]);
    expect(await canonical(object, 1)).toEqual([4, 5, 6]);
    expect(await canonical(object, 2)).toEqual([7, 8, 9]);
    const bytes = await native({ rows: 1, columns: 3, allocated: 8, frames: 3 }, value, explicitBig, "OB");
    expect(await canonical(bytes, 1)).toEqual([4, 5, 6]);
  });

  it("of colour planes are interleaved", async () => {
    const image: Image = { rows: 1, columns: 2, allocated: 16, samples: 3, planar: 1 };
    const value = Uint8Array.of(1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24);
    for (const uid of [explicitLittle, explicitBig]) {
      expect(await canonical(await native(image, value, uid))).toEqual([
        1, 2, 11, 12, 21, 22, 3, 4, 13, 14, 23, 24,
      ]);
    }
  });

  it("of one bit are moved to a byte's start, and are one unit where they share bytes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.boolean()),
        fc.constantFrom(explicitLittle, explicitBig),
        async (rows, columns, frames, stream, uid) => {
          const perFrame = rows * columns;
          const bits = [...stream.take(perFrame * frames)];
          const value = new Uint8Array(Math.ceil(bits.length / 8));
          bits.forEach((bit, i) => {
            if (bit) value[i >> 3]! |= 1 << (i & 7);
          });
          const object = await native({ rows, columns, allocated: 1, frames }, value, uid);
          const layout = (await framesOf(object))!.layout as NativeFrames;
          expect(layout.aligned).toBe(frames === 1 || perFrame % 8 === 0);
          for (let f = 0; f < frames; f++) {
            const bytes = await canonical(object, f);
            expect(bytes.length).toBe(Math.ceil(perFrame / 8));
            const read = bytes.flatMap((byte) =>
              [0, 1, 2, 3, 4, 5, 6, 7].map((k) => ((byte >> k) & 1) === 1),
            );
            expect(read.slice(0, perFrame)).toEqual(bits.slice(f * perFrame, (f + 1) * perFrame));
            expect(read.slice(perFrame)).not.toContain(true);
          }
        },
      ),
    );
  });
});

describe("encapsulated frames", () => {
  const image: Image = { rows: 1, columns: 4, allocated: 8, frames: 2 };
  const bytes = (...values: number[]): Bytes => Uint8Array.from(values);
  const start = [0xff, 0xd8, 0xff];
  const end = [0xff, 0xd9];

  it("uncompressed, one fragment each, are a range; fragmented ones are joined", async () => {
    const object = await encapsulated(image, [bytes(1, 2, 3, 4), bytes(5, 6, 7, 8)], encapsulatedNative);
    expect(await canonicalFrame((await framesOf(object))!, 1)).toMatchObject({ length: 4, swap: 1 });
    expect(await canonical(object, 1)).toEqual([5, 6, 7, 8]);
    const split = await encapsulated(
      image,
      [bytes(1, 2), bytes(3, 4), bytes(5, 6, 7, 8)],
      encapsulatedNative,
      [0, 20],
    );
    expect(await canonical(split, 0)).toEqual([1, 2, 3, 4]);
    expect(await canonical(split, 1)).toEqual([5, 6, 7, 8]);
    const long = await encapsulated(image, [bytes(1, 2, 3, 4), bytes(5, 6, 7, 8, 9, 9)], encapsulatedNative);
    expect(await codeOf(canonical(long, 1))).toBe("pixel-length");
  });

  it("follow the Basic Offset Table", async () => {
    const object = await encapsulated(image, [bytes(1, 2), bytes(3, 4), bytes(5, 6)], rleLossless, [0, 20]);
    expect(await mapping(object)).toEqual({
      how: "basic-offset-table",
      frames: [
        [1, 2, 3, 4],
        [5, 6],
      ],
    });
  });

  it.each([
    ["beside an item", [0, 11]],
    ["too short", [0]],
    ["not ascending", [0, 0]],
    ["descending", [10, 0]],
    ["a fragment before the first frame", [10, 20]],
  ])("are refused when the Basic Offset Table is wrong: %s", async (_, table) => {
    const work = encapsulated(image, [bytes(1, 2), bytes(3, 4), bytes(5, 6)], rleLossless, table).then(
      framesOf,
    );
    expect(await codeOf(work)).toBe("encapsulation-invalid");
  });

  const table64 = (...values: number[]): Bytes =>
    concatBytes(values.flatMap((value) => [u32le(value), u32le(0)]));
  const extended = (offsets: Bytes, lengths: Bytes): NewElement[] => [
    { tag: tags.extendedOffsetTable, vr: "OV", value: offsets },
    { tag: tags.extendedOffsetTableLengths, vr: "OV", value: lengths },
  ];

  it("follow the Extended Offset Table, whose lengths leave the pad out", async () => {
    const fragments = [bytes(1, 2, 3, 0), bytes(4, 5)];
    const object = await encapsulated(
      image,
      fragments,
      rleLossless,
      [],
      extended(table64(0, 12), table64(3, 2)),
    );
    expect(await mapping(object)).toEqual({
      how: "extended-offset-table",
      frames: [
        [1, 2, 3],
        [4, 5],
      ],
    });
  });

  it.each<[string, Bytes, Bytes]>([
    ["another start", table64(0, 10), table64(3, 2)],
    ["another length", table64(0, 12), table64(1, 2)],
    ["longer than the fragment", table64(0, 12), table64(5, 2)],
    ["zero length", table64(0, 12), table64(4, 0)],
    ["another size", table64(0), table64(3)],
    ["beyond 2^53", concatBytes([u32le(0), u32le(0), u32le(12), u32le(0xffffffff)]), table64(3, 2)],
  ])("are refused when the Extended Offset Table says %s", async (_, offsets, lengths) => {
    const fragments = [bytes(1, 2, 3, 0), bytes(4, 5)];
    const work = encapsulated(image, fragments, rleLossless, [], extended(offsets, lengths)).then(framesOf);
    expect(await codeOf(work)).toBe("encapsulation-invalid");
  });

  it("are refused with both tables", async () => {
    const work = encapsulated(
      image,
      [bytes(1, 2), bytes(3, 4)],
      rleLossless,
      [0, 10],
      extended(table64(0, 10), table64(2, 2)),
    );
    expect(await codeOf(work.then(framesOf))).toBe("encapsulation-invalid");
  });

  it("of one frame take all fragments", async () => {
    const object = await encapsulated({ ...image, frames: 1 }, [bytes(1, 2), bytes(3, 4)], rleLossless);
    expect(await mapping(object)).toEqual({ how: "single-frame", frames: [[1, 2, 3, 4]] });
  });

  it("without a table are found by their start, after an end", async () => {
    const first = [...start, 1, ...start, 2];
    const fragments = [bytes(...first), bytes(...start, 7, ...end), bytes(...start, 3, 4, 5, ...end, 0, 0)];
    const object = await encapsulated(image, fragments, jpegLsLossless);
    // The second fragment begins like a codestream inside the first, which has not ended.
    const found = await mapping(object);
    expect(found.how).toBe("codestream-starts");
    expect(found.frames.map((frame) => frame.length)).toEqual([first.length + 6, 10]);
  });

  it.each<[string, number[][], string]>([
    [
      "too few starts",
      [
        [...start, ...end, 0],
        [1, 2],
        [3, 4],
      ],
      jpegLsLossless,
    ],
    [
      "too many starts",
      [
        [...start, ...end, 0],
        [...start, ...end, 0],
        [...start, ...end, 0],
      ],
      jpegLsLossless,
    ],
    [
      "no start",
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      jpegLsLossless,
    ],
    [
      "a codec without marks",
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      rleLossless,
    ],
    ["fewer fragments than frames", [[1, 2]], rleLossless],
    ["an empty frame", [[1, 2], []], rleLossless],
  ])("are refused: %s", async (_, fragments, uid) => {
    const work = encapsulated(
      image,
      fragments.map((fragment) => bytes(...fragment)),
      uid,
    ).then(framesOf);
    expect(await codeOf(work)).toBe("encapsulation-invalid");
  });

  it("of lossy JPEG and video are not decoded", async () => {
    const jpeg = await encapsulated(image, [bytes(1, 2), bytes(3, 4)], "1.2.840.10008.1.2.4.50");
    expect(await codeOf(canonical(jpeg))).toBe("unsupported");
    const video = await encapsulated(
      image,
      [bytes(1, 2), bytes(3, 4), bytes(5, 6)],
      "1.2.840.10008.1.2.4.102",
    );
    expect((await framesOf(video))!.layout).toMatchObject({ kind: "video", stream: { length: 6 } });
    expect(await codeOf(canonical(video))).toBe("unsupported");
    const withoutDecoder = await encapsulated(image, [bytes(1, 2), bytes(3, 4)], jpegLsLossless);
    expect(await codeOf(canonical(withoutDecoder))).toBe("unsupported");
  });
});
