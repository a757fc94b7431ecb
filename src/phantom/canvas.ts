/** One axial slice in Hounsfield units, painted back to front with soft edges. Geometry in millimetres. */
import type { Polygon } from "./contour.ts";

export const imageSize = 512;
/** 360 mm field of view. */
export const pixelSpacingMm = 0.703125;
const halfFieldMm = (imageSize * pixelSpacingMm) / 2;

/** Hounsfield units at a place of the slice. */
export type Shade = number | ((x: number, y: number) => number);

export function columnOf(x: number): number {
  return (x + halfFieldMm) / pixelSpacingMm - 0.5;
}

/** Millimetres of a pixel's centre, for columns and rows alike. */
export function millimetresOf(pixel: number): number {
  return (pixel + 0.5) * pixelSpacingMm - halfFieldMm;
}

/** A tube or ball end to end: a line with a radius at each end, in three dimensions. */
export interface Capsule {
  readonly x0: number;
  readonly y0: number;
  readonly z0: number;
  readonly r0: number;
  readonly x1: number;
  readonly y1: number;
  readonly z1: number;
  readonly r1: number;
}

/** An ellipsoid turned by `angle` within the slice plane. */
export interface Ellipsoid {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** Semi-axes; `a` points along `angle`, `c` along z. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** Radians from the patient's left towards the back. */
  readonly angle: number;
}

/** Half the width over which an edge fades; about the scanner's in-plane and slice blur. */
const edgeMm = 0.6;
const subScanlines = 4;

function clampPixel(value: number): number {
  return Math.min(imageSize - 1, Math.max(0, value));
}

export class Canvas {
  readonly hu: Float32Array = new Float32Array(imageSize * imageSize);
  readonly z: number;
  readonly #coverage = new Float32Array(imageSize + 1);

  constructor(z: number, background: number) {
    this.z = z;
    this.hu.fill(background);
  }

  /** Fills a polygon with anti-aliased edges. */
  fill(polygon: Polygon, shade: Shade): void {
    let top = imageSize;
    let bottom = -1;
    for (let i = 1; i < polygon.length; i += 2) {
      const row = columnOf(polygon[i]!);
      top = Math.min(top, row);
      bottom = Math.max(bottom, row);
    }
    const firstRow = Math.max(0, Math.floor(top - 1));
    const lastRow = Math.min(imageSize - 1, Math.ceil(bottom + 1));
    for (let row = firstRow; row <= lastRow; row++) {
      this.#coverage.fill(0);
      let [from, to] = [imageSize, -1];
      for (let sub = 0; sub < subScanlines; sub++) {
        const y = millimetresOf(row + (sub + 0.5) / subScanlines - 0.5);
        const crossings = crossingsAt(polygon, y);
        for (let k = 0; k + 1 < crossings.length; k += 2) {
          const a = clampPixel(columnOf(crossings[k]!) + 0.5);
          const b = clampPixel(columnOf(crossings[k + 1]!) + 0.5);
          this.#addSpan(a, b);
          from = Math.min(from, Math.floor(a));
          to = Math.max(to, Math.floor(b));
        }
      }
      this.#blendRow(row, from, to, shade);
    }
  }

  #addSpan(a: number, b: number): void {
    const first = Math.floor(a);
    const last = Math.floor(b);
    const share = 1 / subScanlines;
    if (first === last) {
      this.#coverage[first]! += (b - a) * share;
      return;
    }
    this.#coverage[first]! += (first + 1 - a) * share;
    for (let i = first + 1; i < last; i++) this.#coverage[i]! += share;
    this.#coverage[last]! += (b - last) * share;
  }

  #blendRow(row: number, from: number, to: number, shade: Shade): void {
    const y = millimetresOf(row);
    for (let column = from; column <= to; column++) {
      const cover = this.#coverage[column]!;
      if (cover <= 0) continue;
      const value = typeof shade === "number" ? shade : shade(millimetresOf(column), y);
      const at = row * imageSize + column;
      this.hu[at] = this.hu[at]! + (value - this.hu[at]!) * Math.min(1, cover);
    }
  }

  /** Calls `visit` with index and position of each pixel in a box given in millimetres. */
  each(
    x0: number,
    y0: number,
    x1: number,
    y1: number,
    visit: (index: number, x: number, y: number) => void,
  ): void {
    const left = Math.max(0, Math.floor(columnOf(x0)));
    const right = Math.min(imageSize - 1, Math.ceil(columnOf(x1)));
    const bottom = Math.min(imageSize - 1, Math.ceil(columnOf(y1)));
    for (let row = Math.max(0, Math.floor(columnOf(y0))); row <= bottom; row++) {
      const y = millimetresOf(row);
      for (let column = left; column <= right; column++)
        visit(row * imageSize + column, millimetresOf(column), y);
    }
  }

  blend(index: number, value: number, cover: number): void {
    const under = this.hu[index]!;
    this.hu[index] = under + (value - under) * (cover < 1 ? cover : 1);
  }

  /** Paints the part of a tube that this slice cuts. `edge` widens the fade for soft borders. */
  capsule(tube: Capsule, shade: number, edge: number = edgeMm): void {
    const reach = Math.max(tube.r0, tube.r1) + edge;
    if (Math.min(tube.z0, tube.z1) - reach > this.z || Math.max(tube.z0, tube.z1) + reach < this.z) return;
    const ax = tube.x1 - tube.x0;
    const ay = tube.y1 - tube.y0;
    const az = tube.z1 - tube.z0;
    const inverse = 1 / (ax * ax + ay * ay + az * az || 1);
    const pz = this.z - tube.z0;
    // Thin tubes never fill a pixel or the slice: their peak falls with their width.
    this.each(
      Math.min(tube.x0, tube.x1) - reach,
      Math.min(tube.y0, tube.y1) - reach,
      Math.max(tube.x0, tube.x1) + reach,
      Math.max(tube.y0, tube.y1) + reach,
      (index, x, y) => {
        const px = x - tube.x0;
        const py = y - tube.y0;
        const t = Math.min(1, Math.max(0, (px * ax + py * ay + pz * az) * inverse));
        const dx = px - t * ax;
        const dy = py - t * ay;
        const dz = pz - t * az;
        const radius = tube.r0 + t * (tube.r1 - tube.r0);
        const cover = 0.5 + (radius - Math.sqrt(dx * dx + dy * dy + dz * dz)) / (2 * edge);
        if (cover > 0) this.blend(index, shade, cover);
      },
    );
  }

  ellipsoid(body: Ellipsoid, shade: number, edge: number = edgeMm): void {
    const height = (this.z - body.z) / body.c;
    if (Math.abs(height) >= 1) return;
    const reach = Math.max(body.a, body.b) + edge;
    const cos = Math.cos(body.angle);
    const sin = Math.sin(body.angle);
    const scale = Math.min(body.a, body.b);
    this.each(body.x - reach, body.y - reach, body.x + reach, body.y + reach, (index, x, y) => {
      const dx = x - body.x;
      const dy = y - body.y;
      const u = (dx * cos + dy * sin) / body.a;
      const v = (dy * cos - dx * sin) / body.b;
      const cover = 0.5 + ((1 - Math.sqrt(u * u + v * v + height * height)) * scale) / (2 * edge);
      if (cover > 0) this.blend(index, shade, cover);
    });
  }

  /** Binomial 3 x 3: the scanner's point spread. */
  blur(): void {
    const n = imageSize;
    const { hu } = this;
    const rows = new Float32Array(n * n);
    for (let row = 0; row < n; row++) {
      const at = row * n;
      rows[at] = hu[at]!;
      rows[at + n - 1] = hu[at + n - 1]!;
      for (let i = at + 1; i < at + n - 1; i++) rows[i] = 0.25 * (hu[i - 1]! + hu[i + 1]!) + 0.5 * hu[i]!;
    }
    for (let i = n; i < n * (n - 1); i++) hu[i] = 0.25 * (rows[i - n]! + rows[i + n]!) + 0.5 * rows[i]!;
  }
}

function crossingsAt(polygon: Polygon, y: number): number[] {
  const out: number[] = [];
  const n = polygon.length;
  for (let i = 0, j = n - 2; i < n; j = i, i += 2) {
    const yi = polygon[i + 1]!;
    const yj = polygon[j + 1]!;
    if (yi > y !== yj > y) out.push(polygon[i]! + ((polygon[j]! - polygon[i]!) * (y - yi)) / (yj - yi));
  }
  return out.sort((a, b) => a - b);
}
