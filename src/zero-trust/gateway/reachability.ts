/**
 * Whether a destination can be reached. While it cannot, the waiting belongs to it and not to its deliveries: one try at a time, further and further
 * apart. In memory only: a start tries at once.
 */
import { backOffMs } from "./retry.ts";
import type { GatewayLimits } from "./settings.ts";

/** However long it was away: objects must not wait for long after it is back. */
const triesApartMs = 60_000;
/** Objects in a row in the midst of which the association ended: with one it may be the object. */
const brokenMax = 2;

export interface Outage {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly why: string;
  readonly nextTryAt: number;
}

/** What a failure came from: no association was had, or it ended before the answer. */
export type Break = "no-association" | "broken";

type ProbeLimits = Pick<GatewayLimits, "retryMs" | "retryMsMax">;

export class Reachability {
  readonly #limits: () => ProbeLimits;
  readonly #random: () => number;
  readonly #broken = new Set<string>();
  #outage: Outage | undefined;
  #kind: Break = "no-association";
  #failures = 0;
  #trier: object | undefined;

  constructor(limits: () => ProbeLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  get outage(): Outage | undefined {
    return this.#outage;
  }

  /** Takes the turn, where there is an outage: `rest` gives it back, and so does every outcome. */
  mayTry(now: number, worker: object): boolean {
    if (!this.#outage) return true;
    if (this.#trier || now < this.#outage.nextTryAt) return false;
    this.#trier = worker;
    return true;
  }

  /** It does not try any more. */
  rest(worker: object): void {
    if (this.#trier === worker) this.#trier = undefined;
  }

  failed(kind: Break, why: string, now: number): Outage {
    const { retryMs, retryMsMax } = this.#limits();
    this.#failures++;
    this.#trier = undefined;
    this.#kind = kind;
    const bounded = { retryMs, retryMsMax: Math.min(retryMsMax, triesApartMs) };
    const nextTryAt = now + backOffMs(this.#failures, bounded, this.#random());
    this.#outage = { since: this.#outage?.since ?? now, why, nextTryAt };
    return this.#outage;
  }

  /** The association ended in the midst of an object. @returns the outage, where it is the destination and not the object */
  broke(delivery: string, why: string, now: number): Outage | undefined {
    this.#broken.add(delivery);
    if (!this.#outage && this.#broken.size < brokenMax) return undefined;
    return this.failed("broken", why, now);
  }

  /** An association was accepted. @returns the outage that ended */
  accepted(): Outage | undefined {
    return this.#kind === "no-association" ? this.#end() : undefined;
  }

  /** An object was answered, however. @returns the outage that ended */
  answered(): Outage | undefined {
    this.#broken.clear();
    return this.#end();
  }

  /** Nothing waits for it any more. */
  forget(): void {
    this.#end();
  }

  #end(): Outage | undefined {
    const ended = this.#outage;
    this.#outage = undefined;
    this.#failures = 0;
    this.#trier = undefined;
    return ended;
  }
}
