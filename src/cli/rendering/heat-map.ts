/** A picture with what was changed in red: for the `locate` command and the demonstration's page. */
import { ScansealError } from "../../foundation/errors.ts";
import type { Rectangle } from "../../invisible-watermark/frame.ts";
import type { GreyImage } from "./grey-image.ts";

/** Red, green and blue of each pixel, row by row. */
export interface ColourImage {
  readonly rows: number;
  readonly columns: number;
  readonly rgb: Uint8Array;
}

/** Added to what is there: the anatomy stays visible below it. */
const tint = [255, 32, 32] as const;
const tintShare = 0.45;

export function coloured({ rows, columns, grey }: GreyImage): ColourImage {
  const rgb = new Uint8Array(3 * grey.length);
  for (let i = 0; i < grey.length; i++) rgb.fill(grey[i]!, 3 * i, 3 * i + 3);
  return { rows, columns, rgb };
}

/**
 * Tinted rectangles with an outline of one or two pixels, which lies in them; everything else as it was.
 * @throws ScansealError `usage` for a rectangle that is not in the picture
 */
export function heatMap(picture: ColourImage, rectangles: readonly Rectangle[]): ColourImage {
  const { rows, columns } = picture;
  const rgb = picture.rgb.slice();
  // Two where one would not be seen on a screen.
  const line = Math.max(rows, columns) > 1000 ? 2 : 1;
  for (const { x0, y0, x1, y1 } of rectangles) {
    if (x0 < 0 || y0 < 0 || x1 > columns || y1 > rows || x0 >= x1 || y0 >= y1)
      throw new ScansealError("usage", "a rectangle outside of the picture");
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        const isOutline = Math.min(x - x0, x1 - 1 - x, y - y0, y1 - 1 - y) < line;
        const share = isOutline ? 1 : tintShare;
        const at = 3 * (y * columns + x);
        for (let c = 0; c < 3; c++) rgb[at + c] = Math.round(rgb[at + c]! * (1 - share) + tint[c]! * share);
      }
    }
  }
  return { ...picture, rgb };
}
