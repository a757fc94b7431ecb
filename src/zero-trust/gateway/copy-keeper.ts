/**
 * Keeps the copies of delivered objects within their limit, and lets them go first where the disk gets short: the study that was delivered longest
 * ago, whole, before the next. Where no copies are wanted any more, all of them.
 */
import type { Copies } from "../../store/journal/copies.ts";
import { told } from "./fault-words.ts";
import type { GatewayPorts } from "./ports.ts";
import { endWithin, Waker } from "./waker.ts";

/** Between two looks: at the fastest a gate takes in, some 500 MB. */
const lookMs = 5_000;
/** Of one transaction: the embedded journal stops the event loop for it. */
const droppedAtOnce = 100;
/** Of one round: their bytes are deleted before the next, and the gate has the database to itself meanwhile. */
const droppedOfRound = 5_000;
/** What is not urgent waits so long for a pause, before each transaction. */
const restMs = 5_000;
/** Copies leave so many times what another segment of the spool needs: as much as arrives until the next look, and for the journal. */
const roomsLeft = 8;

type Why = "limit" | "disk" | "off";

export interface CopyKeeperParts {
  /** As the settings are now; 0: none. */
  readonly bytesMax: () => number;
  readonly rest: (msMax: number) => Promise<void>;
  /** Deletes what was let go. Never rejects. */
  readonly sweep: () => Promise<void>;
}

export class CopyKeeper {
  readonly #copies: Copies;
  readonly #ports: Pick<GatewayPorts, "spool" | "events">;
  readonly #parts: CopyKeeperParts;
  readonly #waker: Waker = new Waker();
  #kept: number | undefined;
  #isStopping = false;
  #loop: Promise<void> | undefined;

  constructor(copies: Copies, ports: Pick<GatewayPorts, "spool" | "events">, parts: CopyKeeperParts) {
    this.#copies = copies;
    this.#ports = ports;
    this.#parts = parts;
  }

  /** What the settings say holds from now on. @throws ScansealError `io`, `storage-full` */
  async apply(): Promise<void> {
    const bytesMax = this.#parts.bytesMax();
    if (bytesMax === this.#kept) return;
    await this.#copies.keepUpTo(bytesMax);
    this.#kept = bytesMax;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Something was refused, or could not be stored, or the settings changed. */
  wake(): void {
    this.#waker.wake();
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#waker.wake();
    await endWithin([this.#loop ?? Promise.resolve()], graceMs);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await this.look();
      await this.#waker.sleep(lookMs);
    }
  }

  /** One round. What goes wrong is an event, never a rejection. */
  async look(): Promise<void> {
    try {
      await this.apply();
      const { objects } = await this.#copies.usage();
      if (objects === 0) return;
      await this.#makeRoom();
      await this.#keepLimit();
    } catch (error) {
      this.#ports.events({ kind: "fault", where: "copies", ...told(error) });
    }
  }

  /** Nothing waits for a pause here: whatever arrives next is refused when the disk is full. */
  async #makeRoom(): Promise<void> {
    const { freeBytes, neededBytes } = await this.#ports.spool.disk();
    const short = roomsLeft * neededBytes - freeBytes;
    if (short > 0) await this.#drop("disk", async (dropped) => dropped >= short);
  }

  async #keepLimit(): Promise<void> {
    const bytesMax = this.#kept ?? 0;
    // Counted anew: what is needed again is a copy no more, and frees nothing.
    const isWithin = async (): Promise<boolean> =>
      bytesMax > 0 && (await this.#copies.usage()).bytes <= bytesMax;
    await this.#drop(bytesMax === 0 ? "off" : "limit", isWithin);
  }

  /** Whole studies, until it is enough, or there are none, or for this round. */
  async #drop(why: Why, isEnough: (bytes: number) => Promise<boolean>): Promise<void> {
    let [objects, bytes] = [0, 0];
    let study: string | undefined;
    try {
      while (!this.#isStopping) {
        if (study === undefined && (objects >= droppedOfRound || (await isEnough(bytes)))) return;
        if (why !== "disk") await this.#parts.rest(restMs);
        const dropped = await this.#copies.dropOldest(droppedAtOnce, study);
        if (study === undefined && dropped.listed === 0) return;
        objects += dropped.objects;
        bytes += dropped.bytes;
        study = dropped.study;
      }
    } finally {
      if (objects > 0) {
        this.#ports.events({ kind: "copies-dropped", why, objects, bytes });
        await this.#parts.sweep();
      }
    }
  }
}
