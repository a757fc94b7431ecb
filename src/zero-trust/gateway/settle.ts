/**
 * Where admitted objects stay. Delivered ones leave the spool after the last delivery, or move to the object store where copies are kept; without an archive, after a failed delivery, or after a
 * while they move to the object store, so that the spool stays small. What is held moves too, where it could not at first.
 */
import { ScansealError } from "../../foundation/errors.ts";
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
/** Above this share of the spool no copies are made: what arrives goes before. */
const pressedShare = 1 / 2;
/** Between two transactions that write down what is stored. */
const writeDownMs = 50;

export class Settler {
  readonly #ports: GatewayPorts;
  readonly #use: ObjectUse;
  readonly #rest: (msMax: number) => Promise<void>;
  readonly #keepsCopies: () => boolean;
  readonly #queue = new Set<string>();
  /** Their bytes may be in the object store too: a move was begun, or cut off by the last end. */
  readonly #perhapsStored = new Set<string>();
  /** Asked to leave the spool as objects whose bytes are nowhere else: no move of theirs begins meanwhile. */
  readonly #leaving = new Map<string, Promise<unknown>>();
  /** Moves under way, and which of their objects have left the spool since. */
  readonly #underWay = new Map<string, { hasLeft: boolean }>();
  /** Their bytes are not what was judged: told once, left for a person. */
  readonly #damaged = new Set<string>();
  readonly #moving = new Set<Promise<void>>();
  readonly #gathering: Gathering = new Gathering(writeDownMs, movesMax);
  readonly #waker: Waker = new Waker();
  #isResting = false;
  #isStopping = false;
  #loop: Promise<void> | undefined;

  /** @param rest resolves when there is nothing more urgent, after so many milliseconds at the latest @param keepsCopies as the settings are now */
  constructor(
    ports: GatewayPorts,
    use: ObjectUse,
    rest: (msMax: number) => Promise<void>,
    keepsCopies: () => boolean,
  ) {
    this.#rest = rest;
    this.#keepsCopies = keepsCopies;
    this.#ports = ports;
    this.#use = use;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** The object is to move to the object store. */
  store(id: string): void {
    if (this.#damaged.has(id) || this.#queue.has(id)) return;
    this.#queue.add(id);
    if (!this.#isResting) void this.#fillRested();
  }

  /** At start, of each record that stays in the spool. */
  recovered(id: string): void {
    this.#perhapsStored.add(id);
  }

  /** A delivery is done; if it was the last, the spool is freed, or it moves. @returns what somebody still reads: to be released later */
  async delivered(id: string): Promise<SpoolLocation | undefined> {
    const freed = await this.#letGo(id);
    if (!freed) {
      if (this.#keepsCopies()) this.store(id);
      return undefined;
    }
    const released = await this.#use.moving(id, () => this.#ports.spool.release(freed));
    return released ? undefined : freed;
  }

  /** What leaves the spool, where all is delivered. */
  async #letGo(id: string): Promise<SpoolLocation | undefined> {
    for (let other = this.#leaving.get(id); other; other = this.#leaving.get(id)) await other;
    const { journal, copies } = this.#ports;
    const isPressed = this.#isPressed;
    let freed: SpoolLocation | undefined;
    if (!copies || !(isPressed || this.#perhapsStored.has(id))) {
      const leaving = journal.markDelivered(id);
      this.#leaving.set(
        id,
        leaving.catch(() => undefined),
      );
      freed = await leaving.finally(() => this.#leaving.delete(id));
    } else {
      freed = await copies.leave(id, isPressed);
      if (freed) this.#perhapsStored.delete(id);
    }
    const move = this.#underWay.get(id);
    if (freed && move) move.hasLeft = true;
    return freed;
  }

  get #isPressed(): boolean {
    if (!this.#keepsCopies()) return false;
    const { bytes, bytesMax } = this.#ports.spool.usage();
    return bytes > bytesMax * pressedShare;
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
    // What is let go without a copy is no work.
    if (!this.#isPressed) await this.#rest(restMs);
    this.#isResting = false;
    this.#fill();
  }

  #fill(): void {
    while (!this.#isStopping && this.#moving.size < movesMax) {
      const [id] = this.#queue;
      if (id === undefined) return;
      this.#queue.delete(id);
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
      const move = async (): Promise<void> => {
        this.#underWay.set(id, { hasLeft: false });
        const object = await journal.object(id);
        const isKept = object?.state === "admitted" || object?.state === "held";
        if (!isKept || object.stored || !object.location) return;
        // Its last delivery may be done, and nobody came to say so.
        const freed = await this.#letGo(id);
        await (freed ? spool.release(freed) : this.#moveNow(object));
      };
      await this.#use.moving(id, () => move().finally(() => this.#underWay.delete(id)));
    } catch (error) {
      const { code, why } = told(error);
      events({ kind: "fault", where: "settle", code, why });
      if (code === "internal") await this.#reportDamage(id);
    }
  }

  async #moveNow(object: JudgedObject): Promise<void> {
    const { journal, spool, events } = this.#ports;
    // Cut off by a kill, the file of what has left would be nobody's. The next sweep tries again, where it stays.
    if (this.#leaving.has(object.id) || this.#underWay.get(object.id)?.hasLeft) return;
    this.#perhapsStored.add(object.id);
    if (!(await this.#storedNow(object))) return;
    await this.#gathering.join();
    const freed = await journal.markStored(object.id);
    this.#perhapsStored.delete(object.id);
    events({ kind: "stored", object: object.id, bytes: object.bytes });
    if (freed) await spool.release(freed);
  }

  /** False where there is no room, and every archive has it: it leaves without a copy. @throws as `storeCopy` */
  async #storedNow(object: JudgedObject): Promise<boolean> {
    const { copies, spool } = this.#ports;
    try {
      await storeCopy(object, this.#ports);
      return true;
    } catch (error) {
      const isFull = error instanceof ScansealError && error.code === "storage-full";
      const freed = isFull && copies && (await copies.leave(object.id, true));
      if (!freed) throw error;
      await spool.release(freed);
      this.#perhapsStored.delete(object.id);
      return false;
    }
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
