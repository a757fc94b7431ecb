/**
 * Binary arithmetic coding with adaptive contexts (Witten, Neal, Cleary 1987), in 16-bit registers. A coded bit says whether a prediction was right.
 * Integers only: encoder and decoder agree bit for bit on every machine (spec/invisible-watermark.md, R3).
 */

/** Six classes of activity times eight of how far the prediction is from undecided. */
const contextCount = 48;
const distancesPerActivity = 8;

/** Probabilities are in 1/4096. */
const probabilityBits = 12;
const adaptationShift = 4;
const probabilityMax = 4070;
const probabilityMin = 26;
/** How sure a prediction is at first, by activity: the flatter, the surer. */
const initialByActivity: readonly number[] = [3900, 2900, 2450, 2150, 2150, 2150];

const registerMax = 0xffff;
const quarter = 0x4000;
const half = 0x8000;
const threeQuarters = 0xc000;
const registerBits = 16;

const initialProbabilities: Uint16Array = Uint16Array.from(
  { length: contextCount },
  (_, context) => initialByActivity[Math.floor(context / distancesPerActivity)]!,
);

/**
 * @param bits `count` of 0 or 1
 * @param contexts of each bit, below `contextCount`
 * @param out receives one byte (0 or 1) for each coded bit, from `at` on; has room for `count` more
 * @returns number of coded bits; undefined when they are not fewer than `count`
 */
export function encodeBits(
  bits: Uint8Array,
  contexts: Uint8Array,
  count: number,
  out: Uint8Array,
  at: number,
): number | undefined {
  const probabilities = initialProbabilities.slice();
  const end = at + count;
  let to = at;
  let low = 0;
  let high = registerMax;
  let pending = 0;
  for (let k = 0; k < count; k++) {
    const context = contexts[k]!;
    const probability = probabilities[context]!;
    const middle = low + (((high - low) * probability) >>> probabilityBits);
    if (bits[k] === 1) {
      high = middle;
      probabilities[context] = probability + ((probabilityMax - probability) >> adaptationShift);
    } else {
      low = middle + 1;
      probabilities[context] = probability - ((probability - probabilityMin) >> adaptationShift);
    }
    for (;;) {
      if (high < half || low >= half) {
        const bit = low >= half ? 1 : 0;
        if (to + pending + 1 >= end) return undefined;
        out[to++] = bit;
        for (; pending > 0; pending--) out[to++] = 1 - bit;
        if (bit === 1) {
          low -= half;
          high -= half;
        }
      } else if (low >= quarter && high < threeQuarters) {
        pending++;
        low -= quarter;
        high -= quarter;
      } else {
        break;
      }
      low <<= 1;
      high = (high << 1) | 1;
    }
  }
  // One more bit, and its opposites, say which quarter the last interval holds; the decoder reads 0 after the end.
  const last = low < quarter ? 0 : 1;
  pending++;
  if (to + pending + 1 >= end) return undefined;
  out[to++] = last;
  for (; pending > 0; pending--) out[to++] = 1 - last;
  return to - at;
}

/**
 * The inverse. Never fails: other bits give other bits.
 * @param coded one byte (0 or 1) each, from `from` to `to` - 1; after them 0 is read
 * @param bits receives `count` bits
 */
export function decodeBits(
  coded: Uint8Array,
  from: number,
  to: number,
  contexts: Uint8Array,
  count: number,
  bits: Uint8Array,
): void {
  const probabilities = initialProbabilities.slice();
  let at = from;
  let low = 0;
  let high = registerMax;
  let value = 0;
  for (let k = 0; k < registerBits; k++, at++) value = (value << 1) | (at < to ? coded[at]! : 0);
  for (let k = 0; k < count; k++) {
    const context = contexts[k]!;
    const probability = probabilities[context]!;
    const middle = low + (((high - low) * probability) >>> probabilityBits);
    if (value <= middle) {
      bits[k] = 1;
      high = middle;
      probabilities[context] = probability + ((probabilityMax - probability) >> adaptationShift);
    } else {
      bits[k] = 0;
      low = middle + 1;
      probabilities[context] = probability - ((probability - probabilityMin) >> adaptationShift);
    }
    for (;;) {
      if (low >= half) {
        low -= half;
        high -= half;
        value -= half;
      } else if (low >= quarter && high < threeQuarters) {
        low -= quarter;
        high -= quarter;
        value -= quarter;
      } else if (high >= half) {
        break;
      }
      low <<= 1;
      high = (high << 1) | 1;
      value = (value << 1) | (at < to ? coded[at]! : 0);
      at++;
    }
  }
}
