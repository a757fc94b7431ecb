import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ImageMade,
  imageFrames,
  lutElements,
  rescaleElements,
  windowElements,
  words,
} from "../../../test/dicom/image-object.ts";
import { type NewElement, numberElement, textElement } from "../../dicom/encode.ts";
import { latin1 } from "../../foundation/bytes.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { readPng } from "../../platform/node/png.ts";
import { FrameRenderer } from "./rendered-frame.ts";

const plain = { annotations: [] } as const;

let codecs: CodecPool;
let renderer: FrameRenderer;
beforeAll(() => {
  codecs = new CodecPool();
  renderer = new FrameRenderer(codecs);
});
afterAll(async () => {
  await renderer.close();
  await codecs.close();
});

async function greys(image: ImageMade, parameters: object = {}, index = 0): Promise<number[]> {
  const png = await renderer.frame(await imageFrames(image), index, { ...plain, ...parameters }, "image/png");
  return [...readPng(png).samples];
}

describe("grey frames", () => {
  it("without a window show all values there are, padding left out, and MONOCHROME1 turned over", async () => {
    const pixels = words((i) => (i === 0 ? 65_000 : 1000 + 10 * i));
    const padding = numberElement(0x00280120, "US", 65_000);
    const shown = await greys({ pixels, elements: [padding] });
    const expected = Array.from(pixels, (v) => Math.min(255, Math.round((255 * (v - 1010)) / 300)));
    expect(shown).toEqual(expected);
    const turned = await greys({ pixels, elements: [padding], photometric: "MONOCHROME1" });
    expect(turned).toEqual(expected.map((grey) => 255 - grey));
    const range = [padding, numberElement(0x00280121, "US", 1100)];
    const [, dark] = await greys({ pixels, elements: range });
    expect(dark).toBe(0);
  });

  it("of up to 8 bits are shown as they are stored", async () => {
    const pixels = Uint8Array.from({ length: 32 }, (_, i) => 3 * i);
    expect(await greys({ pixels })).toEqual([...pixels]);
    const bits = Uint8Array.of(0b0000_0101, 0, 0xff, 0x80);
    expect(await greys({ pixels: bits, bitsAllocated: 1 })).toEqual(
      Array.from({ length: 32 }, (_, i) => 255 * ((bits[i >> 3]! >> (i & 7)) & 1)),
    );
  });

  it.each([
    ["LINEAR", (v: number) => (v - 99.5) / 99 + 0.5],
    ["LINEAR_EXACT", (v: number) => (v - 100) / 100 + 0.5],
    ["SIGMOID", (v: number) => 1 / (1 + Math.exp((-4 * (v - 100)) / 100))],
  ])("the window function %s, of the object and of the request", async (name, level) => {
    const pixels = words((i) => 8 * i);
    const expected = Array.from(pixels, (v) => Math.round(255 * Math.min(1, Math.max(0, level(v)))));
    expect(await greys({ pixels, elements: windowElements("100\\7", "100\\9", name) })).toEqual(expected);
    const shape = name.toLowerCase().replace("_", "-");
    const window = { center: 100, width: 100, function: shape };
    expect(await greys({ pixels, elements: windowElements(7, 9) }, { window })).toEqual(expected);
  });

  it("windows are of rescaled values, which may be negative, of stored bits only", async () => {
    // 12 signed bits, above them an overlay's.
    const pixels = words((i) => ((100 * (i - 16)) & 0xfff) | 0x5000);
    const shown = await greys({
      ...{ pixels, bitsStored: 12, pixelRepresentation: 1 },
      elements: [...rescaleElements("0.5", "-24"), ...windowElements(0, 400)],
    });
    expect(shown).toEqual(
      Array.from({ length: 32 }, (_, i) => {
        const value = 50 * (i - 16) - 24;
        return Math.round(255 * Math.min(1, Math.max(0, (value + 0.5) / 399 + 0.5)));
      }),
    );
  });

  it("of 32 bits and of fractions", async () => {
    const pixels = Uint32Array.from({ length: 32 }, (_, i) => 100_000 * i + 3);
    const ramp = Array.from({ length: 32 }, (_, i) => Math.round((255 * i) / 31));
    expect(await greys({ pixels })).toEqual(ramp);
    const fractions = Float32Array.from(ramp, (_, i) => (i - 4) / 1e6);
    expect(await greys({ pixels: fractions })).toEqual(ramp);
    fractions[31] = Number.NaN;
    fractions[30] = Number.POSITIVE_INFINITY;
    const odd = await greys({ pixels: fractions });
    expect([odd[31], odd[30], odd[29], odd[0]]).toEqual([0, 255, 255, 0]);
  });

  it("lookup tables: of the modality and of the VOI", async () => {
    const pixels = words((i) => i);
    const steps = Array.from({ length: 8 }, (_, i) => 500 * i);
    const modality: NewElement = { tag: 0x00283000, vr: "SQ", items: [lutElements([8, 10, 16], steps)] };
    const expected = Array.from({ length: 32 }, (_, i) => Math.min(7, Math.max(0, i - 10)));
    expect(await greys({ pixels, elements: [modality] })).toEqual(
      expected.map((step) => Math.round((255 * step) / 7)),
    );
    const voi: NewElement = {
      tag: 0x00283010,
      vr: "SQ",
      items: [lutElements([3, 1000, 12], [0, 4095, 1000])],
    };
    expect(await greys({ pixels, elements: [modality, voi] })).toEqual(
      expected.map((step) => (step <= 2 ? 0 : 62)),
    );
    expect((await greys({ pixels, elements: [modality, voi, ...windowElements(1, 1)] }))[31]).toBe(255);
  });

  it("angiographies are shown as they are stored", async () => {
    const pixels = words((i) => i);
    const elements = [...rescaleElements("3", "100"), ...windowElements(16, 1)];
    const white = Array.from(pixels, (v) => (v > 15.5 ? 255 : 0));
    const sopClass = textElement(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.12.1");
    expect(await greys({ pixels, elements: [...elements, sopClass] })).toEqual(white);
    expect(await greys({ pixels, elements })).toEqual(white.map(() => 255));
  });

  it("each frame by its own functional groups, or those of all", async () => {
    const pixels = Uint16Array.from({ length: 64 }, (_, i) => i % 32);
    const own = (...elements: NewElement[]): NewElement[] => [
      { tag: 0x00289132, vr: "SQ", items: [elements] },
    ];
    const elements: NewElement[] = [
      {
        tag: 0x52009229,
        vr: "SQ",
        items: [[{ tag: 0x00289145, vr: "SQ", items: [rescaleElements("2", "0")] }]],
      },
      { tag: 0x52009230, vr: "SQ", items: [own(...windowElements(20, 1)), own(...windowElements(40, 1))] },
    ];
    const image = { pixels, elements, numberOfFrames: 2 };
    const whites = async (index: number): Promise<number> =>
      (await greys(image, {}, index)).filter((grey) => grey === 255).length;
    // 2 * stored > center - 0.5.
    expect([await whites(0), await whites(1)]).toEqual([22, 12]);
  });
});

describe("colour frames", () => {
  const colours = Uint8Array.from({ length: 96 }, (_, i) => (i * 37) % 256);

  it("RGB by pixel and by plane, of 8 and 16 bits", async () => {
    const rgb = { samplesPerPixel: 3, photometric: "RGB" };
    expect(await greys({ pixels: colours, ...rgb })).toEqual([...colours]);
    const planes = Uint8Array.from({ length: 96 }, (_, i) => colours[3 * (i % 32) + Math.floor(i / 32)]!);
    expect(await greys({ pixels: planes, ...rgb, planarConfiguration: 1 })).toEqual([...colours]);
    expect(await greys({ pixels: Uint16Array.from(colours, (v) => 257 * v), ...rgb })).toEqual([...colours]);
  });

  it("YBR_FULL, and chrominance shared by two", async () => {
    const full = Uint8Array.from({ length: 96 }, (_, i) =>
      i % 3 === 0 ? 10 + 4 * Math.floor(i / 6) : i % 3 === 1 ? 90 : 160,
    );
    const shared = Uint8Array.from(
      { length: 64 },
      (_, i) => [full[6 * (i >> 2)]!, full[6 * (i >> 2)]!, 90, 160][i % 4]!,
    );
    const shown = await greys({ pixels: full, samplesPerPixel: 3, photometric: "YBR_FULL" });
    expect(shown.slice(0, 3)).toEqual([10 + 45, 10 - 10, 0]);
    const pixels = { pixels: shared, samplesPerPixel: 3, photometric: "YBR_FULL_422" };
    expect(await greys(pixels)).toEqual(shown);
  });

  const palette = (bits: number, entries: readonly Uint8Array[], first = 2): NewElement[] =>
    entries.flatMap((value, n) => [
      numberElement(0x00281101 + n, "US", 4, first, bits),
      { tag: 0x00281201 + n, vr: "OW" as const, value },
    ]);
  const indices = Uint8Array.from({ length: 32 }, (_, i) => i % 8);
  const of = (i: number): number => Math.min(3, Math.max(0, (i % 8) - 2));

  it("palettes of 16 bits, of 8 packed, and of 8 that are said to be 16", async () => {
    const high = [0, 1, 2].map(
      (n) => new Uint8Array(Uint16Array.of(0, 0x1100 * (n + 1), 0x4000, 0xff00).buffer),
    );
    const packed = [0, 1, 2].map((n) => Uint8Array.of(0, 0x11 * (n + 1), 0x40, 0xff));
    const said = packed.map((one) => new Uint8Array(Uint16Array.from(one).buffer));
    const expected = Array.from({ length: 96 }, (_, i) => packed[i % 3]![of(Math.floor(i / 3))]!);
    for (const [bits, tables] of [
      [16, high],
      [8, packed],
      [8, said],
      [16, said],
    ] as const)
      expect(
        await greys({ pixels: indices, photometric: "PALETTE COLOR", elements: palette(bits, tables) }),
      ).toEqual(expected);
  });

  it("segmented palettes: runs, lines, and what was before once more", async () => {
    // 0, 256, then a line of two to 1024, then the run again: 6 entries.
    const segments = Uint16Array.of(...[0, 2, 0, 256], ...[1, 2, 1024], ...[2, 1, 0, 0]);
    const elements = [0, 1, 2].flatMap((n): NewElement[] => [
      numberElement(0x00281101 + n, "US", 6, 0, 16),
      { tag: 0x00281221 + n, vr: "OW", value: new Uint8Array(segments.buffer) },
    ]);
    const shown = await greys({ pixels: indices, photometric: "PALETTE COLOR", elements });
    const reds = shown.filter((_, i) => i % 3 === 0).slice(0, 8);
    expect(reds).toEqual([0, 1, 2, 4, 0, 1, 1, 1]);
  });
});

describe("what comes out", () => {
  const ramp = (): Promise<Awaited<ReturnType<typeof imageFrames>>> =>
    imageFrames({ pixels: words((i) => i) });

  it("is fitted into the viewport; a thumbnail is never enlarged", async () => {
    const frames = await ramp();
    const sizeOf = async (file: Promise<Uint8Array>): Promise<number[]> => {
      const { width, height } = readPng(await file);
      return [width, height];
    };
    const viewport = { width: 100, height: 20 };
    const region = { x: 4, y: 0, width: 2, height: 4 };
    expect(await sizeOf(renderer.frame(frames, 0, { ...plain, viewport }, "image/png"))).toEqual([40, 20]);
    expect(await sizeOf(renderer.frame(frames, 0, { ...plain, viewport, region }, "image/png"))).toEqual([
      10, 20,
    ]);
    expect(await sizeOf(renderer.thumbnail(frames, 0, plain, "image/png"))).toEqual([8, 4]);
    const large = await imageFrames({ pixels: new Uint8Array(300 * 600), rows: 600, columns: 300 });
    expect(await sizeOf(renderer.thumbnail(large, 0, plain, "image/png"))).toEqual([64, 128]);
  });

  it("has pixels and nothing else in it: no text, no time, no name", async () => {
    const png = await renderer.frame(await ramp(), 0, plain, "image/png");
    const chunks: string[] = [];
    for (let at = 8; at < png.length; at += 12 + Buffer.from(png).readUInt32BE(at))
      chunks.push(latin1(png.subarray(at + 4, at + 8)));
    expect(chunks).toEqual(["IHDR", "IDAT", "IEND"]);
    const jpeg = await renderer.frame(await ramp(), 0, { ...plain, quality: 50 }, "image/jpeg");
    const markers: number[] = [];
    for (let at = 2; jpeg[at + 1] !== 0xda; at += 2 + jpeg[at + 2]! * 256 + jpeg[at + 3]!)
      markers.push(jpeg[at + 1]!);
    // APP0, tables and the frame header.
    expect([...new Set(markers)].sort()).toEqual([0xc0, 0xc4, 0xdb, 0xe0]);
    expect(latin1(png) + latin1(jpeg)).not.toContain("Secret");
  });

  it("JPEG is smaller in lower quality, and its errors are small", async () => {
    const pixels = Uint8Array.from(
      { length: 64 * 64 },
      (_, i) => 128 + 100 * Math.sin(i / 77) * Math.cos((i % 64) / 9),
    );
    const image = { pixels, rows: 64, columns: 64 };
    const frames = await imageFrames(image);
    const [low, high] = await Promise.all(
      [20, 95].map((quality) => renderer.frame(frames, 0, { ...plain, quality }, "image/jpeg")),
    );
    expect(low!.length).toBeLessThan(high!.length);
    // Rendered again, as a frame in JPEG.
    const again = await greys({ ...image, transferSyntaxUid: "1.2.840.10008.1.2.4.50", frames: [high!] });
    const worst = Math.max(...again.map((grey, i) => Math.abs(grey - pixels[i]!)));
    expect(worst).toBeLessThan(12);
  });
});
