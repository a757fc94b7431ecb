/** Frames, attributes and codestreams of which there is no picture: each has its code, and none does harm. */
import { deflateSync } from "node:zlib";
import fc from "fast-check";
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
import { ScansealError } from "../../foundation/errors.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
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

describe("what cannot be rendered", () => {
  const codeOf = async (image: ImageMade, parameters: object = {}, index = 0): Promise<string> => {
    try {
      const asked = { ...plain, ...parameters };
      await renderer.frame(await imageFrames(image), index, asked, "image/png");
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
  });

  it("no enlargement beyond a screen: what is asked for is made as large as that", async () => {
    const viewport = { width: 16_384, height: 16_384 };
    const png = await renderer.frame(await imageFrames({ pixels }), 0, { ...plain, viewport }, "image/png");
    const [width, height] = [16, 20].map((at) => Buffer.from(png).readUInt32BE(at));
    expect(width! * height!).toBeGreaterThan(4_000_000);
    expect(width! * height!).toBeLessThanOrEqual(4 << 20);
  });

  it.each([
    ["window of width 0", windowElements(3, 0), "rendered"],
    ["window of no number", windowElements("NaN", "1e999"), "rendered"],
    ["window of half", [textElement(0x00281050, "DS", "3")], "rendered"],
    ["empty rescale", rescaleElements("", ""), "rendered"],
    ["slope of 0", rescaleElements("0", "1"), "value-invalid"],
    ["slope of no number", rescaleElements("Infinity", "1"), "value-invalid"],
    ["slope beyond all numbers", rescaleElements("1e308", "1e308"), "rendered"],
    [
      "table that is shorter than it says",
      [{ tag: 0x00283000, vr: "SQ", items: [lutElements([0, 0, 16], [1, 2])] }],
      "value-invalid",
    ],
    [
      "table that is longer than it says",
      [{ tag: 0x00283010, vr: "SQ", items: [lutElements([1, 0, 16], [1, 2])] }],
      "value-invalid",
    ],
    [
      "table of no bits",
      [{ tag: 0x00283000, vr: "SQ", items: [lutElements([2, 0, 0], [1, 2])] }],
      "value-invalid",
    ],
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

  it("JPEG of thousands of scans", async () => {
    const segment = (marker: number, content: number[]): number[] => [
      0xff,
      marker,
      0,
      content.length + 2,
      ...content,
    ];
    const ones = Array.from({ length: 64 }, () => 1);
    const noCodes = Array.from({ length: 15 }, () => 0);
    const start = [
      0xff,
      0xd8,
      ...segment(0xdb, [0, ...ones]),
      ...segment(0xc2, [8, 0, 4, 0, 8, 1, 1, 0x11, 0]),
    ];
    const tables = [...segment(0xc4, [0, 1, ...noCodes, 0]), ...segment(0xc4, [0x10, 1, ...noCodes, 0])];
    const scan = [...segment(0xda, [1, 1, 0, 1, 63, 0]), 0];
    const jpeg = (scans: number): Promise<string> => {
      const first = [...segment(0xda, [1, 1, 0, 0, 0, 0]), 0x3f];
      const all = [
        ...start,
        ...tables,
        ...first,
        ...Array.from({ length: scans }, () => scan).flat(),
        0xff,
        0xd9,
      ];
      const frames = [Uint8Array.from(all)];
      return codeOf({ pixels: new Uint8Array(32), transferSyntaxUid: "1.2.840.10008.1.2.4.50", frames });
    };
    expect(await jpeg(1)).toBe("rendered");
    expect(await jpeg(100)).toBe("limit-decode");
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
            { tag: 0x00283000, vr: "SQ", items: [lutElements(descriptor, entries)] },
            {
              tag: 0x00283010,
              vr: "SQ",
              items: [lutElements([entries.length, ...descriptor.slice(1)], entries)],
            },
          ];
          const elements = [
            ...windowElements(a, b),
            ...rescaleElements(c, d),
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
