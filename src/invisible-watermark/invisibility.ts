/** How visible a mark is: for people, and for whoever decides whether to mark. The encoder's policy, no part of the format. */
import { changesBetween, noiseVariance } from "./change-statistics.ts";
import type { Rectangle } from "./frame.ts";

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

/** The noise guard: whether the change is at most half of the noise. */
export function isWithinNoise({ changeToNoise }: Pick<Invisibility, "changeToNoise">): boolean {
  return changeToNoise <= noiseShareMax;
}

/** A place whose noise is less than this is flat: there, a change of one level is not measured by its noise. */
const flatNoise = 1;

/** RMS change to noise where it is largest; places without noise do not count. @returns 0 when none counts */
export function worstChangeToNoise(
  original: Uint16Array,
  marked: Uint16Array,
  width: number,
  places: readonly Rectangle[],
): number {
  let worst = 0;
  for (const { x0, y0, x1, y1 } of places) {
    const part = (plane: Uint16Array): Uint16Array => {
      const out = new Uint16Array((x1 - x0) * (y1 - y0));
      for (let y = y0; y < y1; y++) {
        out.set(plane.subarray(y * width + x0, y * width + x1), (y - y0) * (x1 - x0));
      }
      return out;
    };
    const before = part(original);
    const variance = noiseVariance(before, x1 - x0, y1 - y0);
    if (variance < flatNoise) continue;
    const { sumOfSquares, samples } = changesBetween(before, part(marked));
    worst = Math.max(worst, Math.sqrt(sumOfSquares / samples / variance));
  }
  return worst;
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
