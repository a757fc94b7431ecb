/** Work that is done again and again beside the gate. Nothing waits for it, and it keeps no process alive. */
/** One round after the other, the first at once. */
export class Rounds {
  readonly #round: () => Promise<void>;
  readonly #pauseMs: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #underWay: Promise<void> = Promise.resolve();
  #isStopped = false;

  /** @param round never rejects @param pauseMs asked after each round: how long until the next */
  constructor(round: () => Promise<void>, pauseMs: () => number) {
    this.#round = round;
    this.#pauseMs = pauseMs;
  }

  /** A round looks at it between its steps, and ends early. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  start(): void {
    this.#schedule(0);
  }

  /** Resolves when the round that is under way is over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#underWay;
  }

  #schedule(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#underWay = this.#round().then(() => this.#schedule(this.#pauseMs()));
    }, ms);
    this.#timer.unref();
  }
}
