/** Canonical frames of real files: equal to their native twins', to what DCMTK and GDCM decode, and unchanged by what these encode. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalFramesOf, lenient } from "../../../../test/dicom/coded-files.ts";
import { describePeer, itWithPeer, type PeerName, peer, peerPath } from "../../../../test/peers.ts";
import { isReversible } from "../../../dicom/pixel-data/codestream-header.ts";
import { framesOf, type PixelFrames, readCodestream } from "../../../dicom/pixel-data/frames.ts";
import { readDicom } from "../../../dicom/read.ts";
import { MemorySource } from "../../../foundation/byte-source.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import { CodecPool } from "./codec-pool.ts";

const pool = new CodecPool({ workersMax: 2 });
afterAll(() => pool.close());

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-codecs-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function open(path: string): Promise<PixelFrames> {
  const object = await readDicom(new MemorySource(new Uint8Array(readFileSync(path))), lenient);
  return (await framesOf(object))!;
}

const inCorpus = (file: string): string => join(peer("corpus")!, file);

async function framesIn(path: string): Promise<Bytes[]> {
  return canonicalFramesOf(await open(path), pool);
}

const digest = (frames: readonly Bytes[]): string => {
  const hash = createHash("sha256");
  for (const frame of frames) hash.update(frame);
  return hash.digest("hex").slice(0, 16);
};

const slice = (name: string): string => `transfer-syntax/ctimage/ctimage.1.2.840.10008.1.2.${name}.dcm`;
const small = (name: string): string => `transfer-syntax/small/${name}.dcm`;
const multi = (name: string): string => `multiframe/${name}.dcm`;
const pattern = (name: string): string => `transfer-syntax/testpattern/TestPattern_${name}.dcm`;

/** Native file, and files that hold the same pixels in another form. */
const twins: Readonly<Record<string, readonly string[]>> = {
  [slice("1.LittleEndianExplicit")]: [
    slice("LittleEndianImplicit"),
    slice("2.BigEndianExplicit"),
    slice("1.99.DeflatedExplicitVRLittleEndian"),
    slice("4.57.JPEGProcess14"),
    slice("4.70.JPEGProcess14SV1"),
    slice("4.80.JPEGLSLossless"),
    slice("4.90.JPEG2000LosslessOnly"),
    slice("5.RLELossless"),
  ],
  [multi("emri_small")]: [
    multi("emri_small_big_endian"),
    multi("emri_small_RLE"),
    multi("emri_small_jpeg_2k_lossless"),
    multi("emri_small_jpeg_ls_lossless"),
  ],
  // No native file: all are compared with an RLE one, which needs no library.
  [multi("enhanced-ct-2frame.not_fragmented_bot_rle")]: [
    multi("enhanced-ct-2frame.not_fragmented_no_bot_rle"),
    multi("enhanced-ct-2frame.fragmented_no_bot_jpeg_lossless.57"),
    multi("enhanced-ct-2frame.fragmented_no_bot_jpeg_lossless.70"),
    multi("enhanced-ct-2frame.fragmented_no_bot_jpeg_ls.80"),
    multi("enhanced-ct-2frame.not_fragmented_bot_jpeg_ls.80"),
  ],
  [small("MR_small")]: [
    small("MR_small_implicit"),
    small("MR_small_bigendian"),
    small("MR_small_RLE"),
    small("MR_small_jp2klossless"),
    small("MR_small_jpeg_ls_lossless"),
  ],
  [small("CT_small")]: [
    "rle",
    "jpeg-lossless",
    "jpegls-lossless",
    "bigendian",
    "implicit",
    "undefined-lengths",
  ].map((name) => `tampered/generated/benign-${name}.dcm`),
  [small("SC_rgb_small_odd")]: [small("SC_rgb_small_odd_big_endian")],
  [pattern("RGB")]: [pattern("JPEG-LS-Lossless"), pattern("JPEG-Lossless_RGB")],
  "transfer-syntax/htj2k/ct1-native-reference.dcm": [
    "transfer-syntax/htj2k/ct1_jph.dcm",
    "odd/ct1-single-frame-fragmented-bot-jpegls.dcm",
  ],
  "ultrasound/us1-rgb-native.dcm": ["transfer-syntax/htj2k/us1_jph.dcm", "ultrasound/us1-ybr-rct-j2k.dcm"],
  "radiograph/fuji-cr-rg3-mono1-j2k.dcm": ["transfer-syntax/htj2k/rg3_jph.dcm"],
  "non-image/rtdose.dcm": ["non-image/rtdose_rle.dcm"],
  // One bit a pixel, packed; other decoders unpack, crash or refuse.
  "odd/liver.dcm": ["odd/liver_rle.dcm", "odd/liver_j2k.dcm", "odd/liver_deflate.dcm"],
};

describePeer("corpus", "the same pixels in another transfer syntax", () => {
  const pairs = Object.entries(twins).flatMap(([native, others]) =>
    others.map((other) => [other, native] as const),
  );
  it.each(pairs)("%s has the canonical frames of %s", async (other, native) => {
    const frames = await framesIn(inCorpus(other));
    expect(frames.length).toBeGreaterThan(0);
    expect(digest(frames)).toBe(digest(await framesIn(inCorpus(native))));
  });

  it("colour of 16 and 32 bits in RLE has the first frame of its native twin", async () => {
    const first = async (name: string): Promise<Bytes> => (await framesIn(inCorpus(small(name))))[0]!;
    expect(await first("SC_rgb_rle_16bit_2frame")).toEqual(await first("SC_rgb_16bit"));
    expect(await first("SC_rgb_rle_32bit")).toEqual(await first("SC_rgb_32bit_2frame"));
  });

  it("numbers of 32 bits in big endian follow the VR's 16-bit words, as in DCMTK and GDCM", async () => {
    // This writer reversed all four bytes of each number, which OW does not mean (PS3.5 section 6.2).
    const [native] = await framesIn(inCorpus("non-image/rtdose.dcm"));
    const [big] = await framesIn(inCorpus("non-image/rtdose_expb.dcm"));
    const words = big!.map((_, i) => big![i ^ 2]!);
    expect(words).toEqual(native);
  });

  it("bits above Bits Stored show in the canonical frame", async () => {
    // GDCM's JPEG 2000 and JPEG-LS clear or extend them; DCMTK's codecs, RLE and JPEG lossless keep them.
    const frame = async (name: string): Promise<Bytes> =>
      (await framesIn(inCorpus(`odd/twelve-bit/${name}.dcm`)))[0]!;
    expect(digest([await frame("12bitUnsigned")])).toBe("3fa291c6d5292ec1");
    expect(digest([await frame("12bitUnsigned_0x0F0F")])).toBe("f5f7c5df9d379e2d");
  });
});

interface Row {
  readonly file: string;
  readonly syntax: string;
  readonly digest: string;
  /** Empty where there is no image. */
  readonly dims: string;
}

const codecSyntax = /^1\.2\.840\.10008\.1\.2\.(4\.(57|70|80|81|90|91|201|202)|5|8\.1)$/;

/** Images in a codec that we decode, or in RLE. */
function indexRows(): Row[] {
  const [head, ...lines] = readFileSync(inCorpus("INDEX.tsv"), "utf8").trim().split("\n");
  const names = head!.split("\t");
  return lines
    .map((line) => {
      const cells = line.split("\t");
      const cell = (name: string): string => cells[names.indexOf(name)]!;
      return {
        file: cell("file"),
        syntax: cell("transfer_syntax"),
        digest: cell("pixel_sha256_16"),
        dims: cell("dims"),
      };
    })
    .filter((row) => row.dims !== "" && codecSyntax.test(row.syntax) && !row.file.startsWith("malformed/"));
}

/** Files whose pixels differ from what DCMTK or GDCM made of them, and why. */
const exceptions: Readonly<Record<string, string>> = {
  "odd/JLSL_16_15_1_1F.dcm": "15 signed bits in 16: we extend the sign, DCMTK and GDCM leave bit 15 zero",
  "odd/J2K_pixelrep_mismatch.dcm":
    "unsigned codestream, signed attributes, 13 bits in 16: GDCM leaves the high bits zero",
  "odd/liver_j2k.dcm": "one bit: GDCM gives a byte a pixel",
  "odd/liver_rle.dcm": "one bit: no peer decodes it",
  "odd/liver_deflate.dcm": "deflated frames: no peer decodes them",
};

describePeer("corpus", "what the peers decoded, as the corpus index records it", () => {
  const wanted = indexRows();

  it("covers every file in a lossless or near-lossless codec", () => {
    expect(wanted.length).toBe(58);
  });

  it.each(wanted)("$file", async ({ file, digest: recorded }) => {
    const decoded = digest(await framesIn(inCorpus(file)));
    if (file in exceptions) expect(decoded).not.toBe(recorded);
    else expect(decoded).toBe(recorded);
  });

  it("differs in the exceptions only in bits above Bits Stored", async () => {
    const path = inCorpus("odd/JLSL_16_15_1_1F.dcm");
    const [frame] = await framesIn(path);
    const masked = frame!.map((byte, i) => (i % 2 === 1 ? byte & 0x7f : byte));
    expect(digest([masked])).toBe("4727d64f164a4a8d");
    const [mismatched] = await framesIn(inCorpus("odd/J2K_pixelrep_mismatch.dcm"));
    expect(digest([mismatched!.map((byte, i) => (i % 2 === 1 ? byte & 0x1f : byte))])).toBe(
      "9408934a5b0684e4",
    );
  });

  it("tells reversible codestreams from others where the syntax allows both", async () => {
    const reversible = async (file: string): Promise<boolean> => {
      const { object, layout } = await open(inCorpus(file));
      if (layout.kind !== "encapsulated") throw new Error("not encapsulated");
      return isReversible(object.transferSyntax.codec, await readCodestream(object, layout.frames[0]!));
    };
    expect(await reversible(slice("4.80.JPEGLSLossless"))).toBe(true);
    expect(await reversible(slice("4.81.JPEGLSLossy"))).toBe(false);
    expect(await reversible(small("SC_rgb_jls_lossy_line"))).toBe(false);
    expect(await reversible(slice("4.90.JPEG2000LosslessOnly"))).toBe(true);
    // Reversible transform, but quality layers were left out: no decoder rounds, and yet the original is lost.
    expect(await reversible(slice("4.91.JPEG2000"))).toBe(true);
    expect(await reversible("radiograph/mammogram-mg1-j2k-lossy.dcm")).toBe(false);
    expect(await reversible("transfer-syntax/htj2k/ct1_jph.dcm")).toBe(true);
    expect(await reversible(slice("4.57.JPEGProcess14"))).toBe(true);
    expect(await reversible(slice("5.RLELossless"))).toBe(true);
    expect(await reversible(slice("4.50.JPEGProcess1"))).toBe(false);
    expect(isReversible("jpeg-ls", new Uint8Array(9))).toBe(false);
  });
});

function run(program: PeerName, args: readonly string[], output: string): string {
  const path = join(folder, output);
  execFileSync(peerPath(program), [...args, path], { stdio: "pipe" });
  return path;
}

const decoders: readonly [PeerName, RegExp, readonly string[]][] = [
  ["dcmdjpls", /\.4\.8[01]$/, []],
  ["dcmdrle", /\.2\.5$/, []],
  ["dcmdjpeg", /\.4\.(57|70)$/, []],
  ["gdcmconv", /\.(2\.5|4\.(57|70|80|81|90|91))$/, ["--raw"]],
];

/** Where a peer cannot decode, or (32-bit colour in RLE, where DCMTK and pydicom agree with us) decodes something else. */
const peerFails: Readonly<Record<string, readonly string[]>> = {
  dcmdjpls: ["JLSL_08_07_0_1F"],
  gdcmconv: ["SC_rgb_rle_16bit_2frame", "SC_rgb_rle_32bit", "enhanced-ct-2frame.fragmented_no_bot_jpeg_ls"],
};

describe("decoding by peers, live", () => {
  for (const [program, syntaxes, options] of decoders) {
    itWithPeer(["corpus", program], `agrees with ${program}`, async () => {
      const failing = peerFails[program] ?? [];
      const rows = indexRows().filter(
        ({ file, syntax }) =>
          syntaxes.test(syntax) && !(file in exceptions) && !failing.some((name) => file.includes(name)),
      );
      expect(rows.length).toBeGreaterThan(4);
      for (const { file } of rows) {
        const native = run(program, [...options, inCorpus(file)], `decoded-${program}.dcm`);
        expect(digest(await framesIn(native)), file).toBe(digest(await framesIn(inCorpus(file))));
      }
    });
  }
});

/** Name, program, options. Every predictor of JPEG lossless is there. */
const encoders: readonly [string, PeerName, readonly string[]][] = [
  ["RLE", "dcmcrle", []],
  ["JPEG-LS", "dcmcjpls", ["+el"]],
  ...[1, 2, 3, 4, 5, 6, 7].map((n): [string, PeerName, string[]] => [
    `JPEG lossless ${n}`,
    "dcmcjpeg",
    ["+el", "+sv", `${n}`],
  ]),
  ["JPEG lossless SV1", "dcmcjpeg", ["+e1"]],
  ["GDCM J2K", "gdcmconv", ["--j2k"]],
  ["GDCM JPEG-LS", "gdcmconv", ["--jpegls"]],
  ["GDCM JPEG lossless", "gdcmconv", ["--jpeg"]],
  ["GDCM RLE", "gdcmconv", ["--rle"]],
];

/** Signed 16 bits, 12 bits in 16 in ten frames, colour, 8 bits palette. */
const sources = [small("CT_small"), multi("emri_small"), small("SC_rgb"), pattern("RGB"), pattern("Palette")];

describe("encoding by peers, live", () => {
  for (const [name, program, options] of encoders) {
    itWithPeer(["corpus", program], `${name} leaves the canonical frames alone`, async () => {
      for (const file of sources) {
        const compressed = run(program, [...options, inCorpus(file)], `encoded-${program}.dcm`);
        const frames = await open(compressed);
        expect(frames.layout.kind, file).toBe("encapsulated");
        expect(digest(await framesIn(compressed)), file).toBe(digest(await framesIn(inCorpus(file))));
      }
    });
  }
});
