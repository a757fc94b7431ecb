/** Rendering one frame beside DCMTK's dcmj2pnm. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { framesOf } from "../src/dicom/pixel-data/frames.ts";
import { readDicom } from "../src/dicom/read.ts";
import { CodecPool } from "../src/platform/node/codecs/codec-pool.ts";
import { openFileSource } from "../src/platform/node/file-source.ts";
import { FrameRenderer } from "../src/site/rendering/rendered-frame.ts";
import { imageFrames } from "../test/dicom/image-object.ts";
import { peerPath } from "../test/peers.ts";
import { type Benchmark, type Candidate, compare, type Measured } from "./compare.ts";

const side = 3000;

/** Soft shapes and noise, 12 bits: as a radiograph compresses. */
async function writeRadiograph(path: string): Promise<void> {
  const pixels = new Uint16Array(side * side);
  for (let i = 0, state = 1; i < pixels.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const shape = 1500 * Math.sin((i % side) / 90) * Math.cos(Math.floor(i / side) / 70);
    pixels[i] = 2048 + shape + (state >>> 26);
  }
  const { object } = await imageFrames({ pixels, rows: side, columns: side, bitsStored: 12 });
  writeFileSync(path, await object.source.read(0, object.source.size));
}

interface Case {
  readonly name: string;
  readonly path: string;
  readonly type: "image/png" | "image/jpeg";
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Of dcmj2pnm. */
  readonly options: readonly string[];
}

async function measured(renderer: FrameRenderer, one: Case, folder: string): Promise<readonly Measured[]> {
  const out = join(folder, "out");
  const parameters = { annotations: [], ...(one.viewport ? { viewport: one.viewport } : {}) };
  const start = (): unknown => execFileSync(peerPath("dcmj2pnm"), ["--version"], { stdio: "ignore" });
  const candidates: Candidate[] = [
    {
      name: `dcmj2pnm, a process: ${one.name}`,
      run: () => execFileSync(peerPath("dcmj2pnm"), [...one.options, one.path, out], { stdio: "ignore" }),
    },
    { name: "of which its start alone", run: start },
    {
      name: "scanseal, in the gate's threads, file opened and read each time",
      run: async () => {
        const source = await openFileSource(one.path);
        const frames = await framesOf(await readDicom(source));
        await renderer.frame(frames!, 0, parameters, one.type);
        await source.close();
      },
    },
  ];
  return compare(candidates, 15);
}

export const rendering: Benchmark = {
  name: "rendering",
  about: `One frame to a file: 16 bits, 512 x 512 (CT) and ${side} x ${side} (made). Quality 90, dcmj2pnm without colour conversion.`,
  async measure() {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-rendering-"));
    const codecs = new CodecPool();
    const renderer = new FrameRenderer(codecs);
    try {
      const large = join(folder, "large.dcm");
      await writeRadiograph(large);
      const slice = join(peerPath("corpus"), "ct-series/lidc-0314-nodule/inst117.dcm");
      const jpeg = ["--write-jpeg", "+Jq", "90"];
      const thumbnail = { width: 128, height: 128 };
      const cases: readonly Case[] = [
        { name: "CT to PNG", path: slice, type: "image/png", options: ["+Wi", "1", "--write-png"] },
        { name: "CT to JPEG", path: slice, type: "image/jpeg", options: ["+Wi", "1", ...jpeg] },
        { name: "radiograph to PNG", path: large, type: "image/png", options: ["+Wm", "--write-png"] },
        { name: "radiograph to JPEG", path: large, type: "image/jpeg", options: ["+Wm", ...jpeg] },
        {
          name: "radiograph to a thumbnail in JPEG",
          path: large,
          type: "image/jpeg",
          viewport: thumbnail,
          options: ["+Wm", "+Sxv", "128", "+a", ...jpeg],
        },
      ];
      const rows: Measured[] = [];
      for (const one of cases) rows.push(...(await measured(renderer, one, folder)));
      return rows;
    } finally {
      await renderer.close();
      await codecs.close();
      rmSync(folder, { recursive: true });
    }
  },
};
