/**
 * Reversible hiding by prediction-error expansion (after Thodi and Rodriguez, and Sachnev), in one block (spec/invisible-watermark.md, R5 to R8).
 *
 * A sample is predicted from its eight neighbours, none of which is in its own class. A small error e becomes 2e + bit; larger ones are moved away by T.
 */
import type { Block } from "./block.ts";

/** `cross`: the mean of the four nearest; `surface`: that twice, less the mean of the four diagonal ones: better where images were interpolated. */
export type Predictor = "cross" | "surface";

/** Chosen for each superblock; one byte of the payload (R5). */
export interface Expansion {
  /** Errors from -T to T - 1 hide a bit each. 1 to maximum / 6. */
  readonly threshold: number;
  /** Only samples hide whose four nearest neighbours differ by no more. */
  readonly activityMax: number;
  readonly predictor: Predictor;
}

/** Index 0: the superblock hides nothing. */
export const thresholds: readonly number[] = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192];
/** More than any two samples differ. */
const unlimited = 2 ** 17;
export const activityLimits: readonly number[] = [0, 2, 4, 8, 16, 32, 96, unlimited];

/** R5. */
export function parametersOf(thresholdIndex: number, activityIndex: number, predictor: Predictor): number {
  return (thresholdIndex << 4) | (activityIndex << 1) | (predictor === "surface" ? 1 : 0);
}

/** R5. @returns undefined for parameters that cannot be: none, or a threshold too large for this range */
export function expansionOf(parameters: number, maximum: number): Expansion | undefined {
  const threshold = thresholds[parameters >> 4];
  if (threshold === undefined || !isThresholdFor(threshold, maximum)) return undefined;
  const predictor = (parameters & 1) === 1 ? "surface" : "cross";
  return { threshold, activityMax: activityLimits[(parameters >> 1) & 7]!, predictor };
}

/** Larger ones would not leave room between the zones of R6. */
export function isThresholdFor(threshold: number, maximum: number): boolean {
  return threshold > 0 && 6 * threshold <= maximum;
}

/** R5: samples by the lowest bits of their place, in this order; [x, y]. The last class holds most of the carriers. */
export const classes: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 0],
  [0, 1],
  [0, 0],
];

/** Working memory: what a class of the largest block needs. */
export interface ExpansionSpace {
  /** Places that hide a bit (complemented where the bit is subtracted), or whose value says not whether it was moved. */
  readonly places: Int32Array;
  /** The bits of a class; when hiding, of its ambiguous values: 1 for one that was not moved. */
  readonly bits: Uint8Array;
  /** How many of the bits restored last say whether ambiguous values were moved; they come first. */
  marks: number;
}

export function expansionSpace({ samples }: Block): ExpansionSpace {
  return { places: new Int32Array(samples.length), bits: new Uint8Array(samples.length), marks: 0 };
}

/**
 * Hides in one class. The border must be mirrored.
 * @param stream bits from `at` on; 0 follows after `end`
 * @returns how many bits were hidden; -1 when the marks of ambiguous values do not fit: the block is then spoilt
 */
export function expandClass(
  block: Block,
  [classX, classY]: readonly [number, number],
  { threshold, activityMax, predictor }: Expansion,
  maximum: number,
  stream: Uint8Array,
  at: number,
  end: number,
  { places, bits }: ExpansionSpace,
): number {
  const { samples, isCarrier, stride, width, height } = block;
  const surface = predictor === "surface";
  const lowZone = 3 * threshold;
  const highZone = maximum - 3 * threshold;
  const highest = maximum - threshold;
  const sumMax = 4 * maximum;
  let hosts = 0;
  let marks = 0;
  // Whether a sample takes part, and what its error is, cannot be foreseen: what is decided in numbers costs no mispredicted branch.
  for (let y = classY; y < height; y += 2) {
    const row = (y + 1) * stride + 1;
    for (let i = row + classX; i < row + width; i += 2) {
      if (isCarrier[i] !== 0) continue;
      const left = samples[i - 1]!;
      const right = samples[i + 1]!;
      const above = samples[i - stride]!;
      const below = samples[i + stride]!;
      const nearest = left + right + above + below;
      const sum = surface ? surfaceSum(samples, i, stride, nearest, sumMax) : nearest;
      const takesPart = ~((activityMax - activity(left, right, above, below)) >> 31);
      const value = samples[i]!;
      const floor = sum >> 2;
      // R6: the zone says which way errors go; -1 at the lower end of the range, 1 at the upper.
      const zone = floor < lowZone ? -1 : floor > highZone ? 1 : 0;
      const way = zone > 0 ? -1 : 1;
      const error = zone > 0 ? ((sum + 3) >> 2) - value : value - floor - 1 - zone;
      const least = zone === 0 ? -threshold : 0;
      // R7: e becomes 2e + bit, larger errors are moved away by T; `hides` is 1 or 0.
      const change = clamped(error, least, threshold) & takesPart;
      const hides = (((error - least) | (threshold - 1 - error)) >>> 31) ^ 1;
      const moved = value + way * change;
      samples[i] = moved;
      places[hosts] = zone > 0 ? ~i : i;
      hosts += hides & takesPart;
      if (moved > highest || moved < threshold) {
        if (hides === 1 || change === 0) continue;
        const isOutside = way * change > 0 ? value > highest : value < threshold;
        if (isOutside) samples[i] = value;
        bits[marks++] = isOutside ? 1 : 0;
      }
    }
  }
  // R8
  if (marks > hosts) return -1;
  addBits(samples, places, 0, bits, 0, marks);
  const ready = Math.max(marks, Math.min(hosts, marks + end - at));
  addBits(samples, places, marks, stream, at, ready - marks);
  return hosts - marks;
}

/** Adds `count` bits to (or, where the place is complemented, subtracts them from) the samples at places `first` on. */
function addBits(
  samples: Int32Array,
  places: Int32Array,
  first: number,
  bits: Uint8Array,
  at: number,
  count: number,
): void {
  for (let k = 0; k < count; k++) {
    const place = places[first + k]!;
    const sign = place >> 31;
    samples[place ^ sign]! += (bits[at + k]! ^ sign) - sign;
  }
}

/** R6. Four times what the surface predicts from the sum of the four nearest and the diagonal ones: 0 to `sumMax`. */
export function surfaceSum(
  samples: Int32Array,
  i: number,
  stride: number,
  nearest: number,
  sumMax: number,
): number {
  const upper = samples[i - stride - 1]! + samples[i - stride + 1]!;
  const lower = samples[i + stride - 1]! + samples[i + stride + 1]!;
  return clamped(2 * nearest - upper - lower, 0, sumMax);
}

/** R6. The difference of the largest and the smallest of the four nearest. */
export function activity(left: number, right: number, above: number, below: number): number {
  const across = right - left;
  const down = below - above;
  const acrossRise = across & ~(across >> 31);
  const downRise = down & ~(down >> 31);
  const mostStep = above + downRise - left - acrossRise;
  const leastStep = above + down - downRise - left - across + acrossRise;
  // Largest less smallest of the pair left and right, and how far the other pair reaches beyond.
  return 2 * acrossRise - across + (mostStep & ~(mostStep >> 31)) - (leastStep & (leastStep >> 31));
}

/** Integers of less than 31 bits, without a branch. */
function clamped(value: number, least: number, most: number): number {
  const over = value - most;
  const lowered = most + (over & (over >> 31));
  const above = lowered - least;
  return least + (above & ~(above >> 31));
}

/**
 * Takes the bits out of one class and restores it. The border must be mirrored. Samples from 0 to `maximum` stay so, whatever they are.
 * @returns how many bits were hidden: in `space.bits`, from `space.marks` on; -1 when this class cannot have been made by `expandClass`: the block is then spoilt
 */
export function restoreClass(
  block: Block,
  [classX, classY]: readonly [number, number],
  { threshold, activityMax, predictor }: Expansion,
  maximum: number,
  space: ExpansionSpace,
): number {
  const { samples, isCarrier, stride, width, height } = block;
  const { places, bits } = space;
  const surface = predictor === "surface";
  const lowZone = 3 * threshold;
  const highZone = maximum - 3 * threshold;
  const highest = maximum - threshold;
  const sumMax = 4 * maximum;
  let hosts = 0;
  let marks = 0;
  for (let y = classY; y < height; y += 2) {
    const row = (y + 1) * stride + 1;
    for (let i = row + classX; i < row + width; i += 2) {
      if (isCarrier[i] !== 0) continue;
      const left = samples[i - 1]!;
      const right = samples[i + 1]!;
      const above = samples[i - stride]!;
      const below = samples[i + stride]!;
      const nearest = left + right + above + below;
      const sum = surface ? surfaceSum(samples, i, stride, nearest, sumMax) : nearest;
      const takesPart = ~((activityMax - activity(left, right, above, below)) >> 31);
      const value = samples[i]!;
      const floor = sum >> 2;
      const zone = floor < lowZone ? -1 : floor > highZone ? 1 : 0;
      const way = zone > 0 ? -1 : 1;
      const error = zone > 0 ? ((sum + 3) >> 2) - value : value - floor - 1 - zone;
      const least = zone === 0 ? -threshold : 0;
      // 2e + bit less e + bit is e; larger errors come back by T.
      const change = clamped((error + 1) >> 1, least, threshold) & takesPart;
      const hides = (((error - 2 * least) | (2 * threshold - 1 - error)) >>> 31) ^ 1;
      samples[i] = value - way * change;
      bits[hosts] = error & 1;
      hosts += hides & takesPart;
      if (value > highest || value < threshold) {
        if (hides === 1 || change === 0) continue;
        const up = way * change > 0;
        if (up ? value <= highest : value >= threshold) continue;
        samples[i] = value;
        places[marks++] = up ? ~i : i;
      }
    }
  }
  if (marks > hosts) return -1;
  for (let k = 0; k < marks; k++) {
    if (bits[k] === 1) continue;
    const place = places[k]!;
    if (place < 0) samples[~place]! -= threshold;
    else samples[place]! += threshold;
  }
  space.marks = marks;
  return hosts - marks;
}
