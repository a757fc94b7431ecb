/**
 * Lets work that ends one by one go on together: what is asked of the journal in one turn shares a transaction and its fsync, for which the
 * embedded journal stops the event loop.
 */
export class Gathering {
  readonly #waitMs: number;
  readonly #max: number;
  /** How many may come at most, those that wait included. */
  readonly #expected: () => number;
  #waiting: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param waitMs what the first one waits at most */
  constructor(waitMs: number, max: number, expected: () => number) {
    this.#waitMs = waitMs;
    this.#max = max;
    this.#expected = expected;
  }

  /** Resolves for all that wait, when nobody else can come, there are enough, or the first one has waited long enough. */
  join(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#timer ??= setTimeout(() => this.#go(), this.#waitMs);
    this.look();
    return promise;
  }

  /** Fewer may be expected now. */
  look(): void {
    if (this.#waiting.length >= Math.min(this.#max, this.#expected())) this.#go();
  }

  #go(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
