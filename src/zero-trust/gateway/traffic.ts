/**
 * Whether objects are arriving quickly just now. What can wait a moment waits until they pause: on a small machine sender, receiver and
 * examiner share the processors, and whoever sends is waited for by a person.
 */

/** Between two looks. */
const lookMs = 20;
/** In that time: 13 MB/s, a tenth of what a busy processor takes in. */
const busyBytes: number = 256 << 10;

/** Those who wait for something, each for a while at most. */
export class Patience {
  readonly #waiting = new Set<() => void>();

  wait(msMax: number): Promise<void> {
    if (msMax <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, msMax);
      this.#waiting.add(done);
    });
  }

  end(): void {
    for (const done of this.#waiting) done();
  }
}

export class Traffic {
  readonly #patience: Patience = new Patience();
  #bytes = 0;
  #isBusy = false;
  #looking: ReturnType<typeof setInterval> | undefined;

  /** So much has arrived. */
  note(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= busyBytes) this.#isBusy = true;
    this.#looking ??= setInterval(() => this.#look(), lookMs).unref();
  }

  #look(): void {
    this.#isBusy = this.#bytes >= busyBytes;
    if (this.#bytes === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
    }
    this.#bytes = 0;
    if (!this.#isBusy) this.#patience.end();
  }

  /** Resolves when little or nothing arrives, after `msMax` at the latest. */
  lull(msMax: number): Promise<void> {
    return this.#isBusy ? this.#patience.wait(msMax) : Promise.resolve();
  }
}
