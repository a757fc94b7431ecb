/** What ends, fills or is left undone while nobody looks: the disk, certificates, emergencies that nobody reviewed. Nothing waits for it. */
import type { Clock } from "../../foundation/crypto.ts";
import type { EventSink } from "../../operations/event.ts";
import { emergencies } from "../../zero-trust/quarantine/emergency.ts";
import { FaultsInARow } from "./faults-in-a-row.ts";
import { Rounds } from "./rounds.ts";

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
  readonly #rounds: Rounds = new Rounds(
    () => this.look(),
    () => everyMs,
  );
  readonly #faults: Readonly<Record<"disk" | "certificates" | "emergencies", FaultsInARow>>;
  #looks = 0;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#faults = {
      disk: new FaultsInARow(parts.events, "disk"),
      certificates: new FaultsInARow(parts.events, "certificates"),
      emergencies: new FaultsInARow(parts.events, "emergencies"),
    };
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  /** One round. What goes wrong is an event, never a rejection. */
  async look(): Promise<void> {
    const { disk, certificates, emergencies } = this.#faults;
    // The start has looked at the disk already.
    if (this.#looks > 0) await this.#trying(disk, () => this.#disk());
    if (this.#looks % everyLooks === 0) {
      await this.#trying(certificates, () => this.#certificates());
      await this.#trying(emergencies, () => this.#emergencies());
    }
    this.#looks++;
  }

  async #trying(faults: FaultsInARow, run: () => void | Promise<void>): Promise<void> {
    try {
      await run();
      faults.over();
    } catch (error) {
      if (!this.#rounds.isStopped) faults.tell(error, "the look failed");
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
