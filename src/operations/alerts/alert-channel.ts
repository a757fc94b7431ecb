/** A way to somebody, and the messages that wait for it. */
import type { AlertMessage } from "./alert-message.ts";

export interface AlertChannel {
  /** "webhook", "mail", "syslog". */
  readonly name: string;
  /**
   * Resolves when the other side took it, with what went wrong nevertheless. Within `sendMsMax`, whatever it does.
   * @throws Error that says why not, without secrets
   */
  send(message: AlertMessage): Promise<string | undefined>;
}

/** PEM texts. */
export interface ChannelTls {
  readonly authorities: string;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
}

export interface ChannelTimes {
  readonly retryMs: number;
  readonly retryMsMax: number;
  /** Tries that fail in a row until others are told. */
  readonly deadAfter: number;
}

export const channelTimes: ChannelTimes = { retryMs: 5_000, retryMsMax: 300_000, deadAfter: 4 };

/** For one try: somebody waits for the next one. */
export const sendMsMax = 10_000;

/** A night without anybody's looking; then the oldest go. */
const waitingMax = 200;

export class ChannelQueue {
  readonly #channel: AlertChannel;
  readonly #times: ChannelTimes;
  readonly #parts: ChannelQueueParts;
  #waiting: AlertMessage[];
  #failures = 0;
  /** Told once. */
  #note: string | undefined;
  /** Until one was sent. */
  #isFull = false;
  #isStopping = false;
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;

  constructor(channel: AlertChannel, waiting: readonly AlertMessage[], parts: ChannelQueueParts) {
    this.#channel = channel;
    this.#waiting = waiting.slice(-waitingMax);
    this.#times = parts.times;
    this.#parts = parts;
  }

  get name(): string {
    return this.#channel.name;
  }

  get waiting(): readonly AlertMessage[] {
    return this.#waiting;
  }

  push(message: AlertMessage): void {
    this.#waiting.push(message);
    if (this.#waiting.length <= waitingMax) return;
    this.#waiting.shift();
    if (!this.#isFull) this.#parts.onDropped(this.name);
    this.#isFull = true;
  }

  /** Begins, or goes on, to send what waits. */
  start(): void {
    if (this.#isStopping) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** What cannot be sent at once stays. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceMs);
    await Promise.race([this.#running, promise]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const why = await this.#try(next);
      if (why === undefined) {
        this.#waiting = this.#waiting.filter((one) => one !== next);
        if (this.#failures >= this.#times.deadAfter) this.#parts.onState(this.name, true, "");
        this.#failures = 0;
        this.#isFull = false;
        this.#parts.onSent();
        continue;
      }
      this.#failures++;
      if (this.#failures >= this.#times.deadAfter)
        this.#parts.onState(this.name, false, this.#failures === this.#times.deadAfter ? why : "");
      if (this.#isStopping) return;
      await this.#pause(
        Math.min(this.#times.retryMs * 2 ** Math.min(this.#failures - 1, 20), this.#times.retryMsMax),
      );
      if (this.#isStopping) return;
    }
  }

  async #try(message: AlertMessage): Promise<string | undefined> {
    try {
      const note = await this.#channel.send(message);
      if (note !== undefined && note !== this.#note) this.#parts.onNote(this.name, note);
      this.#note = note;
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : "failed";
    }
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    timer.unref();
    this.#wake = () => {
      clearTimeout(timer);
      resolve();
    };
    return promise;
  }
}

export interface ChannelQueueParts {
  readonly times: ChannelTimes;
  /** Dead and why, then with each try that failed without; reached again. */
  readonly onState: (channel: string, isReached: boolean, why: string) => void;
  readonly onDropped: (channel: string) => void;
  /** It was taken, but. */
  readonly onNote: (channel: string, note: string) => void;
  readonly onSent: () => void;
}
