/** Forgeries of samples that a reader would not notice: no DICOM, only numbers. */

export interface Disc {
  readonly row: number;
  readonly column: number;
  readonly radius: number;
}

/** Feather at the rim, as a part of the radius: without it an edge would show. */
const feather = 0.35;

/** 1 inside, falling to 0 over the rim. */
function weightAt(disc: Disc, row: number, column: number): number {
  const away = Math.hypot(row - disc.row, column - disc.column) / disc.radius;
  if (away <= 1 - feather) return 1;
  if (away >= 1) return 0;
  return 0.5 + 0.5 * Math.cos(Math.PI * ((away - (1 - feather)) / feather));
}

function* inside(
  disc: Disc,
  rows: number,
  columns: number,
): Generator<{ row: number; column: number; weight: number }> {
  const top = Math.max(0, Math.ceil(disc.row - disc.radius));
  const left = Math.max(0, Math.ceil(disc.column - disc.radius));
  for (let row = top; row <= Math.min(rows - 1, disc.row + disc.radius); row++) {
    for (let column = left; column <= Math.min(columns - 1, disc.column + disc.radius); column++) {
      const weight = weightAt(disc, row, column);
      if (weight > 0) yield { row, column, weight };
    }
  }
}

interface Offset {
  readonly rows: number;
  readonly columns: number;
}

/** Sum of squared differences of the rim between here and there: the donor whose surroundings fit best. */
function misfit(
  pixels: ArrayLike<number>,
  rows: number,
  columns: number,
  disc: Disc,
  offset: Offset,
): number {
  let sum = 0;
  for (let angle = 0; angle < 64; angle++) {
    const a = (angle / 64) * 2 * Math.PI;
    const row = Math.round(disc.row + disc.radius * 1.15 * Math.sin(a));
    const column = Math.round(disc.column + disc.radius * 1.15 * Math.cos(a));
    const r = row + offset.rows;
    const c = column + offset.columns;
    if (
      r < 0 ||
      c < 0 ||
      r >= rows ||
      c >= columns ||
      row < 0 ||
      column < 0 ||
      row >= rows ||
      column >= columns
    ) {
      return Number.POSITIVE_INFINITY;
    }
    sum += (pixels[row * columns + column]! - pixels[r * columns + c]!) ** 2;
  }
  return sum;
}

/** The best of the places around, at two to four radii. */
function donorOf(pixels: ArrayLike<number>, rows: number, columns: number, disc: Disc): Offset {
  let best: Offset = { rows: 0, columns: Math.round(2.5 * disc.radius) };
  let least = Number.POSITIVE_INFINITY;
  for (const factor of [2.3, 3, 3.7, 4.5]) {
    for (let step = 0; step < 24; step++) {
      const a = (step / 24) * 2 * Math.PI;
      const offset = {
        rows: Math.round(disc.radius * factor * Math.sin(a)),
        columns: Math.round(disc.radius * factor * Math.cos(a)),
      };
      const found = misfit(pixels, rows, columns, disc, offset);
      if (found < least) [least, best] = [found, offset];
    }
  }
  return best;
}

/** Paints the disc over with texture from its neighbourhood: what was there is gone. Works in place; returns the changed samples' number. */
export function eraseDisc(
  pixels: Int16Array | Uint16Array | Uint8Array,
  rows: number,
  columns: number,
  disc: Disc,
): number {
  const original = pixels.slice();
  const donor = donorOf(original, rows, columns, disc);
  let changed = 0;
  for (const { row, column, weight } of inside(disc, rows, columns)) {
    const from = (row + donor.rows) * columns + column + donor.columns;
    const at = row * columns + column;
    const value = Math.round(original[at]! * (1 - weight) + (original[from] ?? original[at]!) * weight);
    if (value !== pixels[at]) changed++;
    pixels[at] = value;
  }
  return changed;
}
