/** Hides what the carriers held in the other samples (spec/invisible-watermark.md, Recovery). */
import type { Layout } from "../layout.ts";
import { applyKeyStream, packBits } from "./bit-stream.ts";
import { type Block, blockFor, loadBlock, mirrorBorder, storeBlock } from "./block.ts";
import { type CarrierSpace, carrierSpaceFor, encodeCarriers, findCarriers } from "./carrier-bits.ts";
import type { KeyStream, Sidecar, SuperblockRecovery } from "./hidden-recovery.ts";
import { HostSelection } from "./host-selection.ts";
import {
  classes,
  type ExpansionSpace,
  expandClass,
  expansionOf,
  expansionSpace,
} from "./prediction-error-expansion.ts";

/** Nearly always one is enough. */
const passesMax = 3;

export interface HiddenRecovery {
  /** As many as the layout has. */
  readonly superblocks: readonly SuperblockRecovery[];
  /** What found no place. */
  readonly sidecar?: Sidecar;
}

/** Coded and encrypted, one byte (0 or 1) each. */
interface RecoveryStream {
  readonly bits: Uint8Array;
  readonly length: number;
  /** Of each superblock. */
  readonly sourceBits: readonly number[];
}

/**
 * @param plane the carrier plane, values 0 to 2^bits - 1, its carriers' lowest bits cleared; other samples are changed in place
 * @param bits 8 to 16
 * @param carrierBits 0 or 1 for each carrier, in carrier order
 */
export function hideCarrierBits(
  plane: Uint16Array,
  layout: Layout,
  bits: number,
  carrierBits: Uint8Array,
  keyStream?: KeyStream,
): HiddenRecovery {
  const maximum = 2 ** bits - 1;
  const block = blockFor(layout);
  const selection = new HostSelection(layout.superblocks.length, maximum);
  const stream = codeCarriers(plane, layout, carrierBits, block, selection);
  applyKeyStream(stream.bits, stream.length, keyStream);
  const original = plane.slice();
  let hosts = fillHosts(plane, layout, maximum, stream, block, selection);
  for (let pass = 2; pass <= passesMax && hosts.hidden < stream.length && selection.restart(); pass++) {
    plane.set(original);
    hosts = fillHosts(plane, layout, maximum, stream, block, selection);
  }
  const isWorthIt = 2 * hosts.hidden >= stream.length;
  if (!isWorthIt) plane.set(original);
  const superblocks = stream.sourceBits.map((sourceBits, superblock) => ({
    ...((isWorthIt ? hosts.entries.get(superblock) : undefined) ?? { parameters: 0, hostBits: 0, order: 0 }),
    sourceBits,
  }));
  const hidden = isWorthIt ? hosts.hidden : 0;
  const left = stream.length - hidden;
  const bytes = packBits(stream.bits, hidden, stream.length);
  return { superblocks, ...(left > 0 && { sidecar: { bits: left, bytes } }) };
}

/** R2 to R4. The selection sees each superblock on the way. */
function codeCarriers(
  plane: Uint16Array,
  layout: Layout,
  carrierBits: Uint8Array,
  block: Block,
  selection: HostSelection,
): RecoveryStream {
  const space: CarrierSpace = carrierSpaceFor(layout);
  const bits = new Uint8Array(layout.carriers.length);
  const sourceBits: number[] = [];
  let length = 0;
  for (const [superblock, rectangle] of layout.superblocks.entries()) {
    loadBlock(block, plane, layout, rectangle);
    mirrorBorder(block);
    findCarriers(space, block, layout, superblock);
    const coded = encodeCarriers(block, space, carrierBits, bits, length);
    sourceBits.push(coded);
    length += coded;
    selection.look(superblock, block);
  }
  return { bits, length, sourceBits };
}

interface FilledHosts {
  readonly hidden: number;
  /** By superblock. */
  readonly entries: ReadonlyMap<number, Omit<SuperblockRecovery, "sourceBits">>;
}

/** R5 to R9. */
function fillHosts(
  plane: Uint16Array,
  layout: Layout,
  maximum: number,
  { bits, length }: RecoveryStream,
  block: Block,
  selection: HostSelection,
): FilledHosts {
  const space = expansionSpace(block);
  const entries = new Map<number, Omit<SuperblockRecovery, "sourceBits">>();
  let hidden = 0;
  while (hidden < length) {
    const host = selection.next(length - hidden);
    if (host === undefined) break;
    const { superblock, parameters } = host;
    const rectangle = layout.superblocks[superblock]!;
    loadBlock(block, plane, layout, rectangle);
    const hostBits = fillBlock(block, parameters, maximum, bits, hidden, length, space);
    selection.hid(superblock, Math.max(0, hostBits));
    if (hostBits <= 0) continue;
    storeBlock(block, plane, layout, rectangle);
    entries.set(superblock, { parameters, hostBits, order: entries.size + 1 });
    hidden += hostBits;
  }
  return { hidden: Math.min(hidden, length), entries };
}

/** @returns the places for bits, of which the last ones may lie after the end of the stream; not above 0: the superblock cannot be a host */
function fillBlock(
  block: Block,
  parameters: number,
  maximum: number,
  stream: Uint8Array,
  at: number,
  end: number,
  space: ExpansionSpace,
): number {
  const expansion = expansionOf(parameters, maximum)!;
  let hidden = 0;
  for (const place of classes) {
    mirrorBorder(block);
    const more = expandClass(block, place, expansion, maximum, stream, at + hidden, end, space);
    if (more < 0) return more;
    hidden += more;
  }
  return hidden;
}
