import { describe, expect, it } from "vitest";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, concatBytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { feedPlan, type PlanStep } from "../byte-plan.ts";
import { encodePart10, type NewElement, numberElement, textElement } from "../encode.ts";
import type { DicomObject } from "../model.ts";
import { readDicom } from "../read.ts";
import { writeToBytes } from "../splice.ts";
import { tags } from "../tags.ts";
import { canonicalFrame } from "./canonical-frames.ts";
import { type EncapsulatedFrames, framesOf, readCodestream } from "./frames.ts";
import { pixelDataElements } from "./pixel-data-writer.ts";

const implicitLittle = "1.2.840.10008.1.2";
const explicitLittle = "1.2.840.10008.1.2.1";
const explicitBig = "1.2.840.10008.1.2.2";
const jpegLs = "1.2.840.10008.1.2.4.80";

interface Image {
  readonly rows: number;
  readonly columns: number;
  readonly allocated: number;
  readonly samples?: number;
  readonly planar?: number;
  readonly frames: number;
}

function header(image: Image): NewElement[] {
  const { samples = 1, planar = 0 } = image;
  return [
    textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    textElement(tags.sopInstanceUid, "UI", "2.25.1"),
    numberElement(tags.samplesPerPixel, "US", samples),
    textElement(tags.photometricInterpretation, "CS", samples === 3 ? "RGB" : "MONOCHROME2"),
    ...(samples > 1 ? [numberElement(tags.planarConfiguration, "US", planar)] : []),
    textElement(tags.numberOfFrames, "IS", `${image.frames}`),
    numberElement(tags.rows, "US", image.rows),
    numberElement(tags.columns, "US", image.columns),
    numberElement(tags.bitsAllocated, "US", image.allocated),
    numberElement(tags.bitsStored, "US", image.allocated),
    numberElement(tags.highBit, "US", image.allocated - 1),
    numberElement(tags.pixelRepresentation, "US", 0),
  ];
}

const afterwards = textElement(0xfffcfffc, "OB", "end!");

async function objectOf(elements: readonly NewElement[], uid: string): Promise<DicomObject> {
  return readDicom(new MemorySource(encodePart10([...elements, afterwards], uid)));
}

/** The object with its frames replaced, read again. */
async function replaced(object: DicomObject, frames: readonly PlanStep[]): Promise<DicomObject> {
  const elements = pixelDataElements((await framesOf(object))!, frames);
  const edits = elements.map((element) => ({ kind: "put", element }) as const);
  return readDicom(new MemorySource(await writeToBytes(object, edits)));
}

async function canonicalFrames(object: DicomObject): Promise<number[][]> {
  const frames = (await framesOf(object))!;
  return Promise.all(
    Array.from({ length: frames.attributes.numberOfFrames }, async (_, i) => {
      const bytes: number[] = [];
      await feedPlan(
        [await canonicalFrame(frames, i)],
        object.dataSource,
        (part) => void bytes.push(...part),
      );
      return bytes;
    }),
  );
}

async function encapsulated(
  object: DicomObject,
): Promise<{ how: string; frames: number[][]; table: number }> {
  const frames = (await framesOf(object))!;
  const layout = frames.layout as EncapsulatedFrames;
  const bytes = await Promise.all(
    layout.frames.map(async (frame) => [...(await readCodestream(object, frame))]),
  );
  return { how: layout.mapping, frames: bytes, table: frames.element.fragments![0]!.length };
}

function counted(length: number, first: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => first + i);
}

describe("native pixel data with new frames", () => {
  const cases: readonly [string, string, "OB" | "OW", Image][] = [
    [
      "colour-by-pixel, odd in all",
      explicitLittle,
      "OB",
      { rows: 1, columns: 1, samples: 3, allocated: 8, frames: 3 },
    ],
    [
      "colour-by-plane",
      implicitLittle,
      "OW",
      { rows: 2, columns: 3, samples: 3, planar: 1, allocated: 8, frames: 2 },
    ],
    [
      "colour-by-plane of 16 bits",
      explicitLittle,
      "OW",
      { rows: 1, columns: 2, samples: 3, planar: 1, allocated: 16, frames: 1 },
    ],
    ["big endian words", explicitBig, "OW", { rows: 3, columns: 1, allocated: 16, frames: 2 }],
    [
      "big endian words over the end of frames",
      explicitBig,
      "OW",
      { rows: 1, columns: 3, allocated: 8, frames: 3 },
    ],
    [
      "big endian planes",
      explicitBig,
      "OW",
      { rows: 1, columns: 2, samples: 3, planar: 1, allocated: 16, frames: 2 },
    ],
  ];

  it.each(cases)("%s", async (_, uid, vr, image) => {
    const length = image.rows * image.columns * (image.samples ?? 1) * (image.allocated / 8);
    const value = new Uint8Array(length * image.frames);
    const object = await objectOf([...header(image), { tag: tags.pixelData, vr, value }], uid);
    const frames = Array.from({ length: image.frames }, (_, i) => counted(length, 1 + i * length));
    const written = await replaced(object, frames);
    expect(await canonicalFrames(written)).toEqual(frames.map((frame) => [...frame]));
    // The value is as long as before, so that everything else stands where it stood.
    expect(written.source.size).toBe(object.source.size);
    expect(written.elements.map(({ tag, offset }) => [tag, offset])).toEqual(
      object.elements.map(({ tag, offset }) => [tag, offset]),
    );
  });

  it("keeps frames that are given as they stand in the object", async () => {
    const image: Image = { rows: 1, columns: 2, allocated: 16, frames: 3 };
    const object = await objectOf(
      [...header(image), { tag: tags.pixelData, vr: "OW", value: counted(12, 0) }],
      explicitLittle,
    );
    const frames = (await framesOf(object))!;
    const written = await replaced(object, [
      await canonicalFrame(frames, 0),
      counted(4, 100),
      await canonicalFrame(frames, 2),
    ]);
    expect(await canonicalFrames(written)).toEqual([
      [0, 1, 2, 3],
      [100, 101, 102, 103],
      [8, 9, 10, 11],
    ]);
  });

  it("refuses frames of another number or size, and what it cannot rearrange", async () => {
    const image: Image = { rows: 1, columns: 2, samples: 3, planar: 1, allocated: 8, frames: 2 };
    const object = await objectOf(
      [...header(image), { tag: tags.pixelData, vr: "OW", value: counted(12, 0) }],
      explicitLittle,
    );
    const original = (await framesOf(object))!;
    const frame = counted(6, 0);
    const codeOf = (frames: PlanStep[]): string => {
      try {
        pixelDataElements(original, frames);
        return "written";
      } catch (error) {
        return (error as ScansealError).code;
      }
    };
    expect(codeOf([frame, frame])).toBe("written");
    expect(codeOf([frame])).toBe("usage");
    expect(codeOf([frame, counted(7, 0)])).toBe("usage");
    expect(codeOf([frame, { offset: 0, length: 6, swap: 1 }])).toBe("unsupported");
    const bit: Image = { rows: 1, columns: 8, allocated: 1, frames: 2 };
    const bits = await objectOf(
      [...header(bit), { tag: tags.pixelData, vr: "OB", value: counted(2, 0) }],
      explicitLittle,
    );
    await expect(replaced(bits, [counted(1, 0), counted(1, 0)])).rejects.toMatchObject({
      code: "unsupported",
    });
  });
});

describe("encapsulated pixel data with new frames", () => {
  const image: Image = { rows: 1, columns: 4, allocated: 8, frames: 3 };
  const old = [counted(2, 1), counted(4, 3), counted(2, 7)];
  const fresh = [counted(5, 10), counted(2, 20), counted(3, 30)];
  const padded = [
    [10, 11, 12, 13, 14, 0],
    [20, 21],
    [30, 31, 32, 0],
  ];

  it("has a Basic Offset Table where there was one", async () => {
    const object = await objectOf([...header(image), { tag: tags.pixelData, vr: "OB", frames: old }], jpegLs);
    expect((await encapsulated(object)).table).toBe(12);
    const written = await replaced(object, fresh);
    expect(await encapsulated(written)).toEqual({ how: "basic-offset-table", frames: padded, table: 12 });
    expect(written.elements.at(-1)!.tag).toBe(afterwards.tag);
  });

  it("has an empty table where it was empty", async () => {
    const pixelData: NewElement = { tag: tags.pixelData, vr: "OB", frames: old, offsetTable: "empty" };
    const written = await replaced(await objectOf([...header(image), pixelData], jpegLs), fresh);
    expect(await encapsulated(written)).toEqual({ how: "fragment-per-frame", frames: padded, table: 0 });
  });

  it("has an Extended Offset Table with the lengths before padding where there was one", async () => {
    const numbers = (...all: number[]): Bytes => {
      const bytes = new Uint8Array(8 * all.length);
      all.forEach((n, i) => {
        viewOf(bytes).setBigUint64(8 * i, BigInt(n), true);
      });
      return bytes;
    };
    const object = await objectOf(
      [
        ...header(image),
        { tag: tags.extendedOffsetTable, vr: "OV", value: numbers(0, 10, 22) },
        { tag: tags.extendedOffsetTableLengths, vr: "OV", value: numbers(2, 4, 2) },
        { tag: tags.pixelData, vr: "OB", frames: old, offsetTable: "empty" },
      ],
      jpegLs,
    );
    expect((await encapsulated(object)).how).toBe("extended-offset-table");
    const written = await replaced(object, fresh);
    // Without the pads: the lengths are known.
    const exact = fresh.map((frame) => [...frame]);
    expect(await encapsulated(written)).toEqual({ how: "extended-offset-table", frames: exact, table: 0 });
  });

  it("makes one fragment of the fragments of a frame", async () => {
    const single: Image = { ...image, frames: 1 };
    const item = (bytes: Bytes): Bytes =>
      concatBytes([Uint8Array.of(0xfe, 0xff, 0, 0xe0, bytes.length, 0, 0, 0), bytes]);
    const before = encodePart10(header(single), jpegLs);
    const start = Uint8Array.of(0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff);
    const end = Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0);
    const bytes = concatBytes([before, start, item(new Uint8Array(0)), ...old.map(item), end]);
    const object = await readDicom(new MemorySource(bytes));
    expect((await encapsulated(object)).frames).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
    const written = await replaced(object, [fresh[0]!]);
    expect(await encapsulated(written)).toEqual({ how: "fragment-per-frame", frames: [padded[0]], table: 0 });
  });

  it("refuses an empty frame and a range where there is no source", async () => {
    const object = await objectOf([...header(image), { tag: tags.pixelData, vr: "OB", frames: old }], jpegLs);
    const original = (await framesOf(object))!;
    expect(() => pixelDataElements(original, [fresh[0]!, new Uint8Array(0), fresh[1]!])).toThrow(
      ScansealError,
    );
    const range = { offset: 0, length: 2, swap: 1 } as const;
    const element: NewElement = { tag: tags.pixelData, vr: "OB", frames: [range] };
    expect(() => encodePart10([...header({ ...image, frames: 1 }), element], jpegLs)).toThrow(ScansealError);
  });
});
