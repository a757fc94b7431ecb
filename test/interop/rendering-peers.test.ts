/** Rendered frames beside those of DCMTK and of pydicom with numpy, pixel by pixel. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { framesOf, type PixelFrames } from "../../src/dicom/pixel-data/frames.ts";
import { readDicom, tolerableCodes } from "../../src/dicom/read.ts";
import type { RenderedParameters } from "../../src/dicom-network/dicomweb/rendered-parameters.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { openFileSource } from "../../src/platform/node/file-source.ts";
import { type PngImage, readPng } from "../../src/platform/node/png.ts";
import { FrameRenderer } from "../../src/site/rendering/rendered-frame.ts";
import { imageFrames } from "../dicom/image-object.ts";
import { describePeer, peerPath, projectRoot } from "../peers.ts";

let codecs: CodecPool;
let renderer: FrameRenderer;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-rendering-"));
  codecs = new CodecPool();
  renderer = new FrameRenderer(codecs);
});
afterAll(async () => {
  await renderer.close();
  await codecs.close();
  rmSync(folder, { recursive: true });
});

async function ours(
  file: string,
  which: "first" | "last",
  parameters: Partial<RenderedParameters> = {},
): Promise<PngImage> {
  const source = await openFileSource(join(peerPath("corpus"), file));
  try {
    const frames: PixelFrames = (await framesOf(await readDicom(source, { tolerate: tolerableCodes })))!;
    const index = which === "first" ? 0 : frames.attributes.numberOfFrames - 1;
    return readPng(await renderer.frame(frames, index, { annotations: [], ...parameters }, "image/png"));
  } finally {
    await source.close();
  }
}

function expectAlike(image: PngImage, theirs: Uint8Array, tolerance: number): void {
  expect(theirs.length).toBe(image.samples.length);
  let worst = 0;
  for (let i = 0; i < theirs.length; i++) worst = Math.max(worst, Math.abs(theirs[i]! - image.samples[i]!));
  expect(worst).toBeLessThanOrEqual(tolerance);
  // Something is to be seen.
  expect(new Set(theirs).size).toBeGreaterThan(1);
}

/** The pixels of a binary PGM or PPM file. */
function pnmPixels(path: string): { width: number; height: number; pixels: Uint8Array } {
  const file = readFileSync(path);
  const [head, width, height] = /^P[56]\s+(\d+)\s+(\d+)\s+255\s/.exec(file.toString("latin1", 0, 64))!;
  return { width: Number(width), height: Number(height), pixels: file.subarray(head.length) };
}

const window = ["+Wi", "1"];
const table = ["+Wl", "1"];
const range = ["+Wm"];
const asStored: string[] = [];

describePeer(["dcm2pnm", "dcmj2pnm", "dcml2pnm", "gdcmconv", "corpus"], "DCMTK renders alike", () => {
  const dcmtk = (
    program: "dcm2pnm" | "dcmj2pnm" | "dcml2pnm",
    input: string,
    options: string[],
  ): ReturnType<typeof pnmPixels> => {
    const out = join(folder, "theirs.pnm");
    execFileSync(peerPath(program), [...options, "-O", "--write-raw-pnm", input, out], { stdio: "ignore" });
    return pnmPixels(out);
  };

  it.each([
    ["ct-series/lidc-0314-nodule/inst117.dcm", "dcm2pnm", window],
    ["ct-series/philips-phantom-gantry-tilt/I10.dcm", "dcm2pnm", window],
    ["mr-series/siemens-t1-sag-hfs/0001.dcm", "dcm2pnm", window],
    ["pet-series/qin-headneck-0024/000100.dcm", "dcm2pnm", window],
    ["multiframe/emri_small.dcm", "dcm2pnm", range],
    ["multiframe/emri_small_big_endian.dcm", "dcm2pnm", range],
    ["multiframe/emri_small_RLE.dcm", "dcm2pnm", range],
    ["multiframe/mr-cine-16frame-8bit.dcm", "dcm2pnm", asStored],
    ["odd/vlut_04.dcm", "dcm2pnm", table],
    ["odd/mlut_18.dcm", "dcm2pnm", range],
    ["odd/twelve-bit/12bitSigned_0x0F0F.dcm", "dcm2pnm", window],
    ["radiograph/fuji-cr-rg3-mono1-j2k.dcm", "dcm2pnm", window],
    ["radiograph/canon-dx-j2k-lossless.dcm", "dcm2pnm", window],
    ["radiograph/vet-dx-small.dcm", "dcm2pnm", window],
    ["radiograph/nih-chest-dx-8bit-b.dcm", "dcm2pnm", asStored],
    ["radiograph/ge-mg-jpeg-lossless.dcm", "dcmj2pnm", window],
    ["radiograph/fuji-cr-rg2-jpegls.dcm", "dcml2pnm", window],
    ["radiograph/rsna-chest-cr-jpeg-baseline.dcm", "dcmj2pnm", asStored],
    ["transfer-syntax/rg2-jpeg-extended-12bit-lossy.dcm", "dcmj2pnm", window],
    ["multiframe/xa-96frame-jpeg-baseline.dcm", "dcmj2pnm", asStored],
    ["multiframe/wsi-tiny-25frame-rgb.dcm", "dcm2pnm", asStored],
    ["multiframe/wsi-camelyon-15frame-jpeg.dcm", "dcmj2pnm", asStored],
    ["ultrasound/us1-rgb-native.dcm", "dcm2pnm", asStored],
    ["ultrasound/us1-ybr-rct-j2k.dcm", "dcm2pnm", asStored],
    ["ultrasound/acuson-8frame-ybrfull-jpeg.dcm", "dcmj2pnm", asStored],
    ["ultrasound/sonosite-30frame-ybr422-jpeg.dcm", "dcmj2pnm", asStored],
    ["ultrasound/philips-palette-2frame-rle.dcm", "dcm2pnm", asStored],
    ["odd/examples_palette.dcm", "dcm2pnm", asStored],
    ["transfer-syntax/testpattern/TestPattern_Palette_16.dcm", "dcm2pnm", asStored],
    ["transfer-syntax/small/SC_rgb_expb_16bit.dcm", "dcm2pnm", asStored],
    ["transfer-syntax/small/SC_rgb_jpeg_gdcm.dcm", "dcmj2pnm", asStored],
    ["transfer-syntax/small/SC_rgb_dcmtk_+eb+cr.dcm", "dcmj2pnm", asStored],
    ["transfer-syntax/small/SC_jpeg_no_color_transform.dcm", "dcmj2pnm", asStored],
  ] as const)("%s with %s %j", async (file, program, options) => {
    const image = await ours(file, "first");
    let input = join(peerPath("corpus"), file);
    if (file.endsWith("j2k.dcm") || file.endsWith("j2k-lossless.dcm")) {
      execFileSync(peerPath("gdcmconv"), ["--raw", input, join(folder, "raw.dcm")], { stdio: "ignore" });
      input = join(folder, "raw.dcm");
    }
    const { width, height, pixels } = dcmtk(program, input, [...options, "+F", "1"]);
    expect([width, height]).toEqual([image.width, image.height]);
    expectAlike(image, pixels, 1);
  });

  it("with a window and a region that are asked for", async () => {
    const file = "ct-series/lidc-0314-nodule/inst117.dcm";
    const region = { x: 100, y: 200, width: 120, height: 80 };
    const asked = { center: 40, width: 400, function: "linear" } as const;
    const options = ["+Ww", "40", "400", "+C", "100", "200", "120", "80"];
    const { pixels } = dcmtk("dcm2pnm", join(peerPath("corpus"), file), options);
    expectAlike(await ours(file, "first", { region, window: asked }), pixels, 1);
  });

  it("the last frame of several", async () => {
    const file = "ultrasound/sonosite-30frame-ybr422-jpeg.dcm";
    const { pixels } = dcmtk("dcmj2pnm", join(peerPath("corpus"), file), ["+F", "30"]);
    expectAlike(await ours(file, "last"), pixels, 1);
  });

  it.each([
    ["ultrasound/us1-rgb-native.dcm", "YBR_FULL", 3],
    ["radiograph/nih-chest-dx-8bit-b.dcm", "MONOCHROME2", 1],
  ] as const)("JPEG of %s is read by libjpeg as it was meant", async (file, photometric, samplesPerPixel) => {
    const source = await openFileSource(join(peerPath("corpus"), file));
    const frames = (await framesOf(await readDicom(source, { tolerate: tolerableCodes })))!;
    const jpeg = await renderer.frame(frames, 0, { annotations: [], quality: 95 }, "image/jpeg");
    await source.close();
    const { rows, columns } = frames.attributes;
    const made = await imageFrames({
      ...{ rows, columns, photometric, samplesPerPixel, pixels: jpeg, bitsAllocated: 8 },
      ...{ frames: [jpeg], transferSyntaxUid: "1.2.840.10008.1.2.4.50" },
    });
    const input = join(folder, "jpeg.dcm");
    writeFileSync(input, await made.object.source.read(0, made.object.source.size));
    const { samples } = await ours(file, "first");
    const { pixels } = dcmtk("dcmj2pnm", input, []);
    expect(pixels.length).toBe(samples.length);
    const error = pixels.reduce((sum, value, i) => sum + Math.abs(value - samples[i]!), 0) / pixels.length;
    expect(error).toBeLessThan(1.5);
  });
});

describePeer(["pydicom", "corpus"], "pydicom and numpy render alike", () => {
  const files = [
    "ct-series/lidc-0314-nodule/inst117.dcm",
    "mr-series/brain-tumour-t1post/000010.dcm",
    "pet-series/qin-headneck-0024/000100.dcm",
    "multiframe/emri_small.dcm",
    "multiframe/xa1-sc-10bit-native.dcm",
    "odd/vlut_04.dcm",
    "odd/non-square-mr.dcm",
    "odd/liver.dcm",
    "odd/examples_palette.dcm",
    "tampered/generated/overlay-hides-region.dcm",
    "transfer-syntax/htj2k/ct1-native-reference.dcm",
    "transfer-syntax/small/SC_rgb_32bit_2frame.dcm",
    "transfer-syntax/small/SC_rgb_rle_16bit_2frame.dcm",
    "transfer-syntax/small/SC_ybr_full_uncompressed.dcm",
    "transfer-syntax/small/SC_ybr_full_422_uncompressed.dcm",
    "ultrasound/aloka-palette16-implicit.dcm",
    "ultrasound/esaote-ybr422-native.dcm",
    "non-image/rtdose.dcm",
  ];
  beforeAll(() => {
    const program = join(projectRoot, "test/interop/pydicom-rendering.py");
    const paths = files.map((file) => join(peerPath("corpus"), file));
    execFileSync(peerPath("pydicom"), [program, folder, ...paths], { stdio: "pipe" });
  }, 60_000);

  it.each(files)("%s", async (file) => {
    expectAlike(await ours(file, "last"), readFileSync(join(folder, `${files.indexOf(file)}.raw`)), 1);
  });
});
