/** `scanseal locate`: the red places of the picture are the changed tiles, and nothing else. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { readPng, writePng } from "../../src/platform/node/png.ts";
import { makeSealedSite, type SealedSite } from "../gateway/sealed-site.ts";
import { framesIn, image, side, withFrames, withoutSeal } from "../watermark/marked-objects.ts";
import { makeWorkplace, type Run } from "./scanseal-process.ts";

const place = makeWorkplace();
const codecs = new CodecPool();
let site: SealedSite;
let pictures = 0;

/** Turns a bit of the sample at (37, 70) of one frame: tile x 32-47, y 64-79. */
const nudged =
  (frame: number, bytesPerPixel: number) =>
  (frames: Bytes[]): undefined => {
    frames[frame]![bytesPerPixel * (70 * side + 37)]! ^= 2;
  };

interface Located extends Run {
  /** Smallest rectangle around what is red; undefined where nothing is. */
  readonly red: { x0: number; y0: number; x1: number; y1: number } | undefined;
}

function locate(file: string, ...args: string[]): Located {
  const out = `picture-${pictures++}.png`;
  const run = place.run("locate", file, "--out", out, "--home", `${site.folder}/home`, ...args);
  const { width, height, channels, samples } = readPng(new Uint8Array(readFileSync(place.path(out))));
  expect([width, height, channels]).toEqual([side, side, 3]);
  let red: Located["red"];
  for (let i = 0; i < width * height; i++) {
    if (samples[3 * i] !== 255 || samples[3 * i + 1] !== 32 || samples[3 * i + 2] !== 32) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    red ??= { x0: x, y0: y, x1: x + 1, y1: y + 1 };
    red = { x0: Math.min(red.x0, x), y0: red.y0, x1: Math.max(red.x1, x + 1), y1: y + 1 };
  }
  return { ...run, red };
}

const tile = { x0: 32, y0: 64, x1: 48, y1: 80 };

describe("locate", () => {
  beforeAll(async () => {
    site = await makeSealedSite();
  });
  afterAll(async () => {
    site.remove();
    await codecs.close();
  });

  it.each<[string, () => Bytes, number]>([
    ["grey", () => image(), 2],
    ["signed", () => image({ bits: 16, signed: true }), 2],
    ["colour", () => image({ colour: "rgb", bits: 8 }), 3],
  ])("%s: one changed sample is its tile", async (name, make, bytesPerPixel) => {
    const sealed = await site.sealMarked(make());
    place.write(`${name}.dcm`, await withFrames(sealed, nudged(0, bytesPerPixel), codecs));
    const { status, stdout, stderr, red } = locate(`${name}.dcm`);
    expect({ status, stderr, red }).toEqual({ status: 1, stderr: "", red: tile });
    expect(stdout).toContain("altered, frame 1: the red places were changed after sealing.");
    expect(stdout).toContain("frame 1: x 32-47, y 64-79");
    place.write(`${name}-sound.dcm`, sealed);
    expect(locate(`${name}-sound.dcm`)).toMatchObject({
      status: 0,
      red: undefined,
      stdout: expect.stringContaining("verified, frame 1: no pixel has changed since sealing."),
    });
  });

  it("the first frame that was changed is shown, or the one that is asked for", async () => {
    const sealed = await site.sealMarked(image({ frames: ["anatomy", "anatomy", "anatomy"] }));
    place.write("multi.dcm", await withFrames(sealed, nudged(2, 2), codecs));
    expect(locate("multi.dcm")).toMatchObject({
      status: 1,
      red: tile,
      stdout: expect.stringContaining("frame 3"),
    });
    const first = locate("multi.dcm", "--frame", "1");
    expect(first).toMatchObject({
      status: 1,
      red: undefined,
      stdout: expect.stringContaining("Changed too: frame 3"),
    });
    expect(
      place.run("locate", "multi.dcm", "--out", "x.png", "--frame", "4", "--home", `${site.folder}/home`),
    ).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("3 frames"),
    });
  });

  it("without its seal: whole blocks; sealed without marks: the whole frame; without either: nothing is known", async () => {
    const sealed = await site.sealMarked(image());
    place.write("stripped.dcm", await withoutSeal(await withFrames(sealed, nudged(0, 2), codecs)));
    expect(locate("stripped.dcm").red).toEqual({ x0: 0, y0: 64, x1: 64, y1: 128 });
    const plain = readFileSync(await site.seal(site.write("plain.dcm", image({ seed: 3 }))));
    place.write("unmarked.dcm", await withFrames(plain, nudged(0, 2), codecs));
    expect(locate("unmarked.dcm")).toMatchObject({
      status: 1,
      red: { x0: 0, y0: 0, x1: side, y1: side },
      stdout: expect.stringContaining("nothing says where"),
    });
    place.write("never.dcm", image());
    expect(locate("never.dcm")).toMatchObject({
      status: 1,
      red: undefined,
      stdout: expect.stringContaining("nothing is known"),
    });
  });

  it("MONOCHROME1 is shown inverted", async () => {
    const object = await readDicom(new MemorySource(image()));
    const inverted = await writeToBytes(object, [
      { kind: "put", element: textElement(tags.photometricInterpretation, "CS", "MONOCHROME1") },
    ]);
    place.write("positive.dcm", image());
    place.write("negative.dcm", inverted);
    const grey = (name: string): number[] => {
      locate(name);
      return [...readPng(new Uint8Array(readFileSync(place.path(`picture-${pictures - 1}.png`)))).samples];
    };
    const positive = grey("positive.dcm");
    expect(grey("negative.dcm")).toEqual(positive.map((value) => 255 - value));
  });

  it("an image file: its rectangles", async () => {
    const [frame] = await framesIn(
      await withFrames(await site.sealMarked(image()), nudged(0, 2), codecs),
      codecs,
    );
    const samples = new Uint16Array(new Uint8Array(frame!).buffer);
    place.write("export.png", writePng({ width: side, height: side, depth: 16, channels: 1, samples }));
    expect(locate("export.png")).toMatchObject({
      status: 1,
      red: tile,
      stdout: expect.stringContaining("pixels-altered"),
    });
  });

  it("writes over nothing", () => {
    place.write("taken.png", "something else");
    const run = place.run("locate", "grey.dcm", "--out", "taken.png", "--home", `${site.folder}/home`);
    expect(run).toMatchObject({ status: 2, stderr: expect.stringContaining("taken.png") });
    expect(readFileSync(place.path("taken.png"), "utf8")).toBe("something else");
  });
});
