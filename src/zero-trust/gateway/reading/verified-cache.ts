/**
 * What was fetched and examined a moment ago: a viewer asks for metadata, a thumbnail and many frames of one object. Two who ask at once share one
 * fetch. Bytes are hashed again each time they leave, and each reader's policy decides anew.
 */
import type { Clock } from "../../../foundation/crypto.ts";

/** Freed when nobody uses it and it is too old, or its room is needed. */
export interface Cached {
  readonly bytes: number;
  free(): Promise<void>;
}

export interface CacheLimits {
  /** Of what nobody uses at the moment. */
  readonly bytesMax: number;
  /** From its examination: a revocation or a change in the archive is noticed after this; what took long to fetch and examine stays in proportion. */
  readonly ageMsMax: number;
}

/** Its age at most, in times what it took: a viewer of an object of gigabytes, whose frames come one by one, waits for a tenth of the time. */
const timesTaken = 10;
/** However long it took: an archive that drips buys no more. */
const ageMsCap = 600_000;
/** Between two looks at what nobody asks for any more. */
const lookMs = 10_000;

interface Entry<T> {
  readonly value: Promise<T>;
  readonly since: number;
  /** To fetch and examine it; milliseconds. */
  took: number;
  users: number;
  settled: T | undefined;
  isGone: boolean;
}

/** Something in use; `done` once, or more often. */
export interface InUse<T> {
  readonly value: T;
  done(): void;
}

export class VerifiedCache<T extends Cached> {
  readonly #limits: CacheLimits;
  readonly #clock: Clock;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry<T>>();
  #looking: NodeJS.Timeout | undefined;

  constructor(limits: CacheLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** What `make` throws is nobody's: the next one tries again. */
  async use(key: string, make: () => Promise<T>): Promise<InUse<T>> {
    let entry = this.#entries.get(key);
    if (entry && this.#isTooOld(entry)) {
      this.#drop(key, entry);
      entry = undefined;
    }
    if (entry) this.#entries.delete(key);
    else entry = this.#made(key, make);
    this.#entries.set(key, entry);
    const used = entry;
    used.users++;
    try {
      const value = await used.value;
      return { value, done: once(() => this.#done(used)) };
    } catch (error) {
      used.users--;
      throw error;
    }
  }

  #made(key: string, make: () => Promise<T>): Entry<T> {
    const entry: Entry<T> = {
      value: make(),
      since: this.#clock.now(),
      took: 0,
      users: 0,
      settled: undefined,
      isGone: false,
    };
    entry.value.then(
      (value) => {
        entry.settled = value;
        entry.took = Math.max(0, this.#clock.now() - entry.since);
        this.#tidy();
      },
      () => this.#drop(key, entry),
    );
    return entry;
  }

  #isTooOld({ since, took }: Entry<T>): boolean {
    return (
      Math.abs(this.#clock.now() - since) >
      Math.max(this.#limits.ageMsMax, Math.min(timesTaken * took, ageMsCap))
    );
  }

  #done(entry: Entry<T>): void {
    entry.users--;
    if (entry.isGone) this.#freeUnused(entry);
    else this.#tidy();
  }

  #drop(key: string, entry: Entry<T>): void {
    if (entry.isGone) return;
    entry.isGone = true;
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    this.#freeUnused(entry);
  }

  #freeUnused({ users, settled }: Entry<T>): void {
    // A file that cannot be removed is removed with its folder at the next start.
    if (users === 0) void settled?.free().catch(() => undefined);
  }

  /** Too old, or over the room for what nobody uses: the longest unused first. */
  #tidy(): void {
    const unused = [...this.#entries].filter(
      ([, { users, settled }]) => users === 0 && settled !== undefined,
    );
    let bytes = unused.reduce((sum, [, { settled }]) => sum + (settled?.bytes ?? 0), 0);
    for (const [key, entry] of unused) {
      if (bytes <= this.#limits.bytesMax && !this.#isTooOld(entry)) continue;
      bytes -= entry.settled?.bytes ?? 0;
      this.#drop(key, entry);
    }
    clearTimeout(this.#looking);
    // What nobody reads any more goes too.
    if (this.#entries.size > 0) this.#looking = setTimeout(() => this.#tidy(), lookMs).unref();
  }

  /** Nothing of it stays, but for what is in use. */
  clear(): void {
    clearTimeout(this.#looking);
    for (const [key, entry] of [...this.#entries]) this.#drop(key, entry);
  }
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
}
