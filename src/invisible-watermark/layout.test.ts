import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../../test/vectors/watermark/layouts.json" with { type: "json" };
import type { PlaneColour } from "./frame.ts";
import { layoutOf, tileAt } from "./layout.ts";

const sha256 = (numbers: Int32Array): string =>
  createHash("sha256")
    .update(Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength))
    .digest("hex");

const side = fc.integer({ min: 8, max: 300 });
const colours = fc.constantFrom<PlaneColour>("mono", "rgb", "ybr");

describe("layoutOf", () => {
  it.each(vectors.layouts)("$width x $height $colour is the vector's", (vector) => {
    const { width, height, colour, ...expected } = vector;
    const layout = layoutOf(width, height, colour as PlaneColour);
    const found = layout
      ? {
          markable: true,
          tileSize: layout.tileSize,
          tilesAcross: layout.tilesAcross,
          tilesDown: layout.tilesDown,
          superblocks: layout.superblocks.length,
          shareBytes: layout.shareBytes,
          payloadBytes: layout.payloadBytes,
          codedBytes: layout.codedBytes,
          symbolStride: layout.symbolStride,
          firstCarriers: Array.from(layout.carriers.subarray(0, 6)),
          carriersSha256: sha256(layout.carriers),
          superblockOfTileSha256: sha256(layout.superblockOfTile),
        }
      : { markable: false };
    expect(found).toEqual(expected);
  });

  it("puts every sample into one tile, every tile into one superblock, every carrier into its tile once", () => {
    const property = fc.property(side, side, colours, (width, height, colour) => {
      const layout = layoutOf(width, height, colour);
      if (layout === undefined) return;
      const times = new Uint8Array(width * height);
      for (const [tile, { x0, y0, x1, y1 }] of layout.tiles.entries()) {
        for (let y = y0; y < y1; y++) {
          for (let x = x0; x < x1; x++) {
            times[y * width + x]!++;
            if (tileAt(layout, y * width + x) !== tile) throw new Error("another tile");
          }
        }
        const from = tile * layout.carriersPerTile;
        const carriers = layout.carriers.subarray(from, from + layout.carriersPerTile);
        expect(new Set(carriers).size).toBe(layout.carriersPerTile);
        expect(carriers.every((sample) => tileAt(layout, sample) === tile)).toBe(true);
        expect(layout.tilesOfSuperblock[layout.superblockOfTile[tile]!]).toContain(tile);
      }
      expect(times.every((count) => count === 1)).toBe(true);
      expect(layout.isCarrier.reduce((sum, one) => sum + one, 0)).toBe(layout.carriers.length);
      expect(layout.tilesOfSuperblock.flat()).toHaveLength(layout.tiles.length);
      for (const [index, { x0, y0, x1, y1 }] of layout.superblocks.entries()) {
        const tiles = layout.tilesOfSuperblock[index]!.map((tile) => layout.tiles[tile]!);
        expect(Math.min(...tiles.map((tile) => tile.x0))).toBe(x0);
        expect(Math.min(...tiles.map((tile) => tile.y0))).toBe(y0);
        expect(Math.max(...tiles.map((tile) => tile.x1))).toBe(x1);
        expect(Math.max(...tiles.map((tile) => tile.y1))).toBe(y1);
      }
    });
    fc.assert(property, { numRuns: 60 });
  });

  it("refuses sizes that no frame should have, before it takes memory", () => {
    for (const [width, height] of [
      [7, 512],
      [512, 0],
      [65_536, 8],
      [65_535, 65_535],
      [512.5, 512],
      [Number.NaN, 512],
    ] as const) {
      expect(layoutOf(width, height, "mono")).toBeUndefined();
    }
  });

  it("keeps what it made", () => {
    const first = layoutOf(128, 128, "mono");
    expect(layoutOf(128, 128, "mono")).toBe(first);
    for (let width = 200; width < 210; width++) layoutOf(width, 200, "mono");
    const again = layoutOf(128, 128, "mono");
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
  });
});
