/**
 * Takes away what nobody needs any more: records of the spool whose journal rows let go of them (another process purged the object, another object
 * took its place), and bytes in the object store that every archive has. Where it is cut off, the journal still says what is left to do.
 */
import type { SpoolLocation } from "../../store/spool/spool.ts";
import { told } from "./fault-words.ts";
import type { ObjectUse } from "./object-use.ts";
import type { GatewayPorts } from "./ports.ts";
import { endWithin, Waker } from "./waker.ts";

const sweepMs = 15_000;
/** Of one look at the journal. */
const recordsAtOnce = 500;
const digestsAtOnce = 100;
/** Held objects that are to leave the spool, of one sweep. */
const heldAtOnce = 100;
/** For a minute the journal keeps back what arrives with these bytes; nothing is deleted in its second half (as for purges). */
const deletionMs = 30_000;

export interface CleanerParts {
  readonly use: ObjectUse;
  /** The object is to move to the object store. */
  readonly store: (id: string) => void;
}

export class Cleaner {
  readonly #ports: GatewayPorts;
  readonly #parts: CleanerParts;
  /** By object: spool records that nobody may tell us about when they are free. Those that were looked at last come last. */
  readonly #watched = new Map<string, SpoolLocation>();
  readonly #waker: Waker = new Waker();
  #isStopping = false;
  #loop: Promise<void> | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(ports: GatewayPorts, parts: CleanerParts) {
    this.#ports = ports;
    this.#parts = parts;
  }

  /** The record is released when its object's row refers to it no more. Releasing twice is fine. */
  watch(id: string, location: SpoolLocation): void {
    this.#watched.set(id, location);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#waker.wake();
    await endWithin([this.#loop ?? Promise.resolve()], graceMs);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await this.sweep();
      await this.#waker.sleep(sweepMs);
    }
  }

  /** Everything that can be done now. Never throws: what fails is an event, and done the next time. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepNow().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweepNow(): Promise<void> {
    // A disk that somebody else fills gets back what the spool keeps in advance, also while nothing arrives.
    await this.#guarded("spool", async () => void (await this.#ports.spool.refusal()));
    await this.#guarded("spool records", () => this.#freeRecords());
    await this.#guarded("delivered objects", () => this.#deleteBytes());
  }

  async #guarded(where: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      this.#ports.events({ kind: "fault", where, ...told(error) });
    }
  }

  async #freeRecords(): Promise<void> {
    const { journal, spool } = this.#ports;
    const looked = [...this.#watched].slice(0, recordsAtOnce);
    if (looked.length === 0) return;
    const known = await journal.known(looked.map(([id]) => id));
    const left: string[] = [];
    for (const [id, location] of looked) {
      // A row that is not written yet is not known, and keeps its record.
      const isFree = known.get(id)?.inSpool === false;
      if (isFree && (await this.#parts.use.moving(id, () => spool.release(location)))) {
        this.#watched.delete(id);
        continue;
      }
      this.#watched.delete(id);
      this.#watched.set(id, location);
      if (!isFree) left.push(id);
    }
    await this.#storeHeld(left.slice(0, heldAtOnce));
  }

  /** The object store had no room, or was away: it may be back. */
  async #storeHeld(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      if (this.#isStopping) return;
      if ((await this.#ports.journal.object(id))?.state === "held") this.#parts.store(id);
    }
  }

  async #deleteBytes(): Promise<void> {
    const { journal, objects, clock } = this.#ports;
    for (let count = digestsAtOnce; count === digestsAtOnce && !this.#isStopping; ) {
      const at = clock.now();
      const claimed = await journal.claimDeletions(digestsAtOnce, at);
      count = claimed.length;
      if (count === 0) return;
      // Everybody sees now that they were given out; whoever came to need them meanwhile is seen here.
      const digests = await journal.renewPurge(claimed, at);
      const deleted: string[] = [];
      for (const digest of digests) {
        const age = clock.now() - at;
        if (this.#isStopping || age < 0 || age > deletionMs) break;
        await objects.delete(digest);
        deleted.push(digest);
      }
      await journal.confirmDeletions(deleted, at);
    }
  }
}
