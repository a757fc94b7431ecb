/** Feeds the site's log while the gateway runs: what was sealed, enrolled, revoked, changed and released. Nothing waits for it. */
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { SiteHome } from "../home.ts";
import { feedAll } from "../provenance/feeding.ts";
import type { OpenedProvenance } from "../provenance/opened-provenance.ts";

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
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> = Promise.resolve();
  #pauseMs = everyMs;
  /** Each problem is told once in a row. */
  #told: string | undefined;
  #isStopped = false;

  constructor(parts: LogFeederParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#schedule(0);
  }

  /** The round that is under way ends after the request that it waits for: a slow log keeps nobody waiting. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    await this.#parts.provenance.close();
  }

  #schedule(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#round = this.feed().then(() => this.#schedule(this.#pauseMs));
    }, ms);
    this.#timer.unref();
  }

  /** One round: what `start` repeats. A problem is an event, never a rejection. */
  async feed(): Promise<void> {
    const { home, provenance, journal, events } = this.#parts;
    try {
      const kept = await provenance.journal();
      const isStopped = (): boolean => this.#isStopped;
      if (kept) await feedAll(home, kept, { quietMs, acts: journal, isStopped });
      this.#pauseMs = everyMs;
      this.#told = undefined;
    } catch (error) {
      if (this.#isStopped) return;
      this.#pauseMs = Math.min(this.#pauseMs * 2, pauseMsMax);
      const { code, message } =
        error instanceof ScansealError ? error : new ScansealError("internal", "feeding the log failed");
      if (message !== this.#told) events({ kind: "fault", where: "transparency log", code, why: message });
      this.#told = message;
    }
  }
}
