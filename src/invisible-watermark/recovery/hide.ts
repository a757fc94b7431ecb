/**
 * INTERIM, by the author of embed.ts, so that others can run theirs: conforms to the contract, but everything goes into the sidecar. The recovery layer
 * replaces this file and restore.ts. recover.ts passes `damaged` (1 for superblocks whose hidden bits are not to be used) as restore's last argument.
 */
import type { Layout } from "../layout.ts";
import type { KeyStream, Sidecar, SuperblockRecovery } from "./hidden-recovery.ts";

export interface HiddenRecovery {
  readonly superblocks: readonly SuperblockRecovery[];
  readonly sidecar?: Sidecar;
}

/** @param carrierBits 0 or 1 for each carrier, in carrier order */
export function hideCarrierBits(
  _plane: Uint16Array,
  layout: Layout,
  _bits: number,
  carrierBits: Uint8Array,
  keyStream?: KeyStream,
): HiddenRecovery {
  const { carriersPerTile, tilesOfSuperblock } = layout;
  const bytes = new Uint8Array(Math.ceil(carrierBits.length / 8));
  let at = 0;
  for (const tile of tilesOfSuperblock.flat()) {
    for (let k = tile * carriersPerTile; k < (tile + 1) * carriersPerTile; k++, at++) {
      bytes[at >> 3]! |= carrierBits[k]! << (at & 7);
    }
  }
  if (keyStream) for (const [i, byte] of keyStream(bytes.length).entries()) bytes[i]! ^= byte;
  const superblocks = tilesOfSuperblock.map((tiles) => {
    return { parameters: 0, hostBits: 0, sourceBits: tiles.length * carriersPerTile, order: 0 };
  });
  return { superblocks, sidecar: { bits: at, bytes } };
}
