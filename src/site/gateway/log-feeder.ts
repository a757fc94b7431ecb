/** Feeds the site's log while the gateway runs: what was sealed, enrolled, revoked, changed and released. Nothing waits for it. */
import type { EventSink } from "../../operations/event.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { SiteHome } from "../home.ts";
import { feedAll } from "../provenance/feeding.ts";
import type { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { FaultsInARow } from "./faults-in-a-row.ts";
import { Rounds } from "./rounds.ts";

/** What a policy calls "logged within a window" is hours. */
const everyMs = 60_000;
/** A log that is away is asked again after this at the latest. */
const pauseMsMax: number = 15 * 60_000;
/** A series whose last seal is that old is logged, closed or not. */
const quietMs: number = 10 * 60_000;

export interface LogFeederParts {
  readonly home: SiteHome;
  readonly provenance: OpenedProvenance;
  readonly journal: Pick<Journal, "records">;
  readonly events: EventSink;
}

export class LogFeeder {
  readonly #parts: LogFeederParts;
  readonly #rounds: Rounds = new Rounds(
    () => this.feed(),
    () => this.#pauseMs,
  );
  readonly #faults: FaultsInARow;
  #pauseMs = everyMs;

  constructor(parts: LogFeederParts) {
    this.#parts = parts;
    this.#faults = new FaultsInARow(parts.events, "transparency log");
  }

  start(): void {
    this.#rounds.start();
  }

  /** The round that is under way ends after the request that it waits for: a slow log keeps nobody waiting. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    await this.#parts.provenance.close();
  }

  /** One round: what `start` repeats. A problem is an event, never a rejection. */
  async feed(): Promise<void> {
    const { home, provenance, journal } = this.#parts;
    try {
      const kept = await provenance.journal();
      const isStopped = (): boolean => this.#rounds.isStopped;
      if (kept) await feedAll(home, kept, { quietMs, acts: journal, isStopped });
      this.#pauseMs = everyMs;
      this.#faults.over();
    } catch (error) {
      if (this.#rounds.isStopped) return;
      this.#pauseMs = Math.min(this.#pauseMs * 2, pauseMsMax);
      this.#faults.tell(error, "feeding the log failed");
    }
  }
}
