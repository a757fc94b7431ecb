/**
 * What a superblock could hide, and how much that would change it: estimated from some of its rows (the encoder's choice, not part of the format).
 */
import type { Block } from "./block.ts";
import {
  activity,
  activityLimits,
  isThresholdFor,
  type Predictor,
  parametersOf,
  surfaceSum,
  thresholds,
} from "./prediction-error-expansion.ts";

export interface Choice {
  /** Bits. */
  readonly capacity: number;
  /** Sum of squared changes. */
  readonly change: number;
  readonly parameters: number;
  /** More than half of the local noise: only where the bits find no other place. */
  readonly isLoud: boolean;
}

const predictors: readonly Predictor[] = ["cross", "surface"];
const limitCount = activityLimits.length;
const thresholdCount = thresholds.length;
const binsPerPredictor = limitCount * thresholdCount;

/** Two rows of every so many: fewer of large blocks, all of small ones. */
const rowsLookedAt = 2;
function rowPeriod(height: number): number {
  return height >= 48 ? 8 : height >= 16 ? 4 : rowsLookedAt;
}

/** What looks like fewer bits than this is not worth it. */
const hitsMin = 8;
/** RMS change at most half of the local noise, and at most all of it; squared... */
const quietShareSquared = 0.25;
const loudShareSquared = 1;
/** Variance of normally distributed errors over their mean magnitude squared. Magnitudes, because edges would count too much in squares. */
const varianceOfMagnitude = Math.PI / 2;
/** ... but changes this small are allowed everywhere: a step of the usual 256-grey display is 2 levels or more from 9 bits on. */
const freeThresholdOf = (maximum: number): number => (maximum >= 511 ? 2 : 1);
/** The surface predictor weighs its neighbours more, and with them what was hidden in these. */
const surfaceSurcharge = 1.08;

/**
 * Share of the samples looked at that do take part, measured on 83 images: hiding in one class makes the neighbours of the next differ more, and then
 * they may be over the limit. Flat areas are flat no more.
 */
function participation(threshold: number, limit: number, predictor: Predictor): number {
  if (limit === 0) return 0.58;
  if (threshold > 2 && activityLimits[limit]! <= 32) return 0.75;
  if (predictor === "cross") return 1;
  return threshold > 2 || activityLimits[limit]! <= 32 ? 0.88 : 1;
}

const tableSize = 256;
/** Index of the smallest limit that an activity keeps; larger activities are looked up as the table's last. */
const limitIndices: Uint8Array = Uint8Array.from({ length: tableSize }, (_, activity) =>
  activityLimits.findIndex((limit) => activity <= limit),
);
/** Index of the largest threshold not above an error. */
const thresholdIndices: Uint8Array = Uint8Array.from({ length: tableSize }, (_, error) =>
  thresholds.findLastIndex((threshold) => threshold <= error),
);
/** Mean square of e + bit over the errors from a threshold to the next. */
const expansionSquares: readonly number[] = thresholds.map((threshold, i) => {
  const next = thresholds[i + 1] ?? threshold + 1;
  let sum = 0;
  for (let error = threshold; error < next; error++) sum += error * error + error + 0.5;
  return sum / (next - threshold);
});

/**
 * The choices worth taking, each hiding more than the one before, at a higher price for each further bit.
 * @param block its border mirrored
 */
export function choicesFor(block: Block, maximum: number): Choice[] {
  // Samples by predictor, limit of activity and threshold.
  const histogram = new Int32Array(predictors.length * binsPerPredictor);
  const noise = measureErrors(block, maximum, histogram);
  const scale = rowPeriod(block.height) / rowsLookedAt;
  const choices = choicesOf(histogram, noise, maximum);
  const quiet = bestChoices(choices.filter(({ isLoud }) => !isLoud));
  const loud = bestChoices(choices, quiet.at(-1)).map((choice) => ({ ...choice, isLoud: true }));
  return [...quiet, ...loud].map((choice) => ({
    ...choice,
    capacity: scale * choice.capacity,
    change: scale * choice.change,
  }));
}

/**
 * Counts the errors of both predictors by limit of activity and threshold.
 * @returns variance of the local noise (that of the better predictor's errors) times the samples looked at
 */
function measureErrors(
  { samples, isCarrier, stride, width, height }: Block,
  maximum: number,
  histogram: Int32Array,
): number {
  const sumMax = 4 * maximum;
  const period = rowPeriod(height);
  let looked = 0;
  let crossMagnitude = 0;
  let surfaceMagnitude = 0;
  for (let y = 0; y < height; y++) {
    if (y % period >= rowsLookedAt) continue;
    const row = (y + 1) * stride + 1;
    for (let i = row; i < row + width; i++) {
      if (isCarrier[i] !== 0) continue;
      const left = samples[i - 1]!;
      const right = samples[i + 1]!;
      const above = samples[i - stride]!;
      const below = samples[i + stride]!;
      const nearest = left + right + above + below;
      const cross = foldedError(samples[i]!, nearest, maximum);
      const surface = foldedError(samples[i]!, surfaceSum(samples, i, stride, nearest, sumMax), maximum);
      const spread = Math.min(activity(left, right, above, below), tableSize - 1);
      const bin = limitIndices[spread]! * thresholdCount;
      looked++;
      crossMagnitude += Math.abs(cross);
      surfaceMagnitude += Math.abs(surface);
      if (cross >= 0) histogram[bin + thresholdIndices[Math.min(cross, tableSize - 1)]!]!++;
      if (surface >= 0) {
        histogram[binsPerPredictor + bin + thresholdIndices[Math.min(surface, tableSize - 1)]!]!++;
      }
    }
  }
  // On average an error is half a level larger than its fold.
  const magnitude = 0.5 + Math.min(crossMagnitude, surfaceMagnitude) / Math.max(1, looked);
  return looked * varianceOfMagnitude * magnitude * magnitude;
}

/** Smallest T - 1 with which a sample hides a bit; negative: it stays as it is. Zones as they are for T = 1. */
function foldedError(value: number, sum: number, maximum: number): number {
  const floor = sum >> 2;
  if (floor < 3) return value - floor;
  if (floor > maximum - 3) return ((sum + 3) >> 2) - value;
  const error = value - floor - 1;
  // -1 - error where it is negative.
  return error ^ (error >> 31);
}

/** All choices that are allowed. */
function choicesOf(histogram: Int32Array, noise: number, maximum: number): Choice[] {
  const choices: Choice[] = [];
  const free = freeThresholdOf(maximum);
  for (const [p, predictor] of predictors.entries()) {
    const first = p * binsPerPredictor;
    let before = 0;
    for (let limit = 0; limit < limitCount; limit++) {
      const row = first + limit * thresholdCount;
      let samples = 0;
      for (let bin = 0; bin < thresholdCount; bin++) {
        if (limit > 0) histogram[row + bin]! += histogram[row - thresholdCount + bin]!;
        samples += histogram[row + bin]!;
      }
      if (samples === before) continue;
      before = samples;
      let hits = 0;
      let hitChange = 0;
      for (let t = 1; t < thresholdCount && isThresholdFor(thresholds[t]!, maximum); t++) {
        const fallen = histogram[row + t - 1]!;
        hits += fallen;
        hitChange += fallen * expansionSquares[t - 1]!;
        const share = participation(thresholds[t]!, limit, predictor);
        const surcharge = predictor === "surface" ? surfaceSurcharge : 1;
        const change = surcharge * share * (hitChange + (samples - hits) * thresholds[t]! * thresholds[t]!);
        if (hits < hitsMin || (t > 1 && fallen === 0)) continue;
        const isFree = thresholds[t]! <= free;
        if (!isFree && change > loudShareSquared * noise) continue;
        const isLoud = !isFree && change > quietShareSquared * noise;
        const parameters = parametersOf(t, limit, predictor);
        choices.push({ capacity: share * hits, change, parameters, isLoud });
      }
    }
  }
  return choices;
}

/** The lower convex hull, after `from`: each next choice has the least further change for each further bit. */
function bestChoices(choices: readonly Choice[], from?: Choice): Choice[] {
  const best: Choice[] = [];
  let capacity = from?.capacity ?? 0;
  let change = from?.change ?? 0;
  for (;;) {
    let found: Choice | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const choice of choices) {
      const gain = choice.capacity - capacity;
      if (gain <= 0) continue;
      const cost = (choice.change - change) / gain;
      if (cost < least || (cost === least && choice.capacity > found!.capacity)) {
        least = cost;
        found = choice;
      }
    }
    if (found === undefined) return best;
    best.push(found);
    capacity = found.capacity;
    change = found.change;
  }
}
