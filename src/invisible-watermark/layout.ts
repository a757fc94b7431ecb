/** Where the watermark's bits lie in a frame (spec/invisible-watermark.md, Geometry). Made from width, height and colour alone. */
import type { Rectangle } from "./frame.ts";

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Index of the plane that carries. */
  readonly carrierPlane: number;
  /** 16 or 32. */
  readonly tileSize: number;
  /** Row by row. */
  readonly tiles: readonly Rectangle[];
  /** Four by four tiles, row by row: recovery data are hidden superblock by superblock. */
  readonly superblocks: readonly Rectangle[];
  /** Of each superblock, row by row. */
  readonly tilesOfSuperblock: readonly (readonly number[])[];
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
}
