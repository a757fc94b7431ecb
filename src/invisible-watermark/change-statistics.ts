/** How visible a mark is. For people and for the encoder's choice; nothing here is part of the format. */

export interface ChangeStatistics {
  readonly samples: number;
  readonly changedSamples: number;
  readonly maxChange: number;
  /** Of all changes: with `samples` and 2^bits - 1 it gives the PSNR. */
  readonly sumOfSquares: number;
}

const largestChange = 65_535;

/** @param marked as long as `original` */
export function changesBetween(original: Uint16Array, marked: Uint16Array): ChangeStatistics {
  // Counted by size first: a branch on each sample, as good as random, takes twice as long.
  const counts = new Uint32Array(2 * largestChange + 1);
  for (let i = 0; i < original.length; i++) counts[marked[i]! - original[i]! + largestChange]!++;
  let changedSamples = 0;
  let maxChange = 0;
  let sumOfSquares = 0;
  for (let change = 1; change <= largestChange; change++) {
    const count = counts[largestChange - change]! + counts[largestChange + change]!;
    if (count === 0) continue;
    changedSamples += count;
    maxChange = change;
    sumOfSquares += count * change * change;
  }
  return { samples: original.length, changedSamples, maxChange, sumOfSquares };
}

/** Every third sample of every fifth row is enough. */
const columnStep = 3;
const rowStep = 5;

/** Mean square of what a sample differs from the mean of its four neighbours. 0 for a constant plane. */
export function noiseVariance(plane: Uint16Array, width: number, height: number): number {
  let sum = 0;
  let count = 0;
  for (let y = 1; y < height - 1; y += rowStep) {
    for (let x = 1; x < width - 1; x += columnStep) {
      const i = y * width + x;
      const neighbours = plane[i - 1]! + plane[i + 1]! + plane[i - width]! + plane[i + width]!;
      const error = (4 * plane[i]! - neighbours) / 4;
      sum += error * error;
      count++;
    }
  }
  return sum / count;
}
