import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ImageMade, imageFrames } from "../../../test/dicom/image-object.ts";
import { type NewElement, numberElement, textElement } from "../../dicom/encode.ts";
import { latin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { readPng } from "../../platform/node/png.ts";
import { FrameRenderer } from "./rendered-frame.ts";

const plain = { annotations: [] } as const;
const windowOf = (center: number | string, width: number | string, shape?: string): NewElement[] => [
  textElement(0x00281050, "DS", String(center)),
  textElement(0x00281051, "DS", String(width)),
  ...(shape === undefined ? [] : [textElement(0x00281056, "CS", shape)]),
];
const rescale = (slope: string, intercept: string): NewElement[] => [
  textElement(0x00281052, "DS", intercept),
  textElement(0x00281053, "DS", slope),
];
const lut = (descriptor: readonly number[], entries: readonly number[], bytes?: Uint8Array): NewElement[] => [
  numberElement(0x00283002, "US", ...descriptor),
  { tag: 0x00283006, vr: "OW", value: bytes ?? new Uint8Array(Uint16Array.from(entries).buffer) },
];
const words = (at: (i: number) => number): Uint16Array => Uint16Array.from({ length: 32 }, (_, i) => at(i));

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
    expect(await greys({ pixels, elements: windowOf("100\\7", "100\\9", name) })).toEqual(expected);
    const shape = name.toLowerCase().replace("_", "-");
    const window = { center: 100, width: 100, function: shape };
    expect(await greys({ pixels, elements: windowOf(7, 9) }, { window })).toEqual(expected);
  });

  it("windows are of rescaled values, which may be negative, of stored bits only", async () => {
    // 12 signed bits, above them an overlay's.
    const pixels = words((i) => ((100 * (i - 16)) & 0xfff) | 0x5000);
    const shown = await greys({
      ...{ pixels, bitsStored: 12, pixelRepresentation: 1 },
      elements: [...rescale("0.5", "-24"), ...windowOf(0, 400)],
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
    const modality: NewElement = { tag: 0x00283000, vr: "SQ", items: [lut([8, 10, 16], steps)] };
    const expected = Array.from({ length: 32 }, (_, i) => Math.min(7, Math.max(0, i - 10)));
    expect(await greys({ pixels, elements: [modality] })).toEqual(
      expected.map((step) => Math.round((255 * step) / 7)),
    );
    const voi: NewElement = { tag: 0x00283010, vr: "SQ", items: [lut([3, 1000, 12], [0, 4095, 1000])] };
    expect(await greys({ pixels, elements: [modality, voi] })).toEqual(
      expected.map((step) => (step <= 2 ? 0 : 62)),
    );
    expect((await greys({ pixels, elements: [modality, voi, ...windowOf(1, 1)] }))[31]).toBe(255);
  });

  it("each frame by its own functional groups, or those of all", async () => {
    const pixels = Uint16Array.from({ length: 64 }, (_, i) => i % 32);
    const own = (...elements: NewElement[]): NewElement[] => [
      { tag: 0x00289132, vr: "SQ", items: [elements] },
    ];
    const elements: NewElement[] = [
      { tag: 0x52009229, vr: "SQ", items: [[{ tag: 0x00289145, vr: "SQ", items: [rescale("2", "0")] }]] },
      { tag: 0x52009230, vr: "SQ", items: [own(...windowOf(20, 1)), own(...windowOf(40, 1))] },
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

describe("what cannot be rendered", () => {
  const codeOf = async (image: ImageMade, parameters: object = {}, index = 0): Promise<string> => {
    try {
      await greys(image, parameters, index);
      return "rendered";
    } catch (error) {
      return error instanceof ScansealError ? error.code : String(error);
    }
  };
  const pixels = words((i) => i);

  it("annotations, frames and regions that are not there", async () => {
    expect(await codeOf({ pixels }, { annotations: ["patient"] })).toBe("unsupported");
    for (const index of [-1, 1, 0.5, Number.NaN]) expect(await codeOf({ pixels }, {}, index)).toBe("usage");
    expect(await codeOf({ pixels }, { region: { x: 8, y: 0, width: 1, height: 1 } })).toBe("usage");
  });

  it("pictures over the limits, before anything is read", async () => {
    const frames = await imageFrames({ pixels });
    const huge = { ...frames, attributes: { ...frames.attributes, rows: 65_535, columns: 65_535 } };
    await expect(renderer.frame(huge, 0, plain, "image/png")).rejects.toMatchObject({ code: "limit-decode" });
    expect(await codeOf({ pixels }, { viewport: { width: 16_384, height: 16_384 } })).toBe("limit-decode");
  });

  it.each([
    ["window of width 0", windowOf(3, 0), "rendered"],
    ["window of no number", windowOf("NaN", "1e999"), "rendered"],
    ["window of half", [textElement(0x00281050, "DS", "3")], "rendered"],
    ["empty rescale", rescale("", ""), "rendered"],
    ["slope of 0", rescale("0", "1"), "value-invalid"],
    ["slope of no number", rescale("Infinity", "1"), "value-invalid"],
    ["slope beyond all numbers", rescale("1e308", "1e308"), "rendered"],
    [
      "table that is shorter than it says",
      [{ tag: 0x00283000, vr: "SQ", items: [lut([0, 0, 16], [1, 2])] }],
      "value-invalid",
    ],
    [
      "table that is longer than it says",
      [{ tag: 0x00283010, vr: "SQ", items: [lut([1, 0, 16], [1, 2])] }],
      "value-invalid",
    ],
    ["table of no bits", [{ tag: 0x00283000, vr: "SQ", items: [lut([2, 0, 0], [1, 2])] }], "value-invalid"],
    [
      "table without data",
      [{ tag: 0x00283000, vr: "SQ", items: [[numberElement(0x00283002, "US", 2, 0, 8)]] }],
      "value-invalid",
    ],
    ["sequence without items", [{ tag: 0x00283000, vr: "SQ", items: [] }], "rendered"],
  ] as [string, NewElement[], string][])("a %s: %s", async (_, elements, expected) => {
    expect(await codeOf({ pixels, elements })).toBe(expected);
  });

  it("palettes that are none", async () => {
    const image = { pixels: new Uint8Array(32), photometric: "PALETTE COLOR" };
    expect(await codeOf(image)).toBe("value-invalid");
    for (const segments of [
      [],
      [1, 1, 5],
      [0, 0],
      [2, 1, 0, 0],
      [2, 65_535, 0, 0],
      [0, 9, 1, 2],
      [3, 1, 1],
    ]) {
      const elements = [0, 1, 2].flatMap((n): NewElement[] => [
        numberElement(0x00281101 + n, "US", 0, 0, 16),
        { tag: 0x00281221 + n, vr: "OW", value: new Uint8Array(Uint16Array.from(segments).buffer) },
      ]);
      expect(await codeOf({ ...image, elements })).toBe("value-invalid");
    }
  });

  it("codestreams that are damaged", async () => {
    const rle = { pixels, transferSyntaxUid: "1.2.840.10008.1.2.5", frames: [new Uint8Array(70)] };
    expect(await codeOf(rle)).toBe("codec-failed");
    const jpeg = { pixels: new Uint8Array(32), transferSyntaxUid: "1.2.840.10008.1.2.4.50" };
    for (const frame of [
      Uint8Array.of(0xff, 0xd8, 0xff, 0xd9),
      new Uint8Array(deflateSync(new Uint8Array(999))),
    ])
      expect(await codeOf({ ...jpeg, frames: [frame] })).toBe("codec-failed");
    expect(await codeOf({ pixels })).toBe("rendered");
  });

  it("whatever the attributes are, there is a picture or a code", async () => {
    const text = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.double().map(String),
      fc.constantFrom("1e9999", "\\", "-0"),
    );
    const ascii = text.map((one) => one.replace(/[^ -~]/g, "?"));
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        fc.constantFrom("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"),
        fc.integer({ min: 1, max: 16 }),
        fc.constantFrom(0, 1),
        fc.tuple(ascii, ascii, ascii, ascii),
        fc.array(fc.integer({ min: 0, max: 65_535 }), { minLength: 3, maxLength: 3 }),
        fc.array(fc.integer({ min: 0, max: 65_535 }), { maxLength: 8 }),
        async (bytes, photometric, bitsStored, pixelRepresentation, [a, b, c, d], descriptor, entries) => {
          const tables: NewElement[] = [
            { tag: 0x00283000, vr: "SQ", items: [lut(descriptor, entries)] },
            { tag: 0x00283010, vr: "SQ", items: [lut([entries.length, ...descriptor.slice(1)], entries)] },
          ];
          const elements = [
            ...windowOf(a, b),
            ...rescale(c, d),
            ...tables.filter((_, i) => (descriptor[0]! >> i) & 1),
          ];
          const image = {
            pixels: bytes,
            bitsAllocated: 16,
            bitsStored,
            pixelRepresentation,
            photometric,
            elements,
          };
          expect(["rendered", "value-invalid"]).toContain(await codeOf(image));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("a thread that hangs is ended, and the next picture has another one", async () => {
    const own = new FrameRenderer(codecs, { workersMax: 1, timeoutMs: 1 });
    try {
      const large = await imageFrames({ pixels: new Uint16Array(2000 * 2000), rows: 2000, columns: 2000 });
      await expect(own.frame(large, 0, plain, "image/png")).rejects.toMatchObject({ code: "limit-decode" });
    } finally {
      await own.close();
    }
    await expect(own.frame(await imageFrames({ pixels }), 0, plain, "image/png")).rejects.toMatchObject({
      code: "usage",
    });
  });
});
