/** How fast archives are asked: readers, and what arrives, go first. */
import type { Clock } from "../../foundation/crypto.ts";

export interface PaceParts {
  readonly clock: Clock;
  /** Objects a second at most; undefined: as fast as it goes. */
  readonly rate?: number | undefined;
  /** Returns early when the work is to end. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Others have work for the same threads. Undefined: nobody has. */
  readonly isBusy?: (() => Promise<boolean>) | undefined;
}

/** Looked at again after so long. */
const busyMs = 500;
/** A gate that is busy all day is swept all the same, one object after such a time. */
const busyMsMax = 10_000;

export class Pace {
  readonly #parts: PaceParts;
  #nextAt = 0;

  constructor(parts: PaceParts) {
    this.#parts = parts;
  }

  /** After each object. */
  async next(): Promise<void> {
    const { clock, rate, sleep, isBusy } = this.#parts;
    for (let waited = 0; isBusy && waited < busyMsMax && (await isBusy()); waited += busyMs)
      await sleep(busyMs);
    if (rate === undefined) return;
    const now = clock.now();
    // Time that was lost is not made up: no bursts. A clock that was set back stops nothing.
    const since = Math.abs(this.#nextAt - now) > 2_000 / rate + busyMs ? now : Math.max(this.#nextAt, now);
    this.#nextAt = since + 1_000 / rate;
    await sleep(this.#nextAt - now);
  }
}
