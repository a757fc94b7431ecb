/** Where the watermark's bits lie in a frame (spec/invisible-watermark.md, Geometry). Made from width, height and colour alone. */
import type { PlanarFrame, PlaneColour, Rectangle } from "./frame.ts";

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Index of the plane that carries. */
  readonly carrierPlane: number;
  /** 16 or 32. */
  readonly tileSize: number;
  readonly tilesAcross: number;
  readonly tilesDown: number;
  /** Row by row. */
  readonly tiles: readonly Rectangle[];
  /** Four by four tiles, row by row: recovery data are hidden superblock by superblock. */
  readonly superblocks: readonly Rectangle[];
  /** Of each superblock, row by row. */
  readonly tilesOfSuperblock: readonly (readonly number[])[];
  readonly superblockOfTile: Int32Array;
  /** Share bytes of a tile (sigma). */
  readonly shareBytes: number;
  /** Carriers of a tile: 32 + 8 * shareBytes. */
  readonly carriersPerTile: number;
  /** Sample indices of the carriers: those of tile t from t * carriersPerTile on, in carrier order. */
  readonly carriers: Int32Array;
  /** 1 where a sample of the carrier plane is a carrier. */
  readonly isCarrier: Uint8Array;
  /** Payload bytes before error correction: 152 + 15 * superblocks. */
  readonly payloadBytes: number;
  /** Bytes with error correction: tiles * shareBytes. */
  readonly codedBytes: number;
  /** Symbol i of the interleaved code words is share byte i * symbolStride mod codedBytes. */
  readonly symbolStride: number;
}

export const payloadHeadBytes = 152;
export const superblockEntryBytes = 15;
/** Bits of a tile's tag; they come before its share. */
export const tagBits = 32;

const sideMin = 8;
const sideMax = 65_535;
/** 134 megasamples a plane, more than any detector: bounds memory before a hostile header takes it. */
export const planeSamplesMax: number = 2 ** 27;
const largeFrameSamples = 1_500_000;
const superblockTiles = 4;

/** Share bytes a tile may carry, fewest carriers first. */
const shareSizes: readonly number[] = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20];

/** Frames of an object, and of most series, have one geometry; a layout of 5 megasamples takes 8 MB. */
const layoutsKept = 4;
/** Of all that are kept: 54 MB. */
const samplesKept = 2 ** 25;
const kept = new Map<string, Layout | undefined>();

/** Where a frame of this geometry carries; undefined: it cannot be marked. The last few are kept. */
export function layoutOf(width: number, height: number, colour: PlaneColour): Layout | undefined {
  const name = `${width} ${height} ${colour}`;
  const known = kept.get(name);
  if (known !== undefined || kept.has(name)) {
    kept.delete(name);
    kept.set(name, known);
    return known;
  }
  const made = makeLayout(width, height, colour);
  if (made && width * height > samplesKept) return made;
  kept.set(name, made);
  while (kept.size > layoutsKept || samplesOfKept() > samplesKept) kept.delete(kept.keys().next().value!);
  return made;
}

function samplesOfKept(): number {
  let sum = 0;
  for (const layout of kept.values()) sum += layout ? layout.width * layout.height : 0;
  return sum;
}

export function planeCount(colour: PlaneColour): 1 | 3 {
  return colour === "mono" ? 1 : 3;
}

export function carrierPlaneOf(colour: PlaneColour): 0 | 1 | 2 {
  return colour === "mono" ? 0 : colour === "ybr" ? 1 : 2;
}

/** The tile that holds a sample; the last ones of a row and of a column are larger or smaller than the others. */
export function tileAt(layout: Layout, sample: number): number {
  const y = Math.floor(sample / layout.width);
  const across = Math.min(Math.floor((sample - y * layout.width) / layout.tileSize), layout.tilesAcross - 1);
  const down = Math.min(Math.floor(y / layout.tileSize), layout.tilesDown - 1);
  return down * layout.tilesAcross + across;
}

/** Whether the planes are what the frame says they are. */
export function isWellFormed({ width, height, bits, colour, planes }: PlanarFrame): boolean {
  const samples = width * height;
  return (
    [width, height, bits].every(Number.isInteger) &&
    planes.length === planeCount(colour) &&
    planes.every((plane) => plane.length === samples)
  );
}

function makeLayout(width: number, height: number, colour: PlaneColour): Layout | undefined {
  const fits = (side: number): boolean => Number.isInteger(side) && side >= sideMin && side <= sideMax;
  if (!fits(width) || !fits(height) || width * height > planeSamplesMax) return undefined;
  const tileSize = width * height > largeFrameSamples ? 32 : 16;
  return (
    tiledLayout(width, height, colour, tileSize, "nearest") ??
    tiledLayout(width, height, colour, tileSize, "down")
  );
}

function tiledLayout(
  width: number,
  height: number,
  colour: PlaneColour,
  tileSize: number,
  rounding: Rounding,
): Layout | undefined {
  // G1 Tiles, and superblocks of tiles.
  const columns = cuts(width, tileSize, rounding);
  const rows = cuts(height, tileSize, rounding);
  const tilesAcross = columns.length - 1;
  const tilesDown = rows.length - 1;
  const tileColumns = cuts(tilesAcross, superblockTiles);
  const tileRows = cuts(tilesDown, superblockTiles);
  const superblocks = rectangles(
    tileColumns.map((tile) => columns[tile]!),
    tileRows.map((tile) => rows[tile]!),
  );
  // G2 How much a tile carries.
  const smallestTile =
    Math.min(tileSize, width - columns.at(-2)!) * Math.min(tileSize, height - rows.at(-2)!);
  const payloadBytes = payloadHeadBytes + superblockEntryBytes * superblocks.length;
  const shareBytes = chooseShareBytes(tilesAcross * tilesDown, payloadBytes, smallestTile);
  if (shareBytes === undefined) return undefined;
  const tiles = rectangles(columns, rows);
  const codedBytes = tiles.length * shareBytes;
  const carriersPerTile = tagBits + 8 * shareBytes;
  const base = {
    ...{ width, height, carrierPlane: carrierPlaneOf(colour), tileSize, tilesAcross, tilesDown, tiles },
    ...{ superblocks, shareBytes, carriersPerTile, payloadBytes, codedBytes },
    symbolStride: strideOf(codedBytes),
  };
  return { ...base, ...groupTiles(tilesAcross, tilesDown, tileColumns, tileRows), ...placeCarriers(base) };
}

/** "nearest": halves up. "down": the last part is up to twice as large as the others, never smaller. */
type Rounding = "nearest" | "down";

/** 0, size, 2 size ... length: as many parts as length / size rounded; the last part takes what remains. */
function cuts(length: number, size: number, rounding: Rounding = "nearest"): number[] {
  const half = rounding === "nearest" ? size : 0;
  const parts = Math.max(1, Math.floor((2 * length + half) / (2 * size)));
  return Array.from({ length: parts + 1 }, (_, i) => (i === parts ? length : i * size));
}

function rectangles(columns: readonly number[], rows: readonly number[]): Rectangle[] {
  const out: Rectangle[] = [];
  for (let j = 0; j + 1 < rows.length; j++) {
    for (let i = 0; i + 1 < columns.length; i++) {
      out.push({ x0: columns[i]!, y0: rows[j]!, x1: columns[i + 1]!, y1: rows[j + 1]! });
    }
  }
  return out;
}

/** G2: at most 56 % of the coded bytes are payload, and at most three quarters of a tile's samples carry. */
function chooseShareBytes(tiles: number, payloadBytes: number, smallestTile: number): number | undefined {
  const possible = shareSizes.filter((size) => 4 * (tagBits + 8 * size) <= 3 * smallestTile);
  return (
    possible.find((size) => 100 * payloadBytes <= 56 * tiles * size) ??
    possible.find((size) => tiles * size - payloadBytes >= 2 * size)
  );
}

/** The largest number up to n times the golden section (0.6180339887) that has no divisor in common with n. */
function strideOf(n: number): number {
  let stride = Number((BigInt(n) * 6_180_339_887n) / 10_000_000_000n);
  while (greatestCommonDivisor(stride, n) !== 1) stride--;
  return stride;
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

function groupTiles(
  tilesAcross: number,
  tilesDown: number,
  tileColumns: readonly number[],
  tileRows: readonly number[],
): Pick<Layout, "tilesOfSuperblock" | "superblockOfTile"> {
  const superblockOfTile = new Int32Array(tilesAcross * tilesDown);
  const tilesOfSuperblock = rectangles(tileColumns, tileRows).map(({ x0, y0, x1, y1 }, superblock) => {
    const members: number[] = [];
    for (let j = y0; j < y1; j++) {
      for (let i = x0; i < x1; i++) {
        members.push(j * tilesAcross + i);
        superblockOfTile[j * tilesAcross + i] = superblock;
      }
    }
    return members;
  });
  return { tilesOfSuperblock, superblockOfTile };
}

/** G3. Tiles begin at multiples of 16, so all tiles of one size have the same order. */
function placeCarriers({
  width,
  height,
  tiles,
  carriersPerTile,
}: Pick<Layout, "width" | "height" | "tiles" | "carriersPerTile">): Pick<Layout, "carriers" | "isCarrier"> {
  const carriers = new Int32Array(tiles.length * carriersPerTile);
  const isCarrier = new Uint8Array(width * height);
  const orders = new Map<string, Int32Array>();
  let at = 0;
  for (const { x0, y0, x1, y1 } of tiles) {
    const name = `${x1 - x0} ${y1 - y0}`;
    let order = orders.get(name);
    if (order === undefined) {
      order = carrierOrder(x1 - x0, y1 - y0, carriersPerTile, width);
      orders.set(name, order);
    }
    const corner = y0 * width + x0;
    for (let k = 0; k < carriersPerTile; k++) {
      const sample = corner + order[k]!;
      carriers[at++] = sample;
      isCarrier[sample] = 1;
    }
  }
  return { carriers, isCarrier };
}

/** The first `count` samples of a tile by (rank of (x mod 16, y mod 16), y, x), as distances from its corner. */
function carrierOrder(tileWidth: number, tileHeight: number, count: number, width: number): Int32Array {
  const order = new Int32Array(count);
  let at = 0;
  for (const place of placesByRank) {
    for (let y = place >> 4; y < tileHeight; y += 16) {
      for (let x = place & 15; x < tileWidth; x += 16) {
        if (at === count) return order;
        order[at++] = y * width + x;
      }
    }
  }
  return order;
}

/** Places of a 16 x 16 field (y << 4 | x) from first to last: an ordered dither, so that carriers lie evenly at any number of them. */
const placesByRank: Uint8Array = (() => {
  const places = new Uint8Array(256);
  for (let y = 0; y < 16; y++) for (let x = 0; x < 16; x++) places[ditherRank(x, y)] = (y << 4) | x;
  return places;
})();

/** Two binary digits for each bit of (x, y), the lowest bit first: 0 for (even, even), 1 (odd, odd), 2 (odd x), 3 (odd y). */
function ditherRank(x: number, y: number): number {
  let rank = 0;
  for (let bit = 0; bit < 4; bit++) {
    const odd = (x >> bit) & 1;
    rank = 4 * rank + ((y >> bit) & 1 ? 3 - 2 * odd : 2 * odd);
  }
  return rank;
}
