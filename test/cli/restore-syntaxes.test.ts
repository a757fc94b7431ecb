/** From the scanner's file to the same pixels again, by the command line alone, in every form that is marked. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { encapsulated, framesIn, type ImageChoice, image } from "../watermark/marked-objects.ts";
import { makeWorkplace } from "./scanseal-process.ts";

const place = makeWorkplace();
const codecs = new CodecPool();
const lossless = "1.2.840.10008.1.2";

interface Capture {
  readonly name: string;
  /** Tail of the transfer syntax; undefined: native. */
  readonly syntax?: string;
  readonly choice: ImageChoice;
}

// Compressed ones are noisy: what the marks add must not pass the tenth of sealing's storage guard.
const captures: readonly Capture[] = [
  { name: "CT, 16 bits signed", choice: { bits: 16, signed: true } },
  { name: "12 bits", choice: {} },
  { name: "RGB", choice: { bits: 8, colour: "rgb" } },
  {
    name: "several frames, one too flat to be marked",
    choice: { frames: ["anatomy", "constant", "anatomy"] },
  },
  { name: "RLE", syntax: ".5", choice: { frames: ["noise", "noise"] } },
  { name: "RLE, RGB", syntax: ".5", choice: { bits: 8, colour: "rgb", frames: ["noise"] } },
  { name: "JPEG lossless", syntax: ".4.70", choice: { frames: ["noise"] } },
  { name: "JPEG-LS", syntax: ".4.80", choice: { frames: ["noise", "noise"] } },
  { name: "JPEG-LS, signed", syntax: ".4.80", choice: { signed: true, frames: ["noise"] } },
  { name: "JPEG 2000", syntax: ".4.90", choice: { frames: ["noise", "noise"] } },
  { name: "JPEG 2000, RGB", syntax: ".4.90", choice: { bits: 8, colour: "rgb", frames: ["noise"] } },
  { name: "HTJ2K", syntax: ".4.201", choice: { frames: ["noise"] } },
];

function uidOf(index: number): string {
  return `2.25.${1000 + index}`;
}

async function captured({ syntax, choice }: Capture, index: number): Promise<Bytes> {
  const native = image({ ...choice, seed: 20 + index, sopInstanceUid: uidOf(index) });
  return syntax === undefined ? native : encapsulated(native, `${lossless}${syntax}`, codecs);
}

const read = (folder: string, index: number): Bytes =>
  new Uint8Array(readFileSync(place.path(folder, `${uidOf(index)}.dcm`)));

describe("init, enroll, seal, restore", () => {
  beforeAll(async () => {
    for (const [index, capture] of captures.entries())
      place.write(`captured/${uidOf(index)}.dcm`, await captured(capture, index));
    expect(place.run("init")).toMatchObject({ status: 0 });
    expect(place.run("enroll", "ct1", "--ae", "CT1", "--serial", "1")).toMatchObject({ status: 0 });
    expect(place.run("seal", "captured", "--device", "ct1", "--out", "sealed")).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(place.run("verify", "sealed")).toMatchObject({ status: 0 });
    expect(place.run("restore", "sealed", "--out", "restored")).toMatchObject({ status: 0, stderr: "" });
  });
  afterAll(() => codecs.close());

  it.each(captures.map((capture, index) => ({ ...capture, index })))("$name", async ({ syntax, index }) => {
    const [before, sealed, after] = ["captured", "sealed", "restored"].map((folder) => read(folder, index));
    const frames = await framesIn(before!, codecs);
    expect(await framesIn(sealed!, codecs)).not.toEqual(frames);
    expect(await framesIn(after!, codecs)).toEqual(frames);
    if (syntax === undefined) expect(Buffer.compare(after!, before!)).toBe(0);
  });
});
