/** Closes series that were sealed here, when nothing was sealed in them for a while: their device signs which instances there are. */
import type { EventSink } from "../../../operations/event.ts";
import type { GatewaySettings } from "../../../zero-trust/gateway/settings.ts";
import type { SiteHome } from "../../home.ts";
import { feedParts } from "../../provenance/feeding.ts";
import { queueSeries } from "../../provenance/log-feed.ts";
import type { OpenedProvenance } from "../../provenance/opened-provenance.ts";
import { closeSeries, quietSeries, whileClosing } from "../../provenance/series-run.ts";
import { FaultsInARow } from "../faults-in-a-row.ts";
import { Rounds } from "../rounds.ts";

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
  readonly #rounds: Rounds = new Rounds(
    () => this.close(),
    () => everyMs,
  );
  readonly #faults: FaultsInARow;

  constructor(parts: SeriesCloserParts) {
    this.#parts = parts;
    this.#faults = new FaultsInARow(parts.events, "series");
  }

  start(): void {
    this.#rounds.start();
  }

  /** The series that is being closed is closed. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    await this.#parts.provenance.close();
  }

  /** One round: what `start` repeats. A problem is an event, never a rejection. */
  async close(): Promise<void> {
    const problems: unknown[] = [];
    for (const { sealing } of this.#parts.settings().sources) {
      if (sealing?.closeAfterMs === undefined || this.#rounds.isStopped) continue;
      try {
        await this.#closeOf(sealing.device, sealing.closeAfterMs);
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) this.#faults.tell(problems.at(-1), "a series could not be closed");
    else this.#faults.over();
  }

  /** @throws ScansealError of the first series that cannot be closed, after the others */
  async #closeOf(device: string, quietMs: number): Promise<void> {
    const { home, provenance, version } = this.#parts;
    const journal = await provenance.journal();
    if (!journal) return;
    let problem: unknown;
    for (const series of await quietSeries(journal, quietMs)) {
      if (this.#rounds.isStopped) break;
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
