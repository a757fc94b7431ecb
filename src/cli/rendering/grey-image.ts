/** Grey images for the page: windowing as a viewer does it, crops, and PNG (ISO/IEC 15948), 8 bits. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { writePng } from "../../platform/node/png.ts";

/** 8 bits a pixel, row by row. */
export interface GreyImage {
  readonly rows: number;
  readonly columns: number;
  readonly grey: Bytes;
}

/** Any numeric array of decoded samples. */
export type Samples = ArrayLike<number>;

export interface Rendering {
  /** (0028,1053), 1 unless given. */
  readonly slope?: number;
  /** (0028,1052), 0 unless given. */
  readonly intercept?: number;
  /** For MONOCHROME1. */
  readonly inverted?: boolean;
}

/** A rectangle in pixels; it may reach beyond the image. */
export interface Crop {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
}

/** More than any page needs; keeps a hostile Rows x Columns from taking memory. */
const pixelsMaximum = 64 * 1024 * 1024;

function checkSize(rows: number, columns: number, available: number): void {
  const fits = Number.isInteger(rows) && Number.isInteger(columns) && rows > 0 && columns > 0;
  if (!fits || rows * columns > pixelsMaximum || available < rows * columns)
    throw new ScansealError("usage", "an image's rows and columns do not fit its pixels");
}

/**
 * Linear VOI LUT (PS3.3 C.11.2.1.2.1) to 8 bits. Window values are in rescaled units, Hounsfield units for CT.
 * @throws ScansealError `usage` for a wrong size or a width below 1
 */
export function renderWindowed(
  pixels: Samples,
  rows: number,
  columns: number,
  center: number,
  width: number,
  rendering: Rendering = {},
): GreyImage {
  checkSize(rows, columns, pixels.length);
  if (!(width >= 1)) throw new ScansealError("usage", "a window's width is below 1");
  const { slope = 1, intercept = 0, inverted = false } = rendering;
  const grey = new Uint8Array(rows * columns);
  const scale = width > 1 ? 255 / (width - 1) : 255 * 1e6;
  for (let i = 0; i < grey.length; i++) {
    const level = ((pixels[i] ?? 0) * slope + intercept - (center - 0.5)) * scale + 127.5;
    const value = level <= 0 ? 0 : level >= 255 ? 255 : Math.round(level);
    grey[i] = inverted ? 255 - value : value;
  }
  return { rows, columns, grey };
}

/** A window that shows an image of unknown units: from the 1st to the 99.5th percentile. */
export function fittingWindow(pixels: Samples, rendering: Rendering = {}): { center: number; width: number } {
  const { slope = 1, intercept = 0 } = rendering;
  const step = Math.max(1, Math.floor(pixels.length / 20_000));
  const sample: number[] = [];
  for (let i = 0; i < pixels.length; i += step) sample.push((pixels[i] ?? 0) * slope + intercept);
  sample.sort((a, b) => a - b);
  const low = sample[Math.floor(sample.length * 0.01)] ?? 0;
  const high = sample[Math.floor((sample.length - 1) * 0.995)] ?? 1;
  return { center: (low + high) / 2, width: Math.max(2, high - low) };
}

/** The square around a place, moved inwards where it would leave the image. */
export function cropAround(image: GreyImage, row: number, column: number, size: number): Crop {
  const rows = Math.min(size, image.rows);
  const columns = Math.min(size, image.columns);
  const clamp = (value: number, limit: number): number => Math.min(limit, Math.max(0, Math.round(value)));
  return {
    row: clamp(row - rows / 2, image.rows - rows),
    column: clamp(column - columns / 2, image.columns - columns),
    rows,
    columns,
  };
}

/** A part of an image, enlarged with bilinear interpolation. Beyond the border the border's value counts. */
export function zoomed(image: GreyImage, crop: Crop, factor: number): GreyImage {
  const rows = Math.round(crop.rows * factor);
  const columns = Math.round(crop.columns * factor);
  checkSize(rows, columns, rows * columns);
  const grey = new Uint8Array(rows * columns);
  const sample = (r: number, c: number): number => {
    const row = Math.min(image.rows - 1, Math.max(0, r));
    return image.grey[row * image.columns + Math.min(image.columns - 1, Math.max(0, c))] ?? 0;
  };
  for (let r = 0; r < rows; r++) {
    const y = crop.row + (r + 0.5) / factor - 0.5;
    const y0 = Math.floor(y);
    for (let c = 0; c < columns; c++) {
      const x = crop.column + (c + 0.5) / factor - 0.5;
      const x0 = Math.floor(x);
      const top = sample(y0, x0) * (x0 + 1 - x) + sample(y0, x0 + 1) * (x - x0);
      const bottom = sample(y0 + 1, x0) * (x0 + 1 - x) + sample(y0 + 1, x0 + 1) * (x - x0);
      grey[r * columns + c] = Math.round(top * (y0 + 1 - y) + bottom * (y - y0));
    }
  }
  return { rows, columns, grey };
}

/** @throws ScansealError `usage` when the size does not fit */
export function encodePng({ rows, columns, grey }: GreyImage): Bytes {
  checkSize(rows, columns, grey.length);
  return writePng({ width: columns, height: rows, depth: 8, channels: 1, samples: grey });
}
