/** Whether an order is scheduled. What was is so for a day: a worklist forgets an order when its procedure is done, while images still come. */
import type { Order } from "./worklist-folder.ts";

/** @throws ScansealError where the worklist cannot be asked */
export type Worklist = (order: Order) => Promise<boolean>;

const rememberedMs: number = 24 * 3_600_000;
const rememberedMax = 10_000;

export class Schedule {
  readonly #worklist: Worklist;
  /** When it was last found there; the oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(worklist: Worklist) {
    this.#worklist = worklist;
  }

  /** @throws ScansealError as the worklist */
  async has(order: Order, now: number): Promise<boolean> {
    const key = JSON.stringify([order.patientId, order.accession]);
    const seenAt = this.#seen.get(key);
    if (seenAt !== undefined && Math.abs(now - seenAt) < rememberedMs) return true;
    this.#seen.delete(key);
    if (!(await this.#worklist(order))) return false;
    this.#seen.set(key, now);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= rememberedMax) break;
      this.#seen.delete(oldest);
    }
    return true;
  }
}
