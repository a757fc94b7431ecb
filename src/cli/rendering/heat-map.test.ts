import { describe, expect, it } from "vitest";
import { coloured, heatMap } from "./heat-map.ts";

const grey = coloured({ rows: 8, columns: 10, grey: new Uint8Array(80).fill(100) });
const pixel = (rgb: Uint8Array, x: number, y: number): number[] => [
  ...rgb.subarray(3 * (10 * y + x), 3 * (10 * y + x) + 3),
];

describe("heat map", () => {
  it("outlines and tints what is in a rectangle, and nothing else", () => {
    const { rgb } = heatMap(grey, [{ x0: 2, y0: 1, x1: 6, y1: 5 }]);
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 10; x++) {
        const isInside = x >= 2 && x < 6 && y >= 1 && y < 5;
        const isOutline = isInside && (x === 2 || x === 5 || y === 1 || y === 4);
        const expected = isOutline ? [255, 32, 32] : isInside ? [170, 69, 69] : [100, 100, 100];
        expect([x, y, ...pixel(rgb, x, y)]).toEqual([x, y, ...expected]);
      }
    }
    expect(grey.rgb.every((value) => value === 100)).toBe(true);
  });

  it("reaches every edge, and takes nothing outside", () => {
    const { rgb } = heatMap(grey, [{ x0: 0, y0: 0, x1: 10, y1: 8 }]);
    expect([pixel(rgb, 0, 0), pixel(rgb, 9, 7)]).toEqual([
      [255, 32, 32],
      [255, 32, 32],
    ]);
    for (const wrong of [
      { x0: -1, y0: 0, x1: 3, y1: 3 },
      { x0: 0, y0: 0, x1: 11, y1: 3 },
      { x0: 0, y0: 0, x1: 3, y1: 9 },
      { x0: 3, y0: 0, x1: 3, y1: 3 },
    ])
      expect(() => heatMap(grey, [wrong])).toThrow(expect.objectContaining({ code: "usage" }));
  });
});
