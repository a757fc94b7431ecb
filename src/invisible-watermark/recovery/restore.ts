/** INTERIM: see hide.ts. */
import type { Layout } from "../layout.ts";
import type { KeyStream, Sidecar, SuperblockRecovery } from "./hidden-recovery.ts";

export interface Restoration {
  /** Superblocks whose samples are not what they were. */
  readonly damagedSuperblocks: readonly number[];
}

/** @param damaged 1 for superblocks whose hidden bits are not to be used */
export function restoreCarrierBits(
  plane: Uint16Array,
  layout: Layout,
  _bits: number,
  _superblocks: readonly SuperblockRecovery[],
  sidecar: Sidecar | undefined,
  keyStream?: KeyStream,
  _damaged?: Uint8Array,
): Restoration {
  const { carriers, carriersPerTile, tilesOfSuperblock } = layout;
  if (sidecar === undefined || sidecar.bytes.length * 8 < carriers.length) {
    return { damagedSuperblocks: tilesOfSuperblock.map((_, j) => j) };
  }
  const bytes = sidecar.bytes.slice();
  if (keyStream) for (const [i, byte] of keyStream(bytes.length).entries()) bytes[i]! ^= byte;
  let at = 0;
  for (const tile of tilesOfSuperblock.flat()) {
    for (let k = tile * carriersPerTile; k < (tile + 1) * carriersPerTile; k++, at++) {
      plane[carriers[k]!]! |= (bytes[at >> 3]! >> (at & 7)) & 1;
    }
  }
  return { damagedSuperblocks: [] };
}
