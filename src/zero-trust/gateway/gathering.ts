/**
 * Lets work that ends one by one go on together, at most so often: what is asked of the journal in one turn shares a transaction and its fsync,
 * and for that the embedded journal stops the event loop (1.5 ms beside a busy spool). After a rest the first one goes at once.
 */
export class Gathering {
  readonly #intervalMs: number;
  readonly #max: number;
  #waiting: (() => void)[] = [];
  #isResting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param max so many do not wait for more */
  constructor(intervalMs: number, max: number) {
    this.#intervalMs = intervalMs;
    this.#max = max;
  }

  /** Resolves for all that wait. */
  join(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    if (!this.#isResting || this.#waiting.length >= this.#max) this.#go();
    return promise;
  }

  /** Nobody waits any longer: it is being stopped. */
  flush(): void {
    if (this.#waiting.length > 0) this.#go();
  }

  #go(): void {
    clearTimeout(this.#timer);
    this.#isResting = true;
    this.#timer = setTimeout(() => {
      this.#isResting = false;
      if (this.#waiting.length > 0) this.#go();
    }, this.#intervalMs);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
