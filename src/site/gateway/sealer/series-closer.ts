/** Closes series that were sealed here, when nothing was sealed in them for a while: their device signs which instances there are. */
import { ScansealError } from "../../../foundation/errors.ts";
import type { EventSink } from "../../../operations/event.ts";
import type { GatewaySettings } from "../../../zero-trust/gateway/settings.ts";
import type { SiteHome } from "../../home.ts";
import { feedParts } from "../../provenance/feeding.ts";
import { queueSeries } from "../../provenance/log-feed.ts";
import type { OpenedProvenance } from "../../provenance/opened-provenance.ts";
import { closeSeries, quietSeries, whileClosing } from "../../provenance/series-run.ts";

const everyMs = 30_000;
/** The network's thread stands still meanwhile; a command that closes series at this moment is done in the next round. */
const lockWaitMs = 250;

export interface SeriesCloserParts {
  readonly home: SiteHome;
  readonly provenance: OpenedProvenance;
  readonly settings: () => Pick<GatewaySettings, "sources">;
  readonly version: string;
  readonly events: EventSink;
}

export class SeriesCloser {
  readonly #parts: SeriesCloserParts;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> = Promise.resolve();
  /** Each problem is told once in a row. */
  #told: string | undefined;
  #isStopped = false;

  constructor(parts: SeriesCloserParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#schedule(0);
  }

  /** The series that is being closed is closed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    await this.#parts.provenance.close();
  }

  #schedule(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#round = this.close().then(() => this.#schedule(everyMs));
    }, ms);
    this.#timer.unref();
  }

  /** One round: what `start` repeats. A problem is an event, never a rejection. */
  async close(): Promise<void> {
    let problem: ScansealError | undefined;
    for (const { sealing } of this.#parts.settings().sources) {
      if (sealing?.closeAfterMs === undefined || this.#isStopped) continue;
      try {
        await this.#closeOf(sealing.device, sealing.closeAfterMs);
      } catch (error) {
        problem =
          error instanceof ScansealError
            ? error
            : new ScansealError("internal", "a series could not be closed");
      }
    }
    if (problem && problem.message !== this.#told)
      this.#parts.events({ kind: "fault", where: "series", code: problem.code, why: problem.message });
    this.#told = problem?.message;
  }

  /** @throws ScansealError of the first series that cannot be closed, after the others */
  async #closeOf(device: string, quietMs: number): Promise<void> {
    const { home, provenance, version } = this.#parts;
    const journal = await provenance.journal();
    if (!journal) return;
    let problem: unknown;
    for (const series of await quietSeries(journal, quietMs)) {
      if (this.#isStopped) break;
      const seals = await journal.sealsOfSeries(series);
      if (seals.some((seal) => seal.device !== device)) continue;
      try {
        const context = { home, journal, softwareVersion: version };
        await whileClosing(home, () => closeSeries(series, context), lockWaitMs);
        await queueSeries(feedParts(journal), series);
      } catch (error) {
        problem ??= error;
      }
    }
    if (problem) throw problem;
  }
}
