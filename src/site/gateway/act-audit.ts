/**
 * Acts of operators are audited from the journal: whichever command did them, also while no gate was running. The journal is durable, and the
 * audit's queue knows which it took; so none is lost in a crash between the two, and none is told twice.
 */
import { auditedActs } from "../../operations/audit/act-records.ts";
import type { AuditTrail } from "../../operations/audit/audit-trail.ts";
import type { EventSink } from "../../operations/event.ts";
import type { Journal } from "../../store/journal/journal.ts";
import { FaultsInARow } from "./faults-in-a-row.ts";
import { Rounds } from "./rounds.ts";

const everyMs = 5_000;
const actsPerPage = 500;

export interface ActAuditParts {
  readonly journal: Pick<Journal, "records">;
  readonly events: EventSink;
}

export class ActAudit {
  readonly #trail: Pick<AuditTrail, "actsSince" | "takeActs">;
  readonly #journal: ActAuditParts["journal"];
  readonly #faults: FaultsInARow;
  readonly #rounds: Rounds = new Rounds(
    () => this.look(),
    () => everyMs,
  );

  constructor(trail: Pick<AuditTrail, "actsSince" | "takeActs">, { journal, events }: ActAuditParts) {
    this.#trail = trail;
    this.#journal = journal;
    this.#faults = new FaultsInARow(events, "audit");
  }

  /** At once, and again and again. */
  start(): void {
    this.#rounds.start();
  }

  /** What was done until now is in the queue then. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    await this.look();
  }

  /** One round. What goes wrong is an event, never a rejection: the next round takes the same acts. */
  async look(): Promise<void> {
    try {
      let since = this.#trail.actsSince;
      while (true) {
        const page = await this.#journal.records({ actsLike: auditedActs, since, limit: actsPerPage });
        this.#trail.takeActs(page);
        const last = page.at(-1);
        if (!last || page.length < actsPerPage) break;
        // More in one millisecond than a page are no acts of people.
        since = last.at === since ? since + 1 : last.at;
      }
      this.#faults.over();
    } catch (error) {
      this.#faults.tell(error, "acts of operators were not audited");
    }
  }
}
