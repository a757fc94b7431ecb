/** `scanseal deliveries`: what could not be delivered, and once more. */
import { v7 as newId } from "uuid";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { withJournal } from "../../site/gateway/stores.ts";
import { timeText } from "../quarantine-report.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { configOf, type DeskOptions } from "./gateway-desk.ts";

const columns: readonly Column[] = [
  { title: "OBJECT" },
  { title: "TO" },
  { title: "SINCE" },
  { title: "ATTEMPTS", align: "right" },
  { title: "LAST ERROR", shrinks: true },
];

/** As many as the journal gives at once. */
const listedMax = 1_000;

/** Dead letters, newest first. @returns 0 when there are none, else 1 */
export async function listDeliveries(options: DeskOptions & { readonly json: boolean }): Promise<number> {
  return withJournal(configOf(options), async (journal) => {
    const dead = await journal.deadDeliveries(listedMax);
    const { deliveries, oldestDueAt } = await journal.counts();
    const lines: string[] = [];
    if (options.json) lines.push(...dead.map((delivery) => jsonLine({ kind: "delivery", ...delivery })));
    else {
      const rows = dead.map(({ objectId, destination, released, createdAt, attempts, lastError }) => [
        objectId,
        released ? `${destination} (released)` : destination,
        timeText(createdAt),
        String(attempts),
        lastError ?? "",
      ]);
      if (rows.length > 0) lines.push(...formatTable(columns, rows, process.stdout.columns), "");
      const since = oldestDueAt === undefined ? "" : `, the oldest since ${timeText(oldestDueAt)}`;
      lines.push(
        `${deliveries.due} due${since}; ${deliveries.delivered} delivered; ${deliveries.dead} given up.`,
      );
      if (deliveries.dead > 0) lines.push("Once the destination is mended: scanseal deliveries retry");
    }
    if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
    return deliveries.dead === 0 ? 0 : 1;
  });
}

/** Nothing is decided anew, so nobody has to prove who they are. @returns 0 */
export async function retryDeliveries(options: DeskOptions & { readonly to?: string }): Promise<number> {
  const config = configOf(options);
  const { to } = options;
  if (to !== undefined && !config.settings.destinations.some(({ name }) => name === to))
    throw new ScansealError("usage", "the configuration has no such destination");
  return withJournal(config, async (journal) => {
    const now = systemClock.now();
    const count = await journal.reviveDeliveries(to, now);
    await journal.addRecord({
      id: newId(),
      at: now,
      actor: "gateway",
      act: "deliveries.retried",
      subject: to ?? "all destinations",
      detail: { count, asked: "command line" },
    });
    const due = count === 1 ? "1 delivery is due" : `${count} deliveries are due`;
    process.stdout.write(
      count === 0 ? "Nothing was given up.\n" : `${due} again: a running gateway sends what is due.\n`,
    );
    return 0;
  });
}
