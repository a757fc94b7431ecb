/** Marking frames in threads against marking in one's own. */
import { generateKeyPairSync, sign } from "node:crypto";
import type { ImageAttributes } from "../src/dicom/pixel-data/image-attributes.ts";
import { signatureFromDer, withLowS } from "../src/invisible-watermark/ecdsa-signature.ts";
import { generateChestSeries } from "../src/phantom/chest-ct.ts";
import { nodeCrypto } from "../src/platform/node/crypto.ts";
import {
  type FrameMarker,
  InlineFrameMarker,
  type MarkingJob,
  type MarkSigner,
} from "../src/sealing/frame-marking.ts";
import { MarkingPool } from "../src/site/marking/marking-pool.ts";
import { type Benchmark, compare } from "./compare.ts";

const side = 512;
const frames = 100;
const rounds = 5;

export const chestAttributes: ImageAttributes = {
  rows: side,
  columns: side,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  highBit: 11,
  pixelRepresentation: 0,
  photometric: "MONOCHROME2",
  planarConfiguration: 0,
  numberOfFrames: frames,
  kind: "integer",
};

/** As they lie in a file. */
export function chestFrames(): readonly Uint8Array[] {
  const slices = [...generateChestSeries({ seed: 1, slices: 16, studyDate: "20260101" })];
  return slices.map(({ pixels }) => new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
}

/** As many frames in flight as whoever seals an object has. */
async function markAll(
  marker: FrameMarker,
  originals: readonly Uint8Array[],
  signer: MarkSigner,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < frames) {
      const frameNo = next++;
      const job: MarkingJob = {
        attributes: chestAttributes,
        samples: originals[frameNo % originals.length]!,
        keys: {
          keyId: new Uint8Array(8),
          locatorKey: new Uint8Array(32).fill(1),
          recoveryKey: new Uint8Array(32).fill(2),
        },
        contentId: new Uint8Array(16),
        frameNo,
        noiseShareMax: 0.5,
      };
      const outcome = await marker.mark(job, signer);
      if ("reason" in outcome) throw new Error(outcome.reason);
    }
  };
  await Promise.all(Array.from({ length: marker.parallel + 1 }, work));
}

export const marking: Benchmark = {
  name: "marking",
  about: `${frames} frames of the phantom, ${side} x ${side}, 16 bits allocated, 12 stored, from samples to marked samples, ECDSA P-256 in the main thread. Two bytes a sample: MP/s are half of the MB/s.`,
  async measure() {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const signer: MarkSigner = async (bytes) =>
      withLowS(signatureFromDer(new Uint8Array(sign("sha256", bytes, privateKey)))!);
    const originals = chestFrames();
    const pools = [1, 2].map((workersMax) => new MarkingPool({ workersMax }));
    const bytes = frames * 2 * side * side;
    const inline = new InlineFrameMarker(nodeCrypto);
    const measured = await compare(
      [
        { name: "one thread, the main one", bytes, run: () => markAll(inline, originals, signer) },
        { name: "one worker", bytes, run: () => markAll(pools[0]!, originals, signer) },
        { name: "two workers", bytes, run: () => markAll(pools[1]!, originals, signer) },
      ],
      rounds,
    );
    await Promise.all(pools.map((pool) => pool.close()));
    return measured;
  },
};
