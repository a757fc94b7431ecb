/** A stream of bytes described without reading it: literals and ranges of a source, some with swapped byte order. */
import { type ByteSource, readChunks } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
  /** Width in bytes of the numbers whose order is reversed; 1 copies. `length` is a multiple of it. */
  readonly swap: 1 | 2 | 4 | 8;
}

export type PlanStep = Bytes | ByteRange;

/** Gives the plan's bytes to `sink`, piece by piece. Pieces share memory with the source: they are only read, and not kept. */
export async function feedPlan(
  plan: Iterable<PlanStep>,
  source: ByteSource,
  sink: (bytes: Bytes) => void | Promise<void>,
): Promise<void> {
  for (const step of plan) {
    if (step instanceof Uint8Array) {
      await sink(step);
      continue;
    }
    for await (const chunk of readChunks(source, step.offset, step.length)) {
      await sink(step.swap === 1 ? chunk : swapped(chunk, step.swap));
    }
  }
}

/** Bytes that the plan gives in all. */
export function planLength(plan: Iterable<PlanStep>): number {
  let total = 0;
  for (const step of plan) total += step.length;
  return total;
}

/** A copy with the byte order of each `width`-byte number reversed; a remainder shorter than `width` is copied. */
export function swapped(bytes: Bytes, width: 1 | 2 | 4 | 8): Bytes {
  const out = new Uint8Array(bytes.length);
  const whole = bytes.length - (bytes.length % width);
  for (let at = 0; at < whole; at += width) {
    for (let k = 0; k < width; k++) out[at + k] = bytes[at + width - 1 - k]!;
  }
  out.set(bytes.subarray(whole), whole);
  return out;
}
