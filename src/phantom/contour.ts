/** Outlines of organs: closed splines in millimetres, given at a few levels and interpolated between them. */
import type { SeededRandom, Texture } from "./random.ts";

export type Point = readonly [x: number, y: number];

/** x grows to the patient's left, y to the back, z to the feet; millimetres from the middle of the image. */
export interface Level {
  readonly z: number;
  readonly points: readonly Point[];
}

/** Ascending in z, the same number of points at each level. */
export type Contour = readonly Level[];

/** x0, y0, x1, y1, ... of a closed polygon. */
export type Polygon = Float64Array;

const samplesPerSpan = 8;

/** Completes an outline that is given for x >= 0, from front to back. */
export function symmetric(half: readonly Point[]): readonly Point[] {
  const back = half
    .filter(([x]) => x > 0)
    .map(([x, y]): Point => [-x, y])
    .reverse();
  return [...half, ...back];
}

/** The same outline on the patient's right. */
export function mirrored(contour: Contour): Contour {
  return contour.map(({ z, points }) => ({ z, points: points.map(([x, y]): Point => [-x, y]) }));
}

/** Nobody is symmetric: moves every control point by up to `amount` millimetres, alike at all levels. */
export function jittered(contour: Contour, random: SeededRandom, amount: number): Contour {
  const shifts = (contour[0]?.points ?? []).map(
    (): Point => [random.between(-amount, amount), random.between(-amount, amount)],
  );
  return contour.map(({ z, points }) => ({
    z,
    points: points.map(([x, y], i): Point => [x + (shifts[i]?.[0] ?? 0), y + (shifts[i]?.[1] ?? 0)]),
  }));
}

function controlPointsAt(contour: Contour, z: number): readonly Point[] {
  const above = contour.findLast((level) => level.z <= z) ?? contour[0]!;
  const below = contour.find((level) => level.z > z) ?? above;
  if (above === below || below.z <= above.z) return above.points;
  const t = Math.min(1, Math.max(0, (z - above.z) / (below.z - above.z)));
  const s = t * t * (3 - 2 * t);
  return above.points.map(([x, y], i): Point => {
    const [bx, by] = below.points[i]!;
    return [x + (bx - x) * s, y + (by - y) * s];
  });
}

/** Moves an outline by a smooth field, so that no border is as regular as its spline; neighbours move together. */
export function rippled(polygon: Polygon, field: Texture, z: number): Polygon {
  const out = new Float64Array(polygon.length);
  for (let i = 0; i < polygon.length; i += 2) {
    const [x, y] = [polygon[i]!, polygon[i + 1]!];
    const wide = (offset: number): number => field.at(x * 0.045 + offset, y * 0.045 + offset, z * 0.025);
    const narrow = (offset: number): number => field.at(x * 0.14 + offset, y * 0.14 + offset, z * 0.07);
    out[i] = x + 2.4 * wide(3.3) + 0.8 * narrow(11.7);
    out[i + 1] = y + 2.4 * wide(17.1) + 0.8 * narrow(25.9);
  }
  return out;
}

/** Closed Catmull-Rom spline through the outline's points at height z. */
export function polygonAt(contour: Contour, z: number): Polygon {
  const points = controlPointsAt(contour, z);
  const n = points.length;
  const out = new Float64Array(n * samplesPerSpan * 2);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const [p, q, r, s] = [points[(i + n - 1) % n]!, points[i]!, points[(i + 1) % n]!, points[(i + 2) % n]!];
    for (let k = 0; k < samplesPerSpan; k++) {
      const t = k / samplesPerSpan;
      for (const axis of [0, 1] as const) {
        const c1 = (r[axis] - p[axis]) / 2;
        const c2 = p[axis] - 2.5 * q[axis] + 2 * r[axis] - s[axis] / 2;
        const c3 = (s[axis] - p[axis]) / 2 + 1.5 * (q[axis] - r[axis]);
        out[at++] = q[axis] + t * (c1 + t * (c2 + t * c3));
      }
    }
  }
  return out;
}

function signedArea(polygon: Polygon): number {
  let twice = 0;
  const n = polygon.length;
  for (let i = 0; i < n; i += 2) {
    const j = (i + 2) % n;
    twice += polygon[i]! * polygon[j + 1]! - polygon[j]! * polygon[i + 1]!;
  }
  return twice / 2;
}

/** Moves the outline inwards by `distance` millimetres (outwards when negative), vertex by vertex: for gentle curves. */
export function inset(polygon: Polygon, distance: number): Polygon {
  const n = polygon.length;
  const side = signedArea(polygon) > 0 ? distance : -distance;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i += 2) {
    const before = (i + n - 2) % n;
    const after = (i + 2) % n;
    const dx = polygon[after]! - polygon[before]!;
    const dy = polygon[after + 1]! - polygon[before + 1]!;
    const length = Math.sqrt(dx * dx + dy * dy) || 1;
    out[i] = polygon[i]! - (dy / length) * side;
    out[i + 1] = polygon[i + 1]! + (dx / length) * side;
  }
  return out;
}

export function contains(polygon: Polygon, x: number, y: number): boolean {
  let inside = false;
  const n = polygon.length;
  for (let i = 0, j = n - 2; i < n; j = i, i += 2) {
    const yi = polygon[i + 1]!;
    const yj = polygon[j + 1]!;
    if (yi > y !== yj > y && x < ((polygon[j]! - polygon[i]!) * (y - yi)) / (yj - yi) + polygon[i]!)
      inside = !inside;
  }
  return inside;
}

const polarSteps = 2048;

/** Distance of the outline from the origin by direction; the outline must be star-shaped around (0, 0). */
export class PolarRadius {
  readonly #radius: Float64Array = new Float64Array(polarSteps + 1);

  constructor(polygon: Polygon) {
    const n = polygon.length;
    for (let k = 0; k <= polarSteps; k++) {
      const angle = (k / polarSteps) * 2 * Math.PI - Math.PI;
      const dx = Math.cos(angle);
      const dy = Math.sin(angle);
      let best = 0;
      for (let i = 0, j = n - 2; i < n; j = i, i += 2) {
        const side0 = polygon[j]! * dy - polygon[j + 1]! * dx;
        const side1 = polygon[i]! * dy - polygon[i + 1]! * dx;
        if (side0 > 0 === side1 > 0) continue;
        const t = side0 / (side0 - side1);
        const x = polygon[j]! + t * (polygon[i]! - polygon[j]!);
        const y = polygon[j + 1]! + t * (polygon[i + 1]! - polygon[j + 1]!);
        best = Math.max(best, x * dx + y * dy);
      }
      this.#radius[k] = best;
    }
  }

  /** `angle` as from Math.atan2. */
  at(angle: number): number {
    const k = ((angle + Math.PI) / (2 * Math.PI)) * polarSteps;
    return this.#radius[Math.min(polarSteps, Math.max(0, Math.round(k)))]!;
  }
}
