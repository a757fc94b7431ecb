/**
 * Finds peers that are too slow. The path of the data only stores time stamps; one coarse timer looks at them.
 * Time during which we hold the peer back, and time our own event loop lost, is not counted against it.
 */
import type { UpperLayerTimers } from "./upper-layer.ts";

/** Between two looks: a quarter of the shortest limit, but no busier than 20 ms and no lazier than a second. */
const lookMsMin = 20;
const lookMsMax = 1_000;

/** A time stamp of what is not under way: no limit is ever exceeded since then. */
const never = Number.POSITIVE_INFINITY;

/** Milliseconds on a clock that nobody sets. */
function monotonicMs(): number {
  return performance.now();
}

export class ConnectionWatch {
  readonly #timers: UpperLayerTimers;
  readonly #onExpired: (why: string) => void;
  readonly #lookMs: number;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  #isHeld = false;
  #heldAt = 0;
  /** The last byte received, or sent. */
  #activeAt = 0;
  /** First byte of the PDU under way. */
  #pduAt = never;
  /** First byte of the message part under way. */
  #messageAt = never;
  #messageBytes = 0;
  /** Since when the peer has taken nothing of what we send. */
  #sendAt = never;
  /** Work of ours that the peer waits for. */
  #working = 0;

  constructor(timers: UpperLayerTimers, onExpired: (why: string) => void) {
    this.#timers = timers;
    this.#onExpired = onExpired;
    const shortest = Math.min(timers.idleMs, timers.pduMs, timers.minimumRateGraceMs, timers.sendStallMs);
    this.#lookMs = Math.max(lookMsMin, Math.min(lookMsMax, shortest / 4));
  }

  start(): void {
    this.#activeAt = monotonicMs();
    this.#schedule(this.#activeAt);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** A chunk has come. */
  received(): void {
    this.#activeAt = monotonicMs();
  }

  /** Between two PDUs. */
  betweenPdus(): void {
    this.#pduAt = never;
  }

  /** The PDU under way began in this chunk. */
  pduBegan(): void {
    this.#pduAt = this.#activeAt;
  }

  /** A piece of a message part. */
  piece(bytes: number, isLast: boolean): void {
    if (isLast) {
      this.#messageAt = never;
      this.#messageBytes = 0;
      return;
    }
    if (this.#messageAt === never) this.#messageAt = this.#activeAt;
    this.#messageBytes += bytes;
  }

  /** We keep the peer waiting. */
  hold(): void {
    this.#isHeld = true;
    this.#heldAt = monotonicMs();
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const now = monotonicMs();
    this.#forgive(now - this.#heldAt);
    this.#activeAt = now;
  }

  /** The peer waits for work of ours: its silence is not counted, though what it sends is read. */
  workBegan(): void {
    this.#working++;
  }

  workDone(): void {
    this.#working--;
    this.#activeAt = monotonicMs();
  }

  /** Something is given to the transport, or the transport has taken it and gets more. */
  sending(): void {
    this.#sendAt = monotonicMs();
  }

  /** The transport has taken all of it. */
  sent(): void {
    this.#sendAt = never;
    this.#activeAt = monotonicMs();
  }

  #schedule(now: number): void {
    this.#dueAt = now + this.#lookMs;
    this.#timer = setTimeout(() => this.#look(), this.#lookMs);
  }

  #look(): void {
    const now = monotonicMs();
    // What we did not read while our loop was blocked may well have come.
    const late = now - this.#dueAt;
    if (late > this.#lookMs) this.#forgive(late);
    const why = this.#fault(now);
    if (why === undefined) this.#schedule(now);
    else this.#onExpired(why);
  }

  #forgive(ms: number): void {
    this.#activeAt += ms;
    this.#pduAt += ms;
    this.#messageAt += ms;
    this.#sendAt += ms;
  }

  #fault(now: number): string | undefined {
    const { idleMs, pduMs, sendStallMs, minimumRateGraceMs, minimumRateBytesPerSecond } = this.#timers;
    if (now - this.#sendAt > sendStallMs)
      return `the peer took nothing of what we sent for ${sendStallMs} ms`;
    if (this.#isHeld) return undefined;
    if (now - this.#pduAt > pduMs) return `a PDU was not complete after ${pduMs} ms`;
    const arrivingMs = now - this.#messageAt;
    if (arrivingMs > minimumRateGraceMs && this.#messageBytes * 1000 < minimumRateBytesPerSecond * arrivingMs)
      return `a message came with less than ${minimumRateBytesPerSecond} bytes a second`;
    if (this.#working > 0) return undefined;
    if (this.#sendAt === never && now - this.#activeAt > idleMs) return `idle for ${idleMs} ms`;
    return undefined;
  }
}
