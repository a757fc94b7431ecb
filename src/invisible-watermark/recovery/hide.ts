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
const passesMax = 4;
/** Mean of the squared changes that a frame may have, over its largest value squared: a PSNR of 53 dB. */
const meanSquareMax = 5e-6;
/** Estimates are near: with a little less than what is allowed the next pass is quiet enough. */
const aim = 0.99;

export interface HiddenRecovery {
  /** As many as the layout has. */
  readonly superblocks: readonly SuperblockRecovery[];
  /** What found no place. */
  readonly sidecar?: Sidecar;
  /** Sum of squared changes. */
  readonly change: number;
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
  const filled = fillWithin(plane, changeMax(layout, maximum), {
    layout,
    maximum,
    stream,
    block,
    selection,
  });
  const superblocks = stream.sourceBits.map((sourceBits, superblock) => ({
    ...(filled.entries.get(superblock) ?? { parameters: 0, hostBits: 0, order: 0 }),
    sourceBits,
  }));
  const { hidden, change } = filled;
  const left = stream.length - hidden;
  const bytes = packBits(stream.bits, hidden, stream.length);
  return { superblocks, change, ...(left > 0 && { sidecar: { bits: left, bytes } }) };
}

/** What the other samples may be changed: the carriers' own bits are not known yet, half of them will change by 1, rarely a few more. */
function changeMax({ carriers, width, height }: Layout, maximum: number): number {
  const ofCarriers = carriers.length / 2 + 2 * Math.sqrt(carriers.length);
  return meanSquareMax * maximum * maximum * width * height - ofCarriers;
}

/** What does not change from one filling to the next. */
interface Task {
  readonly layout: Layout;
  readonly maximum: number;
  readonly stream: RecoveryStream;
  readonly block: Block;
  readonly selection: HostSelection;
}

/** As much as finds a place for `allowed`, a sum of squared changes; nothing where that is less than half. */
function fillWithin(plane: Uint16Array, allowed: number, task: Task): FilledHosts {
  const { stream, selection } = task;
  const original = plane.slice();
  let target = stream.length;
  for (let pass = 1; pass <= passesMax && 2 * target >= stream.length; pass++) {
    const filled = fillHosts(plane, target, task);
    if (filled.change > allowed) {
      target = selection.bitsWithin(aim * allowed, filled.hidden, filled.change);
      selection.restart();
    } else {
      const missing = (target - filled.hidden) / stream.length;
      if (missing <= 0 || pass === passesMax || !selection.restart(missing)) {
        if (2 * filled.hidden < stream.length) break;
        return filled;
      }
    }
    plane.set(original);
  }
  plane.set(original);
  return { hidden: 0, entries: new Map(), change: 0 };
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
  /** Sum of squared changes. */
  readonly change: number;
  /** By superblock. */
  readonly entries: ReadonlyMap<number, Omit<SuperblockRecovery, "sourceBits">>;
}

/** R5 to R9. @param target how many bits of the stream suffice */
function fillHosts(
  plane: Uint16Array,
  target: number,
  { layout, maximum, stream, block, selection }: Task,
): FilledHosts {
  const { bits, length } = stream;
  const space = expansionSpace(block);
  const entries = new Map<number, Omit<SuperblockRecovery, "sourceBits">>();
  let hidden = 0;
  let change = 0;
  while (hidden < target) {
    const host = selection.next(target - hidden);
    if (host === undefined) break;
    const { superblock, parameters } = host;
    const rectangle = layout.superblocks[superblock]!;
    loadBlock(block, plane, layout, rectangle);
    const hostBits = fillBlock(block, parameters, maximum, bits, hidden, length, space);
    selection.hid(superblock, Math.max(0, hostBits));
    if (hostBits <= 0) continue;
    change += storeBlock(block, plane, layout, rectangle);
    entries.set(superblock, { parameters, hostBits, order: entries.size + 1 });
    hidden += hostBits;
  }
  return { hidden: Math.min(hidden, length), change, entries };
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
