/** Frames made by whole numbers alone, so that they are the same everywhere. */
import type { PlanarFrame, PlaneColour } from "../../src/invisible-watermark/frame.ts";
import { planeCount } from "../../src/invisible-watermark/layout.ts";

export const frameKinds = [
  "anatomy",
  "gradient",
  "noise",
  "constant",
  "saturated",
  "dark",
  "black",
  "white",
  "checkerboard",
] as const;
export type FrameKind = (typeof frameKinds)[number];

export interface FrameRequest {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly signed?: boolean;
  readonly colour?: PlaneColour;
  readonly kind?: FrameKind;
  readonly seed?: number;
}

export function makeFrame(request: FrameRequest): PlanarFrame {
  const { width, height, bits, signed = false, colour = "mono", kind = "anatomy", seed = 1 } = request;
  const next = randomNumbers(seed);
  const planes = Array.from({ length: planeCount(colour) }, (_, plane) => {
    const samples = new Uint16Array(width * height);
    for (let i = 0; i < samples.length; i++) {
      const x = i % width;
      const y = Math.floor(i / width);
      const value = sampleOf(kind, x + 3 * plane, y, { width, height, bits }, next());
      samples[i] = Math.max(0, Math.min(2 ** bits - 1, value));
    }
    return samples;
  });
  return { width, height, bits, signed, colour, planes };
}

/** @param random 32 bits */
function sampleOf(
  kind: FrameKind,
  x: number,
  y: number,
  { width, height, bits }: { width: number; height: number; bits: number },
  random: number,
): number {
  const largest = 2 ** bits - 1;
  const noise = (random & 7) + ((random >>> 8) & 7) - 7;
  switch (kind) {
    case "constant":
      return largest >> 2;
    case "noise":
      return random >>> (32 - bits);
    case "gradient":
      return Math.floor((largest * (x + y)) / (width + height));
    case "saturated":
      return (x >> 3) & 1 ? largest : largest - (random & 1);
    case "black":
      return 0;
    case "white":
      return largest;
    case "checkerboard":
      // Both ends of the range side by side, and a few samples next to them: every value is where it cannot move.
      return (x + y) & 1 ? largest - ((random & 15) === 0 ? 1 : 0) : (random & 31) === 0 ? 1 : 0;
    case "dark":
      return random >>> 30;
    case "anatomy": {
      // A bright ellipse with a darker one inside, soft noise, and air around.
      const ellipse = (a: number, b: number): number =>
        Math.floor((((2 * x - width) ** 2 * 1024) / (width * a) ** 2) * 10_000) +
        Math.floor((((2 * y - height) ** 2 * 1024) / (height * b) ** 2) * 10_000);
      const [outer, inner] = [ellipse(85, 70), ellipse(40, 35)];
      const tissue = inner < 1024 ? largest >> 3 : outer < 1024 ? (largest >> 1) + (x >> 2) : 0;
      return tissue === 0 ? Math.max(0, noise >> 2) : tissue + noise;
    }
  }
}

/** A generator of 32-bit numbers (xorshift). */
function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
