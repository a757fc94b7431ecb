/** Seeded randomness: the same seed gives the same phantom, byte for byte. Nothing here is fit for keys. */

export interface SeededRandom {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform 32 bits, unsigned. */
  word(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
}

/** Mixes any text into 32 bits (FNV-1a with a final avalanche): independent streams from one seed by naming them. */
function hashText(text: string, basis: number): number {
  let h = basis >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A small fast counter generator (sfc32), one stream for each `name`. */
export function seededRandom(name: string): SeededRandom {
  let a = hashText(name, 0x811c9dc5) | 0;
  let b = hashText(name, 0x9e3779b9) | 0;
  let c = hashText(name, 0x243f6a88) | 0;
  let counter = 1;
  const word = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) word();
  const next = (): number => word() / 0x1_0000_0000;
  return { next, word, between: (low, high) => low + (high - low) * next() };
}

/** A UUID-derived UID (PS3.5 annex B.2) that depends on nothing but its name. */
export function seededUid(name: string): string {
  const random = seededRandom(name);
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(random.word());
  // RFC 9562 5.8: version 8 (custom), variant 10.
  value = (value & ~(0xfn << 76n)) | (8n << 76n);
  value = (value & ~(3n << 62n)) | (2n << 62n);
  return `2.25.${value}`;
}

const latticeSide = 32;

/** Smooth periodic noise in three dimensions, about -1..1; for texture that continues from slice to slice. */
export class Texture {
  readonly #lattice: Float32Array;

  constructor(random: SeededRandom) {
    this.#lattice = Float32Array.from({ length: latticeSide ** 3 }, () => random.between(-1, 1));
  }

  /** Trilinear; one lattice cell is one unit. */
  at(x: number, y: number, z: number): number {
    const xf = Math.floor(x);
    const yf = Math.floor(y);
    const zf = Math.floor(z);
    const x0 = xf & 31;
    const x1 = (xf + 1) & 31;
    const y0 = (yf & 31) << 5;
    const y1 = ((yf + 1) & 31) << 5;
    const z0 = (zf & 31) << 10;
    const z1 = ((zf + 1) & 31) << 10;
    const u = x - xf;
    const v = y - yf;
    const w = z - zf;
    const l = this.#lattice;
    const a = l[z0 | y0 | x0]! * (1 - u) + l[z0 | y0 | x1]! * u;
    const b = l[z0 | y1 | x0]! * (1 - u) + l[z0 | y1 | x1]! * u;
    const c = l[z1 | y0 | x0]! * (1 - u) + l[z1 | y0 | x1]! * u;
    const d = l[z1 | y1 | x0]! * (1 - u) + l[z1 | y1 | x1]! * u;
    return (a * (1 - v) + b * v) * (1 - w) + (c * (1 - v) + d * v) * w;
  }
}
