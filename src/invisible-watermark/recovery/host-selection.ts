/**
 * Which superblocks hide how much: as little change as possible for the bits there are to hide, and nowhere more than the local noise covers.
 * The encoder's choice, not part of the format: what was chosen is in the payload (hence numbers with fractions are allowed here).
 */
import type { Block } from "./block.ts";
import {
  activityLimits,
  isThresholdFor,
  type Predictor,
  parametersOf,
  thresholds,
} from "./prediction-error-expansion.ts";

/** A step of one superblock to a choice that hides more. */
interface Step {
  readonly superblock: number;
  readonly parameters: number;
  /** Bits hidden with these parameters, as estimated, and with those of the step before. */
  readonly capacity: number;
  readonly capacityBefore: number;
  readonly parametersBefore: number;
  /** Sum of squared changes for each further bit: larger from step to step of a superblock. */
  readonly cost: number;
}

export interface Host {
  readonly superblock: number;
  readonly parameters: number;
}

const predictors: readonly Predictor[] = ["cross", "surface"];
const limitCount = activityLimits.length;
const thresholdCount = thresholds.length;
const binsPerPredictor = limitCount * thresholdCount;

/** Of four rows the first two are looked at; of small blocks all. */
const rowsLookedAt = 2;
const smallBlockRows = 16;
/** What looks like fewer bits than this is not worth it. */
const hitsMin = 8;
/** RMS change at most half of the local noise, both squared... */
const noiseShareSquared = 0.25;
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

/** How many bits must have been hidden until the estimates are corrected in earnest. */
const priorBits = 200;

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

/** Looks at all superblocks, one after the other; then names the hosts, one by one, and follows what these really hide. */
export class HostSelection {
  readonly #maximum: number;
  readonly #steps: Step[] = [];
  readonly #parameters: Uint8Array;
  readonly #expected: Float64Array;
  readonly #done: Uint8Array;
  #queue: number[] | undefined;
  #queued = 0;
  readonly #histogram: Int32Array = new Int32Array(predictors.length * binsPerPredictor);
  /** The steps below are taken. */
  #taken = 0;
  #expectedLeft = 0;
  #expectedDone: number = priorBits;
  #hiddenDone: number = priorBits;

  /** @param maximum 2^bits - 1 */
  constructor(superblocks: number, maximum: number) {
    this.#maximum = maximum;
    this.#parameters = new Uint8Array(superblocks);
    this.#expected = new Float64Array(superblocks);
    this.#done = new Uint8Array(superblocks);
  }

  /** @param block its border mirrored */
  look(superblock: number, block: Block): void {
    const histogram = this.#histogram;
    const noise = measureErrors(block, this.#maximum, histogram);
    const scale = block.height < smallBlockRows ? 1 : 4 / rowsLookedAt;
    let before: Choice = { capacity: 0, change: 0, parameters: 0 };
    for (const choice of bestChoices(choicesOf(histogram, noise, this.#maximum))) {
      const gain = choice.capacity - before.capacity;
      this.#steps.push({
        superblock,
        parameters: choice.parameters,
        capacity: scale * choice.capacity,
        capacityBefore: scale * before.capacity,
        parametersBefore: before.parameters,
        cost: (choice.change - before.change) / gain,
      });
      before = choice;
    }
  }

  /**
   * The next superblock to hide in. What it really hid is said with `hid`, before the next is asked for.
   * @returns undefined: there is none left
   */
  next(bitsLeft: number): Host | undefined {
    if (this.#queue === undefined) this.#steps.sort((a, b) => a.cost - b.cost);
    this.#adapt(bitsLeft);
    // The fullest first: the last ones are for small corrections.
    this.#queue ??= [...this.#expected.keys()]
      .filter((superblock) => this.#expected[superblock]! > 0)
      .sort((a, b) => this.#expected[b]! - this.#expected[a]!);
    while (this.#queued < this.#queue.length) {
      const superblock = this.#queue[this.#queued++]!;
      if (this.#done[superblock] === 0 && this.#expected[superblock]! > 0) {
        return { superblock, parameters: this.#parameters[superblock]! };
      }
    }
    return undefined;
  }

  hid(superblock: number, bits: number): void {
    const expected = this.#expected[superblock]!;
    this.#done[superblock] = 1;
    this.#expectedLeft -= expected;
    this.#expectedDone += expected;
    this.#hiddenDone += bits;
  }

  /** Takes steps, the cheapest first, until what is expected of the hosts to come suffices; gives back what is too much. */
  #adapt(bitsLeft: number): void {
    const wanted = (bitsLeft * this.#expectedDone) / this.#hiddenDone;
    while (this.#expectedLeft < wanted && this.#taken < this.#steps.length) {
      const { superblock, parameters, capacity, capacityBefore } = this.#steps[this.#taken++]!;
      if (this.#done[superblock] === 1) continue;
      if (capacityBefore === 0) this.#queue?.push(superblock);
      this.#choose(superblock, parameters, capacity);
    }
    while (this.#taken > 0) {
      const step = this.#steps[this.#taken - 1]!;
      const { superblock, parametersBefore, capacityBefore, capacity } = step;
      if (this.#done[superblock] === 0) {
        if (this.#expectedLeft - capacity + capacityBefore < wanted) break;
        this.#choose(superblock, parametersBefore, capacityBefore);
      }
      this.#taken--;
    }
  }

  #choose(superblock: number, parameters: number, capacity: number): void {
    this.#expectedLeft += capacity - this.#expected[superblock]!;
    this.#expected[superblock] = capacity;
    this.#parameters[superblock] = parameters;
  }
}

/** Of the rows looked at. */
interface Choice {
  readonly capacity: number;
  /** Sum of squared changes. */
  readonly change: number;
  readonly parameters: number;
}

/**
 * Counts the errors of both predictors by limit of activity and threshold.
 * @returns variance of the local noise: that of the better predictor's errors
 */
function measureErrors(
  { samples, isCarrier, stride, width, height }: Block,
  maximum: number,
  histogram: Int32Array,
): number {
  const sumMax = 4 * maximum;
  const rowMask = height < smallBlockRows ? 0 : 3;
  let looked = 0;
  let crossMagnitude = 0;
  let surfaceMagnitude = 0;
  histogram.fill(0);
  for (let y = 0; y < height; y++) {
    if ((y & rowMask) >= rowsLookedAt) continue;
    const row = (y + 1) * stride + 1;
    for (let i = row; i < row + width; i++) {
      if (isCarrier[i] !== 0) continue;
      const left = samples[i - 1]!;
      const right = samples[i + 1]!;
      const above = samples[i - stride]!;
      const below = samples[i + stride]!;
      const least = Math.min(Math.min(left, right), Math.min(above, below));
      const most = Math.max(Math.max(left, right), Math.max(above, below));
      const bin = limitIndices[Math.min(most - least, tableSize - 1)]! * thresholdCount;
      const cross = left + right + above + below;
      const upper = samples[i - stride - 1]! + samples[i - stride + 1]!;
      const lower = samples[i + stride - 1]! + samples[i + stride + 1]!;
      const surface = Math.max(0, Math.min(sumMax, 2 * cross - upper - lower));
      const crossError = foldedError(samples[i]!, cross, maximum);
      const surfaceError = foldedError(samples[i]!, surface, maximum);
      looked++;
      crossMagnitude += Math.abs(crossError);
      surfaceMagnitude += Math.abs(surfaceError);
      if (crossError >= 0) histogram[bin + thresholdIndices[Math.min(crossError, tableSize - 1)]!]!++;
      if (surfaceError >= 0) {
        histogram[binsPerPredictor + bin + thresholdIndices[Math.min(surfaceError, tableSize - 1)]!]!++;
      }
    }
  }
  const magnitude = 0.5 + Math.min(crossMagnitude, surfaceMagnitude) / Math.max(1, looked);
  return looked * varianceOfMagnitude * magnitude * magnitude;
}

/** Smallest T - 1 with which a sample hides a bit; negative: it stays as it is. Zones as they are for T = 1. */
function foldedError(value: number, sum: number, maximum: number): number {
  const floor = sum >> 2;
  if (floor < 3) return value - floor;
  if (floor > maximum - 3) return ((sum + 3) >> 2) - value;
  const error = value - floor - 1;
  return error < 0 ? -1 - error : error;
}

/** All choices that are not more visible than allowed. */
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
        const change = surcharge * share * (hitChange + (samples - hits) * thresholds[t]! ** 2);
        if (
          hits < hitsMin ||
          (t > 1 && fallen === 0) ||
          (thresholds[t]! > free && change > noiseShareSquared * noise)
        )
          continue;
        choices.push({ capacity: share * hits, change, parameters: parametersOf(t, limit, predictor) });
      }
    }
  }
  return choices;
}

/** The lower convex hull: each next choice has the least further change for each further bit. */
function bestChoices(choices: readonly Choice[]): Choice[] {
  const best: Choice[] = [];
  let capacity = 0;
  let change = 0;
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
