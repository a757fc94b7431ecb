/** Calls of one kind that come together are carried out together: one statement, one transaction, one fsync for all of them. */

interface Call<I, O> {
  readonly item: I;
  resolve(value: O): void;
  reject(error: unknown): void;
}

export interface CoalescerParts<I, O> {
  /** An answer for each item, in their order; with an error nothing of it happened, or nobody knows. */
  readonly run: (items: readonly I[]) => Promise<readonly O[]>;
  readonly itemsMax: number;
  /** Runs at once; while so many are under way, calls wait and make the next one larger. */
  readonly runsMax: number;
  /** The fault of one item among several: each is tried alone. */
  readonly isOfOneItem: (error: unknown) => boolean;
}

export class Coalescer<I, O> {
  readonly #parts: CoalescerParts<I, O>;
  readonly #waiting: Call<I, O>[] = [];
  readonly #runs = new Set<Promise<void>>();
  #isDue = false;

  constructor(parts: CoalescerParts<I, O>) {
    this.#parts = parts;
  }

  call(item: I): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#wake();
    });
  }

  /** Resolves when nothing is under way. */
  async drain(): Promise<void> {
    while (this.#runs.size > 0 || this.#waiting.length > 0) {
      await Promise.all([...this.#runs, new Promise<void>((resolve) => setImmediate(resolve))]);
    }
  }

  /** What is asked for in one turn of the event loop goes together. */
  #wake(): void {
    if (this.#isDue || this.#runs.size >= this.#parts.runsMax) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#start();
    });
  }

  #start(): void {
    const { runsMax, itemsMax } = this.#parts;
    while (this.#waiting.length > 0 && this.#runs.size < runsMax) {
      const run = this.#run(this.#waiting.splice(0, itemsMax)).finally(() => {
        this.#runs.delete(run);
        if (this.#waiting.length > 0) this.#wake();
      });
      this.#runs.add(run);
    }
  }

  /** Never throws. */
  async #run(calls: readonly Call<I, O>[]): Promise<void> {
    try {
      const answers = await this.#parts.run(calls.map(({ item }) => item));
      calls.forEach(({ resolve }, n) => {
        resolve(answers[n]!);
      });
    } catch (error) {
      if (calls.length > 1 && this.#parts.isOfOneItem(error)) {
        for (const call of calls) await this.#run([call]);
      } else {
        for (const { reject } of calls) reject(error);
      }
    }
  }
}
