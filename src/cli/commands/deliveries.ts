/** `scanseal deliveries`: what could not be delivered, once more, or to another place. */
import { v7 as newId } from "uuid";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { GatewayConfig } from "../../site/gateway/config.ts";
import { withIndexedJournal } from "../../site/gateway/stores.ts";
import type { ObjectCommitment, OpenCommitments } from "../../store/journal/commitments.ts";
import { timeText } from "../quarantine-report.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { configOf, type DeskOptions, proveOperator, withDesk } from "./gateway-desk.ts";

const columns: readonly Column[] = [
  { title: "OBJECT" },
  { title: "TO" },
  { title: "SINCE" },
  { title: "ATTEMPTS", align: "right" },
  { title: "LAST ERROR", shrinks: true },
];

/** As many as the journal gives at once. */
const listedMax = 1_000;

/** Dead letters, newest first, what nobody sends, and what archives do not commit to. @returns 0 when there is none but what waits, else 1 */
export async function listDeliveries(options: DeskOptions & { readonly json: boolean }): Promise<number> {
  const config = configOf(options);
  return withIndexedJournal(config, async ({ journal, commitments }) => {
    const dead = await journal.deadDeliveries(listedMax);
    const [open, failed] = [await commitments.open(), await commitments.failed(listedMax)];
    const { deliveries, destinations, oldestDueAt } = await journal.counts();
    const orphaned = Object.entries(destinations)
      .filter(([name, waiting]) => waiting.due > 0 && !isConfigured(config, name))
      .map(([destination, { due }]) => ({ destination, due }));
    const lines: string[] = [];
    if (options.json) {
      lines.push(...dead.map((delivery) => jsonLine({ kind: "delivery", ...delivery })));
      lines.push(...orphaned.map((waiting) => jsonLine({ kind: "removed-destination", ...waiting })));
      lines.push(...open.map((waiting) => jsonLine({ kind: "uncommitted", ...waiting })));
      lines.push(...failed.map((one) => jsonLine({ kind: "commitment-failed", ...one })));
    } else {
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
      lines.push(...orphaned.flatMap(({ destination, due }) => orphanLines(destination, due)));
      lines.push(...commitmentLines(config, open, failed));
    }
    if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
    return deliveries.dead === 0 && orphaned.length === 0 && failed.length === 0 ? 0 : 1;
  });
}

function isConfigured({ settings }: GatewayConfig, destination: string): boolean {
  return settings.destinations.some(({ name }) => name === destination);
}

/** What is in an archive, and kept here until it commits to it. */
function commitmentLines(
  config: GatewayConfig,
  open: readonly OpenCommitments[],
  failed: readonly ObjectCommitment[],
): string[] {
  const lines = open.map(({ destination, waits, failed: refused, oldestAt }) => {
    const asked = isConfigured(config, destination) ? "" : ", which the configuration does not have";
    const since = `, the oldest since ${timeText(oldestAt)}`;
    return `${visibleText(destination)}${asked}: ${waits} delivered and not committed yet, ${refused} refused for good${since}.`;
  });
  const refused = failed.map(({ objectId, destination, reason = 0 }) => {
    const code = `0x${reason.toString(16).toUpperCase().padStart(4, "0")}`;
    return `${visibleText(destination)} does not commit to ${objectId}: Failure Reason ${code}.`;
  });
  if (failed.length > 0)
    refused.push("Kept here. Once the archive is mended: scanseal deliveries retry asks it again.");
  return lines.length === 0 ? [] : ["", ...lines, ...refused];
}

function orphanLines(destination: string, due: number): string[] {
  const waits = due === 1 ? "1 delivery waits" : `${due} deliveries wait`;
  return [
    "",
    `${waits} for ${visibleText(destination)}, which the configuration does not have: nobody sends them.`,
    `To another archive: scanseal deliveries redirect ${visibleText(destination)} NEW --by OPERATOR; or --give-up instead of NEW.`,
  ];
}

export interface RedirectOptions extends DeskOptions {
  readonly by: string;
  readonly giveUp: boolean;
}

/** What waits for a destination that the configuration has no more: a person decides, and the record says who. @returns 0 */
export async function redirectDeliveries(
  from: string,
  to: string | undefined,
  options: RedirectOptions,
): Promise<number> {
  if ((to === undefined) !== options.giveUp)
    throw new ScansealError("usage", "name another destination, or --give-up, and not both");
  return withDesk(options, async ({ config, ports, operators }) => {
    requireRedirectable(config, from, to);
    const { journal, clock } = ports;
    const { due, dead } = (await journal.counts()).destinations[from] ?? { due: 0, dead: 0 };
    const open = await withIndexedJournal(config, ({ commitments }) => commitments.open());
    if (due + dead === 0 && !open.some(({ destination }) => destination === from))
      throw new ScansealError("usage", `nothing waits for ${visibleText(from)}`);
    const by = await proveOperator(operators, journal, options.by, "deliveries redirect");
    const now = clock.now();
    const { moved, merged } = await journal.redirectDeliveries(from, to, now, {
      id: newId(),
      at: now,
      actor: by,
      act: to === undefined ? "deliveries.given-up" : "deliveries.redirected",
      subject: from,
      detail: to === undefined ? {} : { to },
    });
    process.stdout.write(`${redirectedText(to, moved, merged)}\n`);
    const left = (await journal.counts()).destinations[from]?.due ?? 0;
    if (left > 0)
      process.stdout.write(
        `${left} left: what two people released goes to the place they named. Give it up, and ask for a new release.\n`,
      );
    return 0;
  });
}

/** While it is in the configuration, the gateway sends to it. */
function requireRedirectable(config: GatewayConfig, from: string, to: string | undefined): void {
  if (isConfigured(config, from))
    throw new ScansealError(
      "usage",
      `the gateway still sends to ${from}: take it out of the configuration first`,
    );
  if (to === undefined) return;
  const place = config.settings.destinations.find(({ name }) => name === to);
  if (!place) throw new ScansealError("usage", "the configuration has no such destination");
  if (place.takes !== "admitted")
    throw new ScansealError("usage", `${to} takes what two people released, and nothing else`);
}

function redirectedText(to: string | undefined, moved: number, merged: number): string {
  const moves = moved === 1 ? "1 delivery" : `${moved} deliveries`;
  if (to === undefined)
    return `${moves} given up. The objects are kept; scanseal deliveries list shows them.`;
  const also = merged === 0 ? "" : ` ${merged} more went there already, or will.`;
  return `${moves} due at ${to}: a running gateway sends what is due.${also}`;
}

/** Nothing is decided anew, so nobody has to prove who they are. @returns 0 */
export async function retryDeliveries(options: DeskOptions & { readonly to?: string }): Promise<number> {
  const config = configOf(options);
  const { to } = options;
  if (to !== undefined && !isConfigured(config, to))
    throw new ScansealError("usage", "the configuration has no such destination");
  return withIndexedJournal(config, async ({ journal, commitments }) => {
    const now = systemClock.now();
    const count = await journal.reviveDeliveries(to, now);
    const asked = await commitments.revive(to, now);
    await journal.addRecord({
      id: newId(),
      at: now,
      actor: "gateway",
      act: "deliveries.retried",
      subject: to ?? "all destinations",
      detail: { count, uncommitted: asked, asked: "command line" },
    });
    const due = count === 1 ? "1 delivery is due" : `${count} deliveries are due`;
    if (asked > 0) process.stdout.write(`Archives are asked again to commit to ${asked}.\n`);
    process.stdout.write(
      count === 0 ? "Nothing was given up.\n" : `${due} again: a running gateway sends what is due.\n`,
    );
    return 0;
  });
}
