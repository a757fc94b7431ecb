/** What ends, fills or is left undone while nobody looks: the disk, certificates, emergencies that nobody reviewed. Nothing waits for it. */
import type { Clock } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import { emergencies } from "../../zero-trust/quarantine/emergency.ts";

const dayMs = 86_400_000;
/** The disk. It fills slowly, and what it lacks it says when an object is refused. */
const everyMs = 600_000;
/** Everything else: twice a day. */
const everyLooks = 72;
/** When certificates are told for the first time; an end alone holds nothing. */
const warnedMs: number = 60 * dayMs;
/** Nobody is woken for a review: it is told the day after. */
const reviewMs: number = dayMs;

interface UpkeepParts {
  /** @throws ScansealError when the site's files cannot be read */
  readonly ends: () => readonly { readonly of: string; readonly name: string; readonly endsAt: number }[];
  readonly disk: () => Promise<{ readonly freeBytes: number; readonly neededBytes: number }>;
  readonly journal: Parameters<typeof emergencies>[0];
  readonly clock: Clock;
  readonly events: EventSink;
}

export class UpkeepWatch {
  readonly #parts: UpkeepParts;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> = Promise.resolve();
  #isStopped = false;
  #looks = 0;
  /** What is looked at -> the fault that was told. */
  readonly #told = new Map<string, string>();

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#schedule(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#round;
  }

  #schedule(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#round = this.look().then(() => this.#schedule(everyMs));
    }, ms);
    this.#timer.unref();
  }

  /** One round. What goes wrong is an event, never a rejection. */
  async look(): Promise<void> {
    // The start has looked at the disk already.
    if (this.#looks > 0) await this.#trying("disk", () => this.#disk());
    if (this.#looks % everyLooks === 0) {
      await this.#trying("certificates", () => this.#certificates());
      await this.#trying("emergencies", () => this.#emergencies());
    }
    this.#looks++;
  }

  async #trying(where: string, run: () => void | Promise<void>): Promise<void> {
    try {
      await run();
      this.#told.delete(where);
    } catch (error) {
      if (this.#isStopped) return;
      const { code, message } =
        error instanceof ScansealError ? error : new ScansealError("internal", "the look failed");
      // The same fault again is no news.
      if (this.#told.get(where) !== message) this.#parts.events({ kind: "fault", where, code, why: message });
      this.#told.set(where, message);
    }
  }

  /** The same is told at the start: another segment of the spool cannot be made. */
  async #disk(): Promise<void> {
    const { freeBytes, neededBytes } = await this.#parts.disk();
    if (freeBytes < neededBytes) this.#parts.events({ kind: "disk-low", freeBytes, neededBytes });
  }

  #certificates(): void {
    const { ends, clock, events } = this.#parts;
    const now = clock.now();
    for (const { of, name, endsAt } of ends())
      if (endsAt - now <= warnedMs)
        events({ kind: "certificate-ending", of, name, days: Math.floor((endsAt - now) / dayMs) });
  }

  async #emergencies(): Promise<void> {
    const { journal, clock, events } = this.#parts;
    const now = clock.now();
    const grants = await emergencies(journal);
    const overdue = grants.filter(
      ({ until, closedAt = until, reviewedBy }) => reviewedBy === undefined && now - closedAt >= reviewMs,
    );
    if (overdue.length > 0) events({ kind: "emergency-unreviewed", grants: overdue.length });
  }
}
