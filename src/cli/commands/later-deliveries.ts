/** `scanseal deliveries add`: what passed before a destination was there. */
import { v7 as newId } from "uuid";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { GatewayConfig } from "../../site/gateway/config.ts";
import { withJournal } from "../../site/gateway/stores.ts";
import type { AddedDeliveries } from "../../store/journal/added-deliveries.ts";
import type { Journal, ObjectFilter } from "../../store/journal/journal.ts";
import { configOf, type DeskOptions } from "./gateway-desk.ts";

export interface AddDeliveriesOptions extends DeskOptions {
  readonly study?: string;
  readonly series?: string;
  readonly instance?: string;
  readonly allKept: boolean;
}

/** As many as the journal gives at once. */
const pageObjects = 1_000;

type Selection = Pick<ObjectFilter, "studyInstanceUid" | "seriesInstanceUid" | "sopInstanceUid">;

/** What passed was admitted for every archive of the site, so nobody has to prove who they are; a record is kept. @returns 0 */
export async function addDeliveries(destination: string, options: AddDeliveriesOptions): Promise<number> {
  const config = configOf(options);
  requireArchive(config, destination);
  const selection = selectionOf(options);
  return withJournal(config, async (journal) => {
    const sum = await addAll(journal, destination, selection);
    if (sum.added + sum.there + sum.gone === 0 && !options.allKept)
      throw new ScansealError("usage", "nothing that passed has this UID");
    if (sum.added > 0) {
      await journal.addRecord({
        id: newId(),
        at: systemClock.now(),
        actor: "gateway",
        act: "deliveries.added",
        subject: destination,
        detail: { count: sum.added, asked: "command line" },
      });
    }
    process.stdout.write(`${lines(destination, sum).join("\n")}\n`);
    return 0;
  });
}

async function addAll(journal: Journal, destination: string, selection: Selection): Promise<AddedDeliveries> {
  let [added, there, gone] = [0, 0, 0];
  for (let after: string | undefined; ; ) {
    const objects = await journal.objects({ ...selection, state: "admitted", after, limit: pageObjects });
    if (objects.length === 0) return { added, there, gone };
    const ids = objects.map(({ id }) => id);
    const some = await journal.addDeliveries(destination, ids, systemClock.now());
    added += some.added;
    there += some.there;
    gone += some.gone;
    after = ids.at(-1);
  }
}

function selectionOf({ study, series, instance, allKept }: AddDeliveriesOptions): Selection {
  const named = [study, series, instance].filter((uid) => uid !== undefined).length + (allKept ? 1 : 0);
  if (named !== 1)
    throw new ScansealError("usage", "say which: --study, --series or --instance with a UID, or --all-kept");
  return { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: instance };
}

function requireArchive({ settings }: GatewayConfig, name: string): void {
  const found = settings.destinations.find((one) => one.name === name);
  if (!found) throw new ScansealError("usage", "the configuration has no such destination");
  if (found.takes !== "admitted")
    throw new ScansealError(
      "usage",
      `${name} takes only what two people released: scanseal quarantine release`,
    );
}

function lines(destination: string, { added, there, gone }: AddedDeliveries): string[] {
  const due = added === 1 ? "1 object is due" : `${added} objects are due`;
  return [
    added === 0
      ? `Nothing is kept here that ${destination} has not got, or will get.`
      : `${due} at ${destination}: a running gateway sends what is due.`,
    ...(added > 0 && there > 0 ? [`${there} more went there already, or will.`] : []),
    ...(gone > 0
      ? [`${gone} went to another archive and ${gone === 1 ? "is" : "are"} kept here no longer.`]
      : []),
  ];
}
