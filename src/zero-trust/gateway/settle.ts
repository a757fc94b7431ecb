/**
 * Where admitted objects stay. Delivered ones leave the spool after the last delivery; without an archive, after a failed delivery, or after a
 * while they move to the object store, so that the spool stays small. What is held moves too, where it could not at first.
 */
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { SpoolLocation } from "../../store/spool/spool.ts";
import { told } from "./fault-words.ts";
import { Gathering } from "./gathering.ts";
import { storeCopy } from "./object-copy.ts";
import type { ObjectUse } from "./object-use.ts";
import type { GatewayPorts } from "./ports.ts";
import { endWithin, Waker } from "./waker.ts";

/** Admitted objects younger than this are on their way to the archives. */
const youngMs = 60_000;
const sweepMs = 15_000;
const sweepObjects = 100;
/** Moves at once: each copies an object and waits for the disk. */
const movesMax = 8;
/** Moves wait until there is nothing more urgent, but no longer. */
const restMs = 5_000;
/** Between two transactions that write down what is stored. */
const writeDownMs = 50;

export class Settler {
  readonly #ports: GatewayPorts;
  readonly #use: ObjectUse;
  readonly #rest: (msMax: number) => Promise<void>;
  readonly #queue: string[] = [];
  /** Their bytes are not what was judged: told once, left for a person. */
  readonly #damaged = new Set<string>();
  readonly #moving = new Set<Promise<void>>();
  readonly #gathering: Gathering = new Gathering(writeDownMs, movesMax);
  readonly #waker: Waker = new Waker();
  #isResting = false;
  #isStopping = false;
  #loop: Promise<void> | undefined;

  /** @param rest resolves when there is nothing more urgent, after so many milliseconds at the latest */
  constructor(ports: GatewayPorts, use: ObjectUse, rest: (msMax: number) => Promise<void>) {
    this.#rest = rest;
    this.#ports = ports;
    this.#use = use;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** The object is to move to the object store. */
  store(id: string): void {
    if (this.#damaged.has(id) || this.#queue.includes(id)) return;
    this.#queue.push(id);
    if (!this.#isResting) void this.#fillRested();
  }

  /** A delivery is done; if it was the last, the spool is freed. @returns what somebody still reads: to be released later */
  async delivered(id: string): Promise<SpoolLocation | undefined> {
    const freed = await this.#ports.journal.markDelivered(id);
    if (!freed) return undefined;
    const released = await this.#use.moving(id, () => this.#ports.spool.release(freed));
    return released ? undefined : freed;
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#waker.wake();
    this.#gathering.flush();
    await endWithin([...this.#moving, this.#loop ?? Promise.resolve()], graceMs);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await this.#sweep();
      await this.#waker.sleep(sweepMs);
    }
  }

  async #sweep(): Promise<void> {
    const { journal, clock, events } = this.#ports;
    try {
      for (const { id } of await journal.unsettled(clock.now() - youngMs, sweepObjects)) {
        this.store(id);
      }
    } catch (error) {
      events({ kind: "fault", where: "settle", ...told(error) });
    }
  }

  async #fillRested(): Promise<void> {
    this.#isResting = true;
    await this.#rest(restMs);
    this.#isResting = false;
    this.#fill();
  }

  #fill(): void {
    while (!this.#isStopping && this.#moving.size < movesMax) {
      const id = this.#queue.shift();
      if (id === undefined) return;
      const moving = this.#move(id).finally(() => {
        this.#moving.delete(moving);
        if (!this.#isResting) void this.#fillRested();
      });
      this.#moving.add(moving);
    }
  }

  /** While it is being read it stays; the next sweep tries again. */
  async #move(id: string): Promise<void> {
    const { journal, spool, events } = this.#ports;
    try {
      await this.#use.moving(id, async () => {
        const object = await journal.object(id);
        const isKept = object?.state === "admitted" || object?.state === "held";
        if (!isKept || object.stored || !object.location) return;
        // Its last delivery may be done, and nobody came to say so.
        const freed = await journal.markDelivered(id);
        await (freed ? spool.release(freed) : this.#moveNow(object));
      });
    } catch (error) {
      const { code, why } = told(error);
      events({ kind: "fault", where: "settle", code, why });
      if (code === "internal") await this.#reportDamage(id);
    }
  }

  async #moveNow(object: JudgedObject): Promise<void> {
    const { journal, spool, events } = this.#ports;
    await storeCopy(object, this.#ports);
    await this.#gathering.join();
    const freed = await journal.markStored(object.id);
    events({ kind: "stored", object: object.id, bytes: object.bytes });
    if (freed) await spool.release(freed);
  }

  async #reportDamage(id: string): Promise<void> {
    const { journal, newId, clock, events } = this.#ports;
    this.#damaged.add(id);
    const record = { id: newId(), at: clock.now(), actor: "gateway", subject: id };
    await journal
      .reportDamage({ ...record, act: "object.bytes-changed", detail: { where: "spool" } })
      .catch((error: unknown) => events({ kind: "fault", where: "settle", ...told(error) }));
  }
}
