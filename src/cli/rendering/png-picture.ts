/** An image file as a picture in eight bits. */
import type { PngImage } from "../../platform/node/png.ts";
import { type ColourImage, coloured } from "./heat-map.ts";

export function pngPicture({ width, height, depth, channels, samples }: PngImage): ColourImage {
  const bytes = depth === 8 ? Uint8Array.from(samples) : eightBits(samples);
  const size = { rows: height, columns: width };
  return channels === 3 ? { ...size, rgb: bytes } : coloured({ ...size, grey: bytes });
}

/** From the darkest to the brightest there is: exports of 12 bits would be black. */
function eightBits(samples: ArrayLike<number>): Uint8Array {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (let i = 0; i < samples.length; i++) {
    low = Math.min(low, samples[i]!);
    high = Math.max(high, samples[i]!);
  }
  const scale = high > low ? 255 / (high - low) : 0;
  return Uint8Array.from(samples, (value) => Math.round((value - low) * scale));
}
