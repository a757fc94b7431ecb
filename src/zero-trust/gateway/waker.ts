/** Lets a loop sleep until there is work, or for a while. */
export class Waker {
  #isDue = false;
  #wakeSleeper: (() => void) | undefined;

  /** Ends the sleep; if nobody sleeps, the next sleep ends at once. */
  wake(): void {
    if (this.#wakeSleeper) this.#wakeSleeper();
    else this.#isDue = true;
  }

  /** One sleeper at a time. */
  async sleep(ms: number): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wakeSleeper = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wakeSleeper = undefined;
    }
    this.#isDue = false;
  }
}

/** Waits for all of them, at most `ms`. True when they ended in time. */
export async function endWithin(work: readonly Promise<unknown>[], ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, ms));
  });
  const done = Promise.allSettled(work).then(() => true as const);
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
