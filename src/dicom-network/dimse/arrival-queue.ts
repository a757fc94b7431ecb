/** What arrives on an association, which is held back when there is much of it, for who takes it piece by piece. */
import { ScansealError } from "../../foundation/errors.ts";

/** What may wait to be taken before the peer is held back. */
const waitingMax = 64;
const waitingBytesMax = 1 << 20;
/** What a peer may still send after it was told to stop: what was under way in networks and buffers. */
const discardedMax = 100_000;

export class ArrivalQueue<Arrival> {
  #waiting: { readonly arrival: Arrival; readonly bytes: number }[] = [];
  #bytes = 0;
  #discarded = 0;
  #isDiscarding = false;
  #isComplete = false;
  #error: unknown;
  #wakeTaker: (() => void) | undefined;
  #wakeGiver: (() => void) | undefined;

  /** While a returned promise is pending there is no room for more. @throws ScansealError `peer-protocol` for what nobody wants and does not end */
  push(arrival: Arrival, bytes: number): void | Promise<void> {
    if (this.#isDiscarding) {
      if (++this.#discarded > discardedMax)
        throw new ScansealError("peer-protocol", "the peer goes on after it was told to stop");
      return;
    }
    this.#waiting.push({ arrival, bytes });
    this.#bytes += bytes;
    this.#wakeTaker?.();
    if (this.#isFull)
      return new Promise((resolve) => {
        this.#wakeGiver = resolve;
      });
  }

  get #isFull(): boolean {
    return this.#waiting.length >= waitingMax || this.#bytes >= waitingBytesMax;
  }

  /** No more will come; after what is waiting `error` is thrown, where there is one. */
  complete(error?: unknown): void {
    this.#isComplete = true;
    this.#error = error;
    this.#wakeTaker?.();
  }

  /** Nobody takes any more: what still comes is dropped. */
  discard(): void {
    this.#isDiscarding = true;
    this.#waiting = [];
    this.#bytes = 0;
    this.#wakeGiver?.();
  }

  /** The next; undefined after the last. */
  async next(): Promise<Arrival | undefined> {
    for (;;) {
      const first = this.#waiting.shift();
      if (first) {
        this.#bytes -= first.bytes;
        if (!this.#isFull) this.#wakeGiver?.();
        return first.arrival;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#isComplete) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeTaker = resolve;
      });
    }
  }
}
