/**
 * A superblock taken out of its plane, with a border one sample wide in which its own samples are mirrored (spec/invisible-watermark.md, R1): nothing that
 * is hidden in a superblock, or read from it, depends on samples outside.
 */
import type { Rectangle } from "../frame.ts";
import type { Layout } from "../layout.ts";

export interface Block {
  width: number;
  height: number;
  /** From one row to the next, the same for all superblocks of a layout. */
  readonly stride: number;
  /** Sample (x, y) is at (y + 1) * stride + x + 1. */
  readonly samples: Int32Array;
  /** 1 where a sample is a carrier; at the same places. */
  readonly isCarrier: Uint8Array;
}

/** Room for any superblock of the layout. */
export function blockFor({ superblocks }: Pick<Layout, "superblocks">): Block {
  let width = 0;
  let height = 0;
  for (const { x0, y0, x1, y1 } of superblocks) {
    width = Math.max(width, x1 - x0);
    height = Math.max(height, y1 - y0);
  }
  const stride = width + 2;
  const places = stride * (height + 2);
  return { width, height, stride, samples: new Int32Array(places), isCarrier: new Uint8Array(places) };
}

/** Fills the block, but not its border. @returns the largest sample */
export function loadBlock(
  block: Block,
  plane: Uint16Array,
  layout: Pick<Layout, "width" | "isCarrier">,
  rectangle: Rectangle,
): number {
  const { samples, isCarrier, stride } = block;
  const { x0, y0 } = rectangle;
  const width = rectangle.x1 - x0;
  const height = rectangle.y1 - y0;
  const planeIsCarrier = layout.isCarrier;
  block.width = width;
  block.height = height;
  let all = 0;
  for (let y = 0; y < height; y++) {
    const from = (y0 + y) * layout.width + x0;
    const to = (y + 1) * stride + 1;
    for (let x = 0; x < width; x++) {
      const value = plane[from + x]!;
      if (value > all) all = value;
      samples[to + x] = value;
      isCarrier[to + x] = planeIsCarrier[from + x]!;
    }
  }
  return all;
}

/** @returns sum of squares of what this changes in the plane */
export function storeBlock(
  block: Block,
  plane: Uint16Array,
  layout: Pick<Layout, "width">,
  rectangle: Rectangle,
): number {
  const { samples, stride, width, height } = block;
  let sumOfSquares = 0;
  for (let y = 0; y < height; y++) {
    const to = (rectangle.y0 + y) * layout.width + rectangle.x0;
    const from = (y + 1) * stride + 1;
    for (let x = 0; x < width; x++) {
      const value = samples[from + x]!;
      const change = value - plane[to + x]!;
      sumOfSquares += change * change;
      plane[to + x] = value;
    }
  }
  return sumOfSquares;
}

/** R1: sample -1 is sample 1, sample `width` is sample `width` - 2. A superblock has at least eight samples a side. */
export function mirrorBorder({ samples, stride, width, height }: Block): void {
  for (let y = 1; y <= height; y++) {
    const row = y * stride;
    samples[row] = samples[row + 2]!;
    samples[row + width + 1] = samples[row + width - 1]!;
  }
  samples.copyWithin(0, 2 * stride, 2 * stride + width + 2);
  const below = (height - 1) * stride;
  samples.copyWithin((height + 1) * stride, below, below + width + 2);
}
