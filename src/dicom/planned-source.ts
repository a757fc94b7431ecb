/** A byte source made of a plan over another source: an edited object that was never written anywhere. */
import type { ByteSource } from "../foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { type PlanStep, planLength } from "./byte-plan.ts";

export class PlannedSource implements ByteSource {
  readonly size: number;
  readonly #steps: readonly PlanStep[];
  /** Offset of each step's first byte. */
  readonly #starts: readonly number[];
  readonly #source: ByteSource;

  /** Steps that swap bytes are not supported: splicing makes none. */
  constructor(plan: readonly PlanStep[], source: ByteSource) {
    this.#steps = plan.filter((step) => step.length > 0);
    this.#source = source;
    this.size = planLength(plan);
    let at = 0;
    this.#starts = this.#steps.map((step) => {
      at += step.length;
      return at - step.length;
    });
  }

  async read(offset: number, length: number): Promise<Bytes> {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw new ScansealError("io", "range outside the source", { offset });
    }
    const parts: Bytes[] = [];
    let at = offset;
    for (let i = this.#stepAt(offset); at < offset + length; i++) {
      const step = this.#steps[i]!;
      const from = at - this.#starts[i]!;
      const take = Math.min(step.length - from, offset + length - at);
      parts.push(
        step instanceof Uint8Array
          ? step.subarray(from, from + take)
          : await this.#source.read(step.offset + from, take),
      );
      at += take;
    }
    return parts.length === 1 ? parts[0]! : concatBytes(parts);
  }

  /** Index of the step that holds the byte at `offset`. */
  #stepAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
