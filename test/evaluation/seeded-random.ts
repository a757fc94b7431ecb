/** Choices that are the same in every run: seeded by names, as the scenarios ask (SHA-256 of an identifier and a scenario). */
import { utf8, viewOf } from "../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";

export class SeededRandom {
  #state: number;

  constructor(...names: readonly (string | number)[]) {
    this.#state = viewOf(nodeCrypto.hash("SHA-256", utf8(names.join("\n")))).getUint32(0, true);
  }

  /** 0 up to, without, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** 0 up to, without, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** At most `count` of them, in their order. */
  sample<T>(all: readonly T[], count: number): readonly T[] {
    if (all.length <= count) return all;
    const kept = new Set<number>();
    while (kept.size < count) kept.add(this.below(all.length));
    return all.filter((_, i) => kept.has(i));
  }

  /** About normal, mean 0, deviation 1: the sum of twelve uniform numbers. */
  normal(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.next();
    return sum;
  }
}
