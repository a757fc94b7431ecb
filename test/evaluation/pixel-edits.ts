/** Scenarios 1 to 14, 16 and 17: what is done to decoded samples. Each edit is deterministic for its seed. */
import type { SeededRandom } from "./seeded-random.ts";

/** Unsigned samples of one frame, one per pixel. */
export interface Plane {
  readonly rows: number;
  readonly columns: number;
  /** Stored bits: no sample of an ordinary edit is above 2^bits - 1. */
  readonly bits: number;
  readonly samples: Float64Array;
}

/** Changes the plane in place. */
export type PixelEdit = (plane: Plane, random: SeededRandom) => void;

interface Region {
  readonly row: number;
  readonly column: number;
  readonly radius: number;
}

const at = ({ columns }: Plane, row: number, column: number): number => row * columns + column;

function clampAll(plane: Plane): void {
  const top = 2 ** plane.bits - 1;
  for (let i = 0; i < plane.samples.length; i++) {
    plane.samples[i] = Math.min(top, Math.max(0, Math.round(plane.samples[i]!)));
  }
}

/** The brightest of some places well inside: where there is something to see. */
function somewhere(plane: Plane, random: SeededRandom): Region {
  const { rows, columns } = plane;
  const radius = Math.max(3, Math.floor(Math.min(rows, columns) / 24));
  const inside = (size: number): number => 2 * radius + random.below(Math.max(1, size - 4 * radius));
  const places = Array.from({ length: 32 }, () => ({ row: inside(rows), column: inside(columns), radius }));
  const brightness = ({ row, column }: Region): number => plane.samples[at(plane, row, column)]!;
  return places.reduce((best, place) => (brightness(place) > brightness(best) ? place : best));
}

function eachPixel(
  plane: Plane,
  { row, column, radius }: Region,
  edit: (i: number, distance: number) => void,
): void {
  for (let r = Math.max(0, row - radius); r <= Math.min(plane.rows - 1, row + radius); r++) {
    for (let c = Math.max(0, column - radius); c <= Math.min(plane.columns - 1, column + radius); c++) {
      const distance = Math.hypot(r - row, c - column) / radius;
      if (distance <= 1) edit(at(plane, r, c), distance);
    }
  }
}

/** A lesion is a few per cent of the range brighter. */
const lesionOf = (plane: Plane): number => Math.max(4, 2 ** plane.bits * 0.05);

/** Separable Gaussian over the whole plane. */
function blurred({ rows, columns, samples }: Plane, sigma: number): Float64Array {
  const reach = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, k) =>
    Math.exp(-((k - reach) ** 2) / (2 * sigma ** 2)),
  );
  const total = kernel.reduce((a, b) => a + b, 0);
  const pass = (from: Float64Array, step: (r: number, c: number, k: number) => number): Float64Array => {
    const out = new Float64Array(from.length);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++) sum += kernel[k + reach]! * from[step(r, c, k)]!;
        out[r * columns + c] = sum / total;
      }
    return out;
  };
  const clamp = (n: number, size: number): number => Math.min(size - 1, Math.max(0, n));
  const across = pass(samples, (r, c, k) => r * columns + clamp(c + k, columns));
  return pass(across, (r, c, k) => clamp(r + k, rows) * columns + c);
}

function oneBit(plane: Plane, random: SeededRandom, bit: number): void {
  const i = random.below(plane.samples.length);
  plane.samples[i] = plane.samples[i]! ^ (1 << bit);
}

function lesion(plane: Plane, random: SeededRandom, texture: (i: number) => number, sigma: number): void {
  const region = somewhere(plane, random);
  const mask: Plane = { ...plane, samples: new Float64Array(plane.samples.length) };
  eachPixel(plane, region, (i, distance) => {
    mask.samples[i] = lesionOf(plane) * (sigma > 0 ? 1 : 1 - distance ** 2);
  });
  const added = sigma > 0 ? blurred(mask, sigma) : mask.samples;
  for (let i = 0; i < added.length; i++) {
    if (added[i]! > 0.5) plane.samples[i]! += added[i]! + texture(i);
  }
  clampAll(plane);
}

/** The region gets what `source` says, mixed towards its edge. */
function replaced(plane: Plane, region: Region, source: (i: number) => number): void {
  const before = plane.samples.slice();
  eachPixel(plane, region, (i, distance) => {
    const weight = Math.min(1, 2 * (1 - distance));
    plane.samples[i] = weight * source(i) + (1 - weight) * before[i]!;
  });
  clampAll(plane);
}

function medianAround(plane: Plane, { row, column, radius }: Region): number {
  const ring: number[] = [];
  for (let angle = 0; angle < 64; angle++) {
    const r = Math.round(row + 1.4 * radius * Math.sin((angle * Math.PI) / 32));
    const c = Math.round(column + 1.4 * radius * Math.cos((angle * Math.PI) / 32));
    ring.push(plane.samples[at(plane, r, c)] ?? 0);
  }
  return ring.sort((a, b) => a - b)[32]!;
}

function mapped(plane: Plane, map: (value: number, i: number) => number): void {
  for (let i = 0; i < plane.samples.length; i++) plane.samples[i] = map(plane.samples[i]!, i);
  clampAll(plane);
}

/** The orthonormal DCT of 8 x 8 blocks, quantised as a JPEG at quality 90 does with its mean step, and back. */
function throughJpeg(plane: Plane): void {
  const step = 2 ** (plane.bits - 8) * 6;
  const basis = Array.from({ length: 8 }, (_, u) =>
    Array.from(
      { length: 8 },
      (_, x) => (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16),
    ),
  );
  const turn = (block: number[][], forward: boolean): number[][] => {
    const rowsDone = block.map((line) =>
      line.map((_, u) => line.reduce((sum, v, x) => sum + v * (forward ? basis[u]![x]! : basis[x]![u]!), 0)),
    );
    return rowsDone.map((line, u) =>
      line.map((_, c) =>
        rowsDone.reduce((sum, v, x) => sum + v[c]! * (forward ? basis[u]![x]! : basis[x]![u]!), 0),
      ),
    );
  };
  for (let r = 0; r + 8 <= plane.rows; r += 8) {
    for (let c = 0; c + 8 <= plane.columns; c += 8) {
      const block = Array.from({ length: 8 }, (_, y) =>
        Array.from({ length: 8 }, (_, x) => plane.samples[at(plane, r + y, c + x)]!),
      );
      const back = turn(
        turn(block, true).map((line) => line.map((v) => Math.round(v / step) * step)),
        false,
      );
      back.forEach((line, y) => {
        line.forEach((v, x) => {
          plane.samples[at(plane, r + y, c + x)] = v;
        });
      });
    }
  }
  clampAll(plane);
}

/** By scenario number. */
export const pixelEdits: ReadonlyMap<number, PixelEdit> = new Map<number, PixelEdit>([
  [1, (plane, random) => oneBit(plane, random, 0)],
  [2, (plane, random) => oneBit(plane, random, plane.bits)],
  [3, (plane, random) => lesion(plane, random, () => 0, 0)],
  [4, (plane, random) => lesion(plane, random, () => 0, 1.2)],
  [
    5,
    (plane, random) => {
      const noise: Plane = { ...plane, samples: plane.samples.map(() => random.normal() * lesionOf(plane)) };
      const [fine, coarse] = [blurred(noise, 0.8), blurred(noise, 2)];
      lesion(plane, random, (i) => fine[i]! - coarse[i]!, 1.2);
    },
  ],
  [
    6,
    (plane, random) => {
      const region = somewhere(plane, random);
      const value = medianAround(plane, region);
      replaced(plane, region, () => value);
    },
  ],
  [
    7,
    (plane, random) => {
      const region = somewhere(plane, random);
      const shift = 2 * region.radius + 1;
      const before = plane.samples.slice();
      replaced(plane, region, (i) => (before[i + shift] ?? before[i - shift]!) + random.normal() * 2);
    },
  ],
  [
    8,
    (plane, random) => {
      const before = plane.samples.slice();
      const shift = Math.floor(plane.rows / 3) * plane.columns;
      const region = somewhere(plane, random);
      replaced(plane, region, (i) => before[(i + shift) % before.length]!);
    },
  ],
  [
    9,
    (plane, random) => {
      const before = plane.samples.slice();
      const mirrored = (i: number): number =>
        i - (i % plane.columns) + plane.columns - 1 - (i % plane.columns);
      const region = somewhere(plane, random);
      replaced(plane, region, (i) => before[mirrored(i)]!);
    },
  ],
  [
    10,
    (plane) => {
      const top = 2 ** plane.bits - 1;
      mapped(plane, (v) => top * (v / top) ** 0.9);
    },
  ],
  [
    11,
    (plane) => {
      plane.samples.set(blurred(plane, 0.7));
      clampAll(plane);
    },
  ],
  [
    12,
    (plane) => {
      const before = plane.samples.slice();
      const [sin, cos] = [Math.sin(Math.PI / 90), Math.cos(Math.PI / 90)];
      const [y, x] = [plane.rows / 2, plane.columns / 2];
      mapped(plane, (_, i) => {
        const [r, c] = [Math.floor(i / plane.columns) - y, (i % plane.columns) - x];
        const [from, to] = [Math.round(y + cos * r - sin * c), Math.round(x + sin * r + cos * c)];
        const inside = from >= 0 && from < plane.rows && to >= 0 && to < plane.columns;
        return inside ? before[at(plane, from, to)]! : 0;
      });
    },
  ],
  [13, throughJpeg],
  [
    14,
    (plane) => {
      const [low, high] = [
        plane.samples.reduce((a, b) => Math.min(a, b)),
        plane.samples.reduce((a, b) => Math.max(a, b)),
      ];
      const width = Math.max(1, (high - low) * 0.4);
      const centre = low + (high - low) * 0.4;
      mapped(plane, (v) => Math.min(255, Math.max(0, Math.round(((v - centre) / width + 0.5) * 255))));
    },
  ],
  [
    16,
    (plane, random) => {
      const [p, q] = [8 + random.below(8), 8 + random.below(8)];
      const top = 2 ** plane.bits;
      mapped(
        plane,
        (_, i) =>
          top * (0.5 + 0.3 * Math.sin(Math.floor(i / plane.columns) / p) * Math.cos((i % plane.columns) / q)),
      );
    },
  ],
  [
    17,
    (plane) => {
      const before = plane.samples.slice();
      mapped(plane, (_, i) => before[i - (i % plane.columns) + plane.columns - 1 - (i % plane.columns)]!);
    },
  ],
]);
