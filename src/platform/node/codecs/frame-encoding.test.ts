/** Frames through the pool and back: generated ones of every kind in every syntax, and what a wrong encoder would do. */
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { checkedHeader, isReversible } from "../../../dicom/pixel-data/codestream-header.ts";
import type { EncodeRequest } from "../../../dicom/pixel-data/encoder.ts";
import type { ImageAttributes } from "../../../dicom/pixel-data/image-attributes.ts";
import { transferSyntaxOf } from "../../../dicom/transfer-syntax.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { CodecPool } from "./codec-pool.ts";

const pool = new CodecPool({ workersMax: 2 });
afterAll(() => pool.close());

const uid = (tail: string): string => `1.2.840.10008.1.2.${tail}`;
const syntaxes: readonly string[] = [
  "5",
  "4.57",
  "4.70",
  "4.80",
  "4.90",
  "4.91",
  "4.201",
  "4.202",
  "8.1",
].map(uid);

interface Kind {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly signed: boolean;
  readonly photometric: string;
}

function attributesOf(kind: Kind): ImageAttributes {
  return {
    ...kind,
    highBit: kind.bitsStored - 1,
    pixelRepresentation: kind.signed ? 1 : 0,
    planarConfiguration: 0,
    numberOfFrames: 1,
    kind: "integer",
  };
}

type Contents = "smooth" | "noise" | "constant" | "extremes" | "above";

/** Numbers within Bits Stored, extended by sign; `above`: all allocated bits hold noise. */
function samplesOf(kind: Kind, contents: Contents, seed: number): Bytes {
  const { bitsStored, signed, samplesPerPixel, columns } = kind;
  const count = kind.rows * columns * samplesPerPixel;
  const values = contents === "above" ? 2 ** kind.bitsAllocated : 2 ** bitsStored;
  const low = signed ? -values / 2 : 0;
  const out = kind.bitsAllocated === 8 ? new Uint8Array(count) : new Uint16Array(count);
  let state = seed >>> 0;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const noise = state / 2 ** 32;
    const x = Math.floor(i / samplesPerPixel) % columns;
    const part = {
      noise,
      above: noise,
      constant: (seed >>> 7) / 2 ** 25,
      extremes: noise < 0.5 ? 0 : 0.999999,
      smooth: ((x / columns) * 7 + noise * 0.02 + i / count) / 9,
    }[contents];
    out[i] = low + Math.floor(part * values);
  }
  return new Uint8Array(out.buffer);
}

const sizes = fc.oneof(
  fc.record({ rows: fc.integer({ min: 1, max: 40 }), columns: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ rows: fc.constant(1), columns: fc.integer({ min: 1, max: 300 }) }),
  fc.record({ rows: fc.integer({ min: 1, max: 300 }), columns: fc.constant(1) }),
);
const kinds = fc
  .record({
    size: sizes,
    colour: fc.constantFrom("MONOCHROME2", "MONOCHROME1", "RGB", "YBR_FULL", "YBR_RCT", "ARGB"),
    bits: fc.constantFrom<readonly [8 | 16, number]>(
      [8, 8],
      [8, 7],
      [8, 1],
      [16, 9],
      [16, 10],
      [16, 12],
      [16, 15],
      [16, 16],
      [16, 8],
    ),
    signed: fc.boolean(),
  })
  .map(({ size, colour, bits, signed }): Kind => {
    const samplesPerPixel = colour === "ARGB" ? 4 : colour.startsWith("MONO") ? 1 : 3;
    const [bitsAllocated, bitsStored] = bits;
    return {
      ...size,
      samplesPerPixel,
      bitsAllocated,
      bitsStored,
      signed: signed && samplesPerPixel === 1,
      photometric: colour,
    };
  });
const contents = fc.constantFrom<Contents>("smooth", "noise", "constant", "extremes", "above");

/** A component transform makes 16 bits 17; four components are not in OpenJPEG's interface. */
function isSupported(syntax: string, kind: Kind, filled: Contents): boolean {
  const { codec } = transferSyntaxOf(syntax)!;
  const j2k = codec === "jpeg-2000" || codec === "htj2k";
  if (codec === "jpeg-2000" && kind.samplesPerPixel === 4) return false;
  const bits = filled === "above" ? kind.bitsAllocated : kind.bitsStored;
  return !(j2k && kind.photometric === "YBR_RCT" && bits === 16);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "encoded",
    (error: unknown) => (error instanceof ScansealError ? error.code : String(error)),
  );
}

describe("frames encoded by the pool", () => {
  it.each(syntaxes)(
    "%s decodes to the same samples",
    async (transferSyntaxUid) => {
      const { codec } = transferSyntaxOf(transferSyntaxUid)!;
      await fc.assert(
        fc.asyncProperty(kinds, contents, fc.integer(), async (kind, filled, seed) => {
          const attributes = attributesOf(kind);
          const samples = samplesOf(kind, filled, seed);
          const before = samples.slice();
          const request = { transferSyntaxUid, attributes, samples };
          if (!isSupported(transferSyntaxUid, kind, filled)) {
            // "above" may by chance stay within Bits Stored.
            expect(["unsupported", "encoded"]).toContain(await codeOf(pool.encode(request)));
            return;
          }
          const { codestream } = await pool.encode(request);
          expect(samples).toEqual(before);
          const decoding = { codec, transferSyntaxUid, attributes, codestream };
          expect((await pool.decode(decoding)).samples).toEqual(samples);
          expect(isReversible(codec, codestream)).toBe(true);
          const header = checkedHeader(decoding);
          if (header === undefined || filled === "above") return;
          const signs = codec === "jpeg-2000" || codec === "htj2k";
          const bits = signs ? kind.bitsStored : Math.max(2, kind.bitsStored);
          expect(header.precision).toBe(kind.signed && !signs ? kind.bitsAllocated : bits);
          expect(header.signed).toBe(kind.signed && signs);
        }),
        { numRuns: 150 },
      );
    },
    120_000,
  );

  it("HTJ2K is decoded by OpenJPEG to the same samples as by OpenJPH", async () => {
    const plain = kinds.filter(
      (kind) => kind.samplesPerPixel !== 4 && (kind.photometric !== "YBR_RCT" || kind.bitsStored < 16),
    );
    for (const tail of ["4.201", "4.202"]) {
      await fc.assert(
        fc.asyncProperty(plain, fc.integer(), async (kind, seed) => {
          const attributes = attributesOf(kind);
          const samples = samplesOf(kind, "smooth", seed);
          const { codestream } = await pool.encode({ transferSyntaxUid: uid(tail), attributes, samples });
          const other = {
            codec: "jpeg-2000",
            transferSyntaxUid: uid("4.90"),
            attributes,
            codestream,
          } as const;
          expect((await pool.decode(other)).samples).toEqual(samples);
        }),
        { numRuns: 60 },
      );
    }
  }, 120_000);

  it("one-bit samples: RLE, JPEG 2000 and HTJ2K", async () => {
    const kind: Kind = {
      rows: 5,
      columns: 24,
      samplesPerPixel: 1,
      bitsAllocated: 8,
      bitsStored: 1,
      signed: false,
      photometric: "MONOCHROME2",
    };
    const attributes = { ...attributesOf(kind), bitsAllocated: 1 };
    const samples = Uint8Array.from({ length: 15 }, (_, i) => i * 37);
    for (const tail of ["5", "4.90", "4.201"])
      expect(await codeOf(pool.encode({ transferSyntaxUid: uid(tail), attributes, samples }))).toBe(
        "encoded",
      );
  });
});

/** Component transform and progression, as COD says them (ITU-T T.800 table A.14). */
function codingStyle(codestream: Bytes): { transform: number; progression: number } {
  const at = codestream.findIndex((byte, i) => byte === 0xff && codestream[i + 1] === 0x52);
  return { progression: codestream[at + 5]!, transform: codestream[at + 8]! };
}

describe("what the codestream says of colour", () => {
  const kind: Kind = {
    rows: 70,
    columns: 90,
    samplesPerPixel: 3,
    bitsAllocated: 8,
    bitsStored: 8,
    signed: false,
    photometric: "RGB",
  };
  const encoded = async (tail: string, photometric: string): Promise<Bytes> => {
    const attributes = attributesOf({ ...kind, photometric });
    const samples = samplesOf(kind, "smooth", 3);
    return (await pool.encode({ transferSyntaxUid: uid(tail), attributes, samples })).codestream;
  };

  it("is a component transform for YBR_RCT, and none for anything else", async () => {
    for (const tail of ["4.90", "4.91", "4.201", "4.202"]) {
      expect(codingStyle(await encoded(tail, "YBR_RCT")).transform, tail).toBe(1);
      expect(codingStyle(await encoded(tail, "RGB")).transform, tail).toBe(0);
      expect(codingStyle(await encoded(tail, "YBR_FULL")).transform, tail).toBe(0);
    }
  });

  it("is Adobe's marker without transform for RGB in JPEG lossless, and nothing for YBR_FULL", async () => {
    const adobe = (codestream: Bytes): boolean => codestream[2] === 0xff && codestream[3] === 0xee;
    expect(adobe(await encoded("4.70", "RGB"))).toBe(true);
    expect(adobe(await encoded("4.70", "YBR_FULL"))).toBe(false);
  });

  it("in HTJ2K with RPCL options is in that order, with tile-part lengths and a thumbnail", async () => {
    for (const photometric of ["RGB", "YBR_RCT"]) {
      const codestream = await encoded("4.202", photometric);
      expect(codingStyle(codestream).progression).toBe(2);
      const at = codestream.findIndex((byte, i) => byte === 0xff && codestream[i + 1] === 0x55);
      // 90 columns become 45: one level, two resolutions, a length of six bytes for each.
      expect((codestream[at + 2]! << 8) | codestream[at + 3]!).toBe(4 + 2 * 6);
    }
  });
});

describe("what is not encoded", () => {
  const kind: Kind = {
    rows: 4,
    columns: 4,
    samplesPerPixel: 1,
    bitsAllocated: 16,
    bitsStored: 12,
    signed: false,
    photometric: "MONOCHROME2",
  };
  const attributes = attributesOf(kind);
  const request: EncodeRequest = { transferSyntaxUid: uid("4.90"), attributes, samples: new Uint8Array(32) };

  it("is refused by reason", async () => {
    const other = (changes: Partial<ImageAttributes>, bytes: number, tail = "4.90"): Promise<string> =>
      codeOf(
        pool.encode({
          transferSyntaxUid: uid(tail),
          attributes: { ...attributes, ...changes },
          samples: new Uint8Array(bytes),
        }),
      );
    expect(await other({}, 32)).toBe("encoded");
    expect(await other({}, 31)).toBe("usage");
    expect(await other({ rows: 65_535, columns: 65_535 }, 32)).toBe("limit-decode");
    expect(await other({ bitsAllocated: 32, bitsStored: 32, highBit: 31 }, 64)).toBe("unsupported");
    expect(await other({ bitsAllocated: 32, kind: "float" }, 64)).toBe("unsupported");
    expect(await other({ photometric: "YBR_FULL_422", samplesPerPixel: 3 }, 96)).toBe("unsupported");
    expect(await other({ photometric: "YBR_ICT", samplesPerPixel: 3 }, 96)).toBe("unsupported");
    for (const tail of ["1", "1.98", "4.50", "4.58", "4.92", "4.93", "4.100", "4.110", "9.9"])
      expect(await other({}, 32, tail), tail).toBe("unsupported");
  });

  it("is nothing once the pool is closed, or where the queue is full", async () => {
    const narrow = new CodecPool({ workersMax: 1, queueMax: 1 });
    const work = [1, 2, 3].map(() => codeOf(narrow.encode(request)));
    expect(await Promise.all(work)).toEqual(["encoded", "encoded", "limit-decode"]);
    await narrow.close();
    expect(await codeOf(narrow.encode(request))).toBe("usage");
  });

  it("costs a thread that does not come back its life", async () => {
    const program = `import { parentPort } from "node:worker_threads";
      parentPort.on("message", ({ task, samples }) => {
        while (task === "encode") {}
        parentPort.postMessage({ result: new Uint8Array(32) });
      });`;
    const workerProgram = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
    const stuck = new CodecPool({ workersMax: 1, timeoutMs: 500, workerProgram });
    expect(await codeOf(stuck.encode(request))).toBe("limit-decode");
    const codestream = new Uint8Array(9);
    const decoding = { codec: "rle", transferSyntaxUid: uid("5"), attributes, codestream } as const;
    expect(await codeOf(stuck.decode(decoding))).toBe("encoded");
    await stuck.close();
  });
});

describe("an encoder that is wrong", () => {
  afterEach(() => void vi.doUnmock("../../../dicom/pixel-data/rle-encoder.ts"));

  it.each([
    ["changes a sample", (codestream: Bytes) => codestream.with(65, codestream[65]! ^ 1)],
    ["writes what cannot be decoded", (codestream: Bytes) => codestream.subarray(0, 70)],
  ])("is not believed when it %s", async (_, spoil) => {
    const { encodeRle } = await import("../../../dicom/pixel-data/rle-encoder.ts");
    vi.doMock("../../../dicom/pixel-data/rle-encoder.ts", () => ({
      encodeRle: (samples: Bytes, attributes: ImageAttributes) => spoil(encodeRle(samples, attributes)),
    }));
    vi.resetModules();
    const { encodedFrame } = await import("./frame-encoding.ts");
    const kind: Kind = {
      rows: 8,
      columns: 8,
      samplesPerPixel: 1,
      bitsAllocated: 8,
      bitsStored: 8,
      signed: false,
      photometric: "MONOCHROME2",
    };
    const samples = samplesOf(kind, "noise", 4);
    const work = encodedFrame({ transferSyntaxUid: uid("5"), attributes: attributesOf(kind), samples });
    await expect(work).rejects.toMatchObject({ code: "codec-failed" });
  });
});
