/** The objects judged last, for the status page: the journal gives them oldest first, so their ids are remembered here. */
import type { EventSink } from "../../operations/event.ts";
import type { Delivery, Journal, JudgedObject } from "../../store/journal/journal.ts";
import type { RecentObjectView } from "../../web-api/contract.ts";

const shownMax = 50;
/** What was judged shortly before a restart is shown after it. */
const primedMs = 3_600_000;
/** Of a busy hour; the page shows the last few only, and the gateway's start must not wait for more. */
const primedMax = 1000;

export class RecentObjects {
  /** Oldest first. */
  readonly #ids: string[] = [];

  readonly sink: EventSink = (event) => {
    if (event.kind === "object-judged") this.#add(event.object);
  };

  async prime(journal: Pick<Journal, "objects">, now: number): Promise<void> {
    const found = await journal.objects({ judgedSince: now - primedMs, limit: primedMax });
    for (const { id } of found) this.#add(id);
  }

  #add(id: string): void {
    const at = this.#ids.indexOf(id);
    if (at >= 0) this.#ids.splice(at, 1);
    this.#ids.push(id);
    if (this.#ids.length > shownMax) this.#ids.shift();
  }

  /** Newest first. */
  async views(journal: Pick<Journal, "object" | "deliveriesOf">): Promise<RecentObjectView[]> {
    const objects = await Promise.all(this.#ids.toReversed().map((id) => journal.object(id)));
    const found = objects.flatMap((object) => (object === undefined ? [] : [object]));
    return Promise.all(
      found.map(async (object) => {
        // Nothing else is on its way to an archive.
        const deliveries = object.state === "admitted" ? await journal.deliveriesOf(object.id) : [];
        return viewOf(object, deliveries);
      }),
    );
  }
}

/** The radiologist's sentence of the gravest finding. */
export function leadingMessage({ findings }: Pick<JudgedObject, "findings">): string | undefined {
  const gravest =
    findings.find(({ severity }) => severity === "error") ??
    findings.find(({ severity }) => severity === "warning");
  return gravest?.message;
}

function viewOf(object: JudgedObject, deliveries: readonly Delivery[]): RecentObjectView {
  const { id, receivedAt, source, modality, state, verdict, disposition } = object;
  return {
    id,
    receivedAt: new Date(receivedAt).toISOString(),
    source,
    modality,
    state,
    verdict,
    disposition,
    waitsFor: deliveries.filter(({ state }) => state !== "delivered").map(({ destination }) => destination),
    message: leadingMessage(object),
  };
}
