/** How visible a mark is: for people, and for whoever decides whether to mark. The encoder's policy, no part of the format. */
import { changesBetween, noiseVariance } from "./change-statistics.ts";

export interface Invisibility {
  /** Decibels, against the largest value there can be; infinite where nothing changed. */
  readonly psnr: number;
  /** Against what the original spans: what a viewer sees who adapts the grey scale to the image. Minus infinity where it is constant. */
  readonly psnrInRange: number;
  readonly maxChange: number;
  /** Root mean square, in grey levels. */
  readonly rmsChange: number;
  /** Root mean square difference between a sample and the mean of its neighbours, in grey levels. */
  readonly noise: number;
  /** rmsChange / noise; infinite where samples changed that had no noise. */
  readonly changeToNoise: number;
}

/** An RMS change up to this share of the noise adds an eighth to it at most: sqrt(1 + 0.5^2) = 1.118. */
export const noiseShareMax = 0.5;

/**
 * @param original,marked one plane, row by row, of equal size, values 0 to 2^bits - 1
 */
export function measureInvisibility(
  original: Uint16Array,
  marked: Uint16Array,
  width: number,
  bits: number,
): Invisibility {
  const { maxChange, sumOfSquares, samples } = changesBetween(original, marked);
  const meanSquare = sumOfSquares / samples;
  const noise = Math.sqrt(noiseVariance(original, width, samples / width));
  const rmsChange = Math.sqrt(meanSquare);
  return {
    psnr: decibels(2 ** bits - 1, meanSquare),
    psnrInRange: decibels(rangeOf(original), meanSquare),
    maxChange,
    rmsChange,
    noise,
    changeToNoise: rmsChange === 0 ? 0 : rmsChange / noise,
  };
}

function decibels(peak: number, meanSquare: number): number {
  return meanSquare === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10((peak * peak) / meanSquare);
}

function rangeOf(plane: Uint16Array): number {
  let least = plane[0]!;
  let most = least;
  for (let i = 1; i < plane.length; i++) {
    least = Math.min(least, plane[i]!);
    most = Math.max(most, plane[i]!);
  }
  return most - least;
}
