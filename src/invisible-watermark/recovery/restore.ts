/** Gives the carrier plane back as it was (spec/invisible-watermark.md, Recovery). */
import type { Layout } from "../layout.ts";
import { applyKeyStream, unpackBits } from "./bit-stream.ts";
import { type Block, blockFor, loadBlock, mirrorBorder, storeBlock } from "./block.ts";
import { carrierSpaceFor, decodeCarriers, findCarriers } from "./carrier-bits.ts";
import type { KeyStream, Sidecar, SuperblockRecovery } from "./hidden-recovery.ts";
import {
  classes,
  type Expansion,
  type ExpansionSpace,
  expansionOf,
  expansionSpace,
  restoreClass,
} from "./prediction-error-expansion.ts";

export interface RestoredCarriers {
  /** Ascending. What they held could not be restored. */
  readonly damagedSuperblocks: readonly number[];
}

/** What the hosts and the sidecar gave. */
interface FoundStream {
  /** One byte (0 or 1) each. */
  readonly bits: Uint8Array;
  /** 1 where nothing was found. */
  readonly missing: Uint8Array;
  /** So many come from hosts, the others from the sidecar. */
  readonly hosted: number;
}

/**
 * In place. `superblocks` and `sidecar` may say whatever they like: what does not fit is damaged, samples stay below 2^bits, nothing throws.
 * @param plane the carrier plane, its carriers' lowest bits cleared
 * @param bits 8 to 16
 * @param damaged 1 for each superblock known not to be as it was marked: it is left as it is, and what it hid is lost
 */
export function restoreCarrierBits(
  plane: Uint16Array,
  layout: Layout,
  bits: number,
  superblocks: readonly SuperblockRecovery[],
  sidecar?: Sidecar,
  keyStream?: KeyStream,
  damaged?: Uint8Array,
): RestoredCarriers {
  const all = layout.superblocks.map((_, superblock) => superblock);
  const hosts = hostsInOrder(superblocks, layout);
  if (hosts === undefined) return { damagedSuperblocks: all };
  const lost = Uint8Array.from(all, (superblock) => (damaged?.[superblock] === 1 ? 1 : 0));
  const block = blockFor(layout);
  const length = superblocks.reduce((sum, { sourceBits }) => sum + sourceBits, 0);
  const found = emptyHosts(plane, layout, 2 ** bits - 1, superblocks, hosts, lost, block, length);
  addSidecar(found, sidecar);
  applyKeyStream(found.bits, length, keyStream);
  restoreCarriers(plane, layout, superblocks, found, lost, block);
  return { damagedSuperblocks: all.filter((superblock) => lost[superblock] === 1) };
}

/** R10. @returns undefined when it cannot be told where the bits of the stream are */
function hostsInOrder(
  superblocks: readonly SuperblockRecovery[],
  { superblocks: rectangles, tilesOfSuperblock, carriersPerTile }: Layout,
): number[] | undefined {
  if (superblocks.length !== rectangles.length) return undefined;
  const hosts: number[] = [];
  for (const [superblock, { parameters, hostBits, sourceBits, order }] of superblocks.entries()) {
    const { x0, y0, x1, y1 } = rectangles[superblock]!;
    const carriers = tilesOfSuperblock[superblock]!.length * carriersPerTile;
    const isPossible =
      sourceBits <= carriers && hostBits <= (x1 - x0) * (y1 - y0) && (parameters === 0) === (order === 0);
    if (!isPossible) return undefined;
    if (parameters !== 0) hosts.push(superblock);
  }
  hosts.sort((a, b) => superblocks[a]!.order - superblocks[b]!.order);
  return hosts.every((superblock, i) => superblocks[superblock]!.order === i + 1) ? hosts : undefined;
}

/** R11. Hosts that are lost are flagged. */
function emptyHosts(
  plane: Uint16Array,
  layout: Layout,
  maximum: number,
  superblocks: readonly SuperblockRecovery[],
  hosts: readonly number[],
  lost: Uint8Array,
  block: Block,
  length: number,
): FoundStream {
  const space = expansionSpace(block);
  const bits = new Uint8Array(length);
  const missing = new Uint8Array(length);
  const own = new Uint8Array(block.samples.length);
  let at = 0;
  for (const superblock of hosts) {
    const { parameters, hostBits } = superblocks[superblock]!;
    const expansion = expansionOf(parameters, maximum);
    const rectangle = layout.superblocks[superblock]!;
    const isUsable =
      lost[superblock] === 0 &&
      expansion !== undefined &&
      loadBlock(block, plane, layout, rectangle) <= maximum &&
      emptyBlock(block, expansion, maximum, hostBits, own, space);
    const end = Math.min(at + hostBits, length);
    if (isUsable) {
      storeBlock(block, plane, layout, rectangle);
      for (let k = at; k < end; k++) bits[k] = own[k - at]!;
    } else {
      lost[superblock] = 1;
      missing.fill(1, at, end);
    }
    at = end;
  }
  missing.fill(1, at);
  return { bits, missing, hosted: at };
}

/** @returns false when the block did not hide as many bits */
function emptyBlock(
  block: Block,
  expansion: Expansion,
  maximum: number,
  hostBits: number,
  out: Uint8Array,
  space: ExpansionSpace,
): boolean {
  // The classes come back in the order opposite to that in which they were filled, the bits from behind.
  let at = hostBits;
  for (const place of classes.toReversed()) {
    mirrorBorder(block);
    const hidden = restoreClass(block, place, expansion, maximum, space);
    if (hidden < 0 || hidden > at) return false;
    at -= hidden;
    for (let k = 0; k < hidden; k++) out[at + k] = space.bits[space.marks + k]!;
  }
  return at === 0;
}

/** R12. A sidecar of another length than the one that was cut off is none. */
function addSidecar({ bits, missing, hosted }: FoundStream, sidecar: Sidecar | undefined): void {
  const count = bits.length - hosted;
  if (sidecar === undefined || sidecar.bits !== count || sidecar.bytes.length < count / 8) return;
  unpackBits(sidecar.bytes, count, bits, hosted);
  missing.fill(0, hosted);
}

/** R13. Superblocks whose bits are missing are flagged. */
function restoreCarriers(
  plane: Uint16Array,
  layout: Layout,
  superblocks: readonly SuperblockRecovery[],
  { bits, missing }: FoundStream,
  lost: Uint8Array,
  block: Block,
): void {
  const space = carrierSpaceFor(layout);
  let at = 0;
  for (const [superblock, rectangle] of layout.superblocks.entries()) {
    const from = at;
    at += superblocks[superblock]!.sourceBits;
    if (lost[superblock] === 1) continue;
    if (missing.subarray(from, at).includes(1)) {
      lost[superblock] = 1;
      continue;
    }
    loadBlock(block, plane, layout, rectangle);
    mirrorBorder(block);
    findCarriers(space, block, layout, superblock);
    decodeCarriers(block, space, bits, from, at, plane, layout.carriers);
  }
}
