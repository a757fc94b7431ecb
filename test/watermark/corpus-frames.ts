/** Frames of corpus files as the watermark sees them. */

import { frameSamples } from "../../src/dicom/pixel-data/frame-samples.ts";
import { framesOf } from "../../src/dicom/pixel-data/frames.ts";
import { planesOf } from "../../src/dicom/pixel-data/sample-planes.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { PlanarFrame } from "../../src/invisible-watermark/frame.ts";
import type { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import type { Tolerances } from "../evaluation/fixture.ts";

/**
 * Up to `most` frames of one object.
 * @returns fewer, or none, where frames have no planes
 */
export async function framesIn(
  file: Bytes,
  decoder: CodecPool,
  most: number = 1,
  tolerate: Tolerances = [],
): Promise<PlanarFrame[]> {
  const object = await readDicom(new MemorySource(file), { tolerate: new Set(tolerate) });
  const frames = await framesOf(object);
  const out: PlanarFrame[] = [];
  for (let index = 0; frames && index < Math.min(frames.attributes.numberOfFrames, most); index++) {
    const samples = await frameSamples(frames, index, decoder);
    const planes = "reason" in samples ? samples : planesOf(frames.attributes, samples);
    if ("reason" in planes) return out;
    out.push(planes);
  }
  return out;
}
