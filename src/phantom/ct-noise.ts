/** Noise as a CT's filtered back projection leaves it: Gaussian, correlated over about two pixels, stronger deep in the body. */
import { imageSize } from "./canvas.ts";
import type { SeededRandom } from "./random.ts";

/** Standard deviation in soft tissue, Hounsfield units. */
const softTissueSigma = 12;
const airSigma = 7;
/** Smoothing taps of the reconstruction kernel, one axis; symmetric. */
const taps = [0.38, 0.26, 0.05] as const;
/** Taps of the low frequencies that the ramp filter takes out again. */
const broadReach = 6;
const rampShare = 0.85;

/** Sum of four uniform bytes, centred: close enough to Gaussian, and fast. Standard deviation 147.8. */
function whiteNoise(random: SeededRandom, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) {
    const word = random.word();
    out[i] = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24) - 510;
  }
}

function smooth(from: Float32Array, to: Float32Array, step: number): void {
  const [t0, t1, t2] = taps;
  const end = from.length - 2 * step;
  to.set(from);
  for (let i = 2 * step; i < end; i++) {
    to[i] =
      t0 * from[i]! +
      t1 * (from[i - step]! + from[i + step]!) +
      t2 * (from[i - 2 * step]! + from[i + 2 * step]!);
  }
}

/** Running mean over 2 x broadReach + 1 samples. */
function broaden(from: Float32Array, to: Float32Array, step: number): void {
  const n = imageSize;
  const stride = step === 1 ? n : 1;
  for (let line = 0; line < n; line++) {
    const base = line * stride;
    let sum = 0;
    for (let k = -broadReach; k < n + broadReach; k++) {
      if (k + broadReach < n) sum += from[base + (k + broadReach) * step] ?? 0;
      if (k - broadReach - 1 >= 0) sum -= from[base + (k - broadReach - 1) * step]!;
      if (k >= 0 && k < n) to[base + k * step] = sum / (2 * broadReach + 1);
    }
  }
}

function normalise(noise: Float32Array): void {
  let square = 0;
  for (let i = 0; i < noise.length; i++) square += noise[i]! * noise[i]!;
  const scale = 1 / Math.sqrt(square / noise.length);
  for (let i = 0; i < noise.length; i++) noise[i]! *= scale;
}

/** Adds noise to a noise-free slice in place. */
export function addCtNoise(hu: Float32Array, random: SeededRandom): void {
  const a = new Float32Array(hu.length);
  const b = new Float32Array(hu.length);
  whiteNoise(random, a);
  smooth(a, b, 1);
  smooth(b, a, imageSize);
  const broad = new Float32Array(hu.length);
  broaden(a, b, 1);
  broaden(b, broad, imageSize);
  for (let i = 0; i < a.length; i++) a[i]! -= rampShare * broad[i]!;
  normalise(a);
  const centre = imageSize / 2;
  for (let i = 0; i < hu.length; i++) {
    const dx = ((i & (imageSize - 1)) - centre) / centre;
    const dy = (i / imageSize - centre) / centre;
    // More X-rays are lost on the way through the middle.
    const depth = Math.max(0, 1 - (dx * dx) / 0.85 - (dy * dy) / 0.42);
    hu[i]! += a[i]! * (airSigma + (softTissueSigma - airSigma) * Math.min(1, depth * 1.6 + 0.1));
  }
}
