/** A rendered frame in eight bits, and parts of it in other sizes. */
import type { RenderedParameters } from "../../dicom-network/dicomweb/rendered-parameters.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Grey, or red, green and blue of each pixel. */
  readonly channels: 1 | 3;
  readonly samples: Bytes;
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** In pixels of the source; may begin and end inside of them. */
export type Region = NonNullable<RenderedParameters["region"]>;

/** @throws ScansealError `usage` where nothing of the region is in the picture */
export function regionWithin({ width, height }: PictureSize, region: Region | undefined): Region {
  if (region === undefined) return { x: 0, y: 0, width, height };
  const right = Math.min(width, region.x + region.width);
  const bottom = Math.min(height, region.y + region.height);
  const [x, y] = [Math.max(0, region.x), Math.max(0, region.y)];
  if (!(right > x && bottom > y)) throw new ScansealError("usage", "the region is outside of the image");
  return { x, y, width: right - x, height: bottom - y };
}

/** The largest size with the region's proportions that fits; at least one pixel each way. */
export function sizeWithin(region: Region, viewport: PictureSize | undefined): PictureSize {
  const scale = viewport ? Math.min(viewport.width / region.width, viewport.height / region.height) : 1;
  const side = (length: number, most: number): number =>
    Math.min(most, Math.max(1, Math.round(length * scale)));
  return {
    width: side(region.width, viewport?.width ?? Number.POSITIVE_INFINITY),
    height: side(region.height, viewport?.height ?? Number.POSITIVE_INFINITY),
  };
}

/**
 * Reduced by averaging what each pixel covers, enlarged by bilinear interpolation. Nothing outside of the region has a part in it
 * but half a pixel beside it.
 * @param region inside of the picture
 */
export function scaled(picture: Picture, region: Region, { width, height }: PictureSize): Picture {
  const isWhole = region.x === 0 && region.y === 0 && width === picture.width && height === picture.height;
  if (isWhole && region.width === width && region.height === height) return picture;
  const { channels } = picture;
  const across = weightsOf(region.x, region.width, width, picture.width);
  const down = weightsOf(region.y, region.height, height, picture.height);
  const samples = new Uint8ClampedArray(width * height * channels);
  // Rows are needed one after the other, and no more than the last one again.
  const rows = [0, 1].map(() => ({ y: -1, values: new Float32Array(width * channels) }));
  const sum = new Float32Array(width * channels);
  for (let y = 0; y < height; y++) {
    sum.fill(0);
    const { first, parts } = down[y]!;
    for (let k = 0; k < parts.length; k++) {
      const row = rows[(first + k) % 2]!;
      if (row.y !== first + k) scaleRow(picture, first + k, across, row.values);
      row.y = first + k;
      const part = parts[k]!;
      for (let i = 0; i < sum.length; i++) sum[i]! += row.values[i]! * part;
    }
    // Clamped arrays round.
    samples.set(sum, y * width * channels);
  }
  return { width, height, channels, samples: new Uint8Array(samples.buffer) };
}

function scaleRow(
  { width, channels, samples }: Picture,
  y: number,
  across: readonly Weights[],
  out: Float32Array,
): void {
  for (let x = 0; x < across.length; x++) {
    const { first, parts } = across[x]!;
    for (let c = 0; c < channels; c++) {
      let at = (y * width + first) * channels + c;
      let sum = 0;
      for (let k = 0; k < parts.length; k++, at += channels) sum += samples[at]! * parts[k]!;
      out[x * channels + c] = sum;
    }
  }
}

/** What a pixel is made of: neighbours from `first` on, whose parts are 1 together. */
interface Weights {
  readonly first: number;
  readonly parts: Float32Array;
}

/** @param start and `length` of the region along one axis, `count` pixels of the result, `limit` of the source */
function weightsOf(start: number, length: number, count: number, limit: number): Weights[] {
  const step = length / count;
  return Array.from({ length: count }, (_, i) => {
    const from = start + i * step;
    return step > 1
      ? coverage(from, Math.min(from + step, limit), limit)
      : betweenTwo(from + step / 2 - 0.5, limit);
  });
}

function coverage(from: number, to: number, limit: number): Weights {
  const first = Math.min(Math.floor(from), limit - 1);
  const last = Math.max(first, Math.min(Math.ceil(to), limit) - 1);
  const parts = Float32Array.from({ length: last - first + 1 }, (_, k) =>
    Math.max(0, Math.min(to, first + k + 1) - Math.max(from, first + k)),
  );
  const whole = parts.reduce((sum, part) => sum + part, 0);
  return whole > 0
    ? { first, parts: parts.map((part) => part / whole) }
    : { first, parts: Float32Array.of(1) };
}

/** Beyond the border the border's value counts. */
function betweenTwo(centre: number, limit: number): Weights {
  const at = Math.min(limit - 1, Math.max(0, centre));
  const first = Math.min(Math.floor(at), Math.max(0, limit - 2));
  const part = at - first;
  return { first, parts: limit === 1 ? Float32Array.of(1) : Float32Array.of(1 - part, part) };
}
