/** What the carriers held, coded superblock by superblock (spec/invisible-watermark.md, R2 and R3): their neighbours tell much of it. */

import type { Layout } from "../layout.ts";
import { decodeBits, encodeBits } from "./binary-arithmetic-coder.ts";
import type { Block } from "./block.ts";
import { activity } from "./prediction-error-expansion.ts";

/** Working memory for the carriers of one superblock. */
export interface CarrierSpace {
  /** Number of carriers. */
  count: number;
  /** Indices of carriers in the order of the whole frame. */
  readonly carriers: Int32Array;
  /** Their places in the block. */
  readonly places: Int32Array;
  readonly contexts: Uint8Array;
  /** What the neighbours make the likelier bit. */
  readonly predicted: Uint8Array;
  /** 1: as predicted. */
  readonly hits: Uint8Array;
}

export function carrierSpaceFor({ tilesOfSuperblock, carriersPerTile }: Layout): CarrierSpace {
  let tiles = 0;
  for (const members of tilesOfSuperblock) tiles = Math.max(tiles, members.length);
  const length = tiles * carriersPerTile;
  return {
    count: 0,
    carriers: new Int32Array(length),
    places: new Int32Array(length),
    contexts: new Uint8Array(length),
    predicted: new Uint8Array(length),
    hits: new Uint8Array(length),
  };
}

/** R2: tile by tile, those of a tile in carrier order. */
export function findCarriers(
  space: CarrierSpace,
  { stride }: Block,
  { width, superblocks, tilesOfSuperblock, carriersPerTile, carriers }: Layout,
  superblock: number,
): void {
  const { x0, y0 } = superblocks[superblock]!;
  let count = 0;
  for (const tile of tilesOfSuperblock[superblock]!) {
    const first = tile * carriersPerTile;
    for (let carrier = first; carrier < first + carriersPerTile; carrier++) {
      const sample = carriers[carrier]!;
      const y = Math.floor(sample / width);
      space.carriers[count] = carrier;
      space.places[count++] = (y - y0 + 1) * stride + sample - y * width - x0 + 1;
    }
  }
  space.count = count;
}

/**
 * @param block its border mirrored, its carriers cleared, all else as in the original
 * @param carrierBits of the whole frame
 * @param out has room for one byte (0 or 1) for each carrier from `at` on
 * @returns bits written: as many as there are carriers when they are not coded
 */
export function encodeCarriers(
  block: Block,
  space: CarrierSpace,
  carrierBits: Uint8Array,
  out: Uint8Array,
  at: number,
): number {
  const { count, carriers, contexts, predicted, hits } = space;
  findContexts(block, space);
  for (let k = 0; k < count; k++) hits[k] = 1 ^ carrierBits[carriers[k]!]! ^ predicted[k]!;
  const coded = encodeBits(hits, contexts, count, out, at);
  if (coded !== undefined) return coded;
  for (let k = 0; k < count; k++) out[at + k] = carrierBits[carriers[k]!]!;
  return count;
}

/**
 * The inverse: sets the carriers' lowest bits in the plane.
 * @param block as for `encodeCarriers`
 * @param coded one byte (0 or 1) each, from `from` to `to` - 1, at most as many as there are carriers
 */
export function decodeCarriers(
  block: Block,
  space: CarrierSpace,
  coded: Uint8Array,
  from: number,
  to: number,
  plane: Uint16Array,
  carrierSamples: Int32Array,
): void {
  const { count, carriers, contexts, predicted, hits } = space;
  if (to - from >= count) {
    for (let k = 0; k < count; k++) plane[carrierSamples[carriers[k]!]!]! |= coded[from + k]!;
    return;
  }
  findContexts(block, space);
  decodeBits(coded, from, to, contexts, count, hits);
  for (let k = 0; k < count; k++) plane[carrierSamples[carriers[k]!]!]! |= 1 ^ hits[k]! ^ predicted[k]!;
}

/** R3. */
function findContexts({ samples, stride }: Block, space: CarrierSpace): void {
  const { count, places, contexts, predicted } = space;
  for (let k = 0; k < count; k++) {
    const i = places[k]!;
    const left = samples[i - 1]!;
    const right = samples[i + 1]!;
    const above = samples[i - stride]!;
    const below = samples[i + stride]!;
    const spread = activity(left, right, above, below);
    const activityClass = spread < 2 ? spread : spread < 4 ? 2 : spread < 8 ? 3 : spread < 16 ? 4 : 5;
    // Four times how far the mean of the neighbours lies above the middle of the two possible values.
    const distance = left + right + above + below - 4 * samples[i]! - 2;
    predicted[k] = distance > 0 ? 1 : 0;
    contexts[k] = 8 * activityClass + (Math.min(15, Math.abs(distance)) >> 1);
  }
}
