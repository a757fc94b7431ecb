/** What the commands that change a source share: who does it, the record of it, and whether it is in force. */
import { v7 as newId } from "uuid";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { GatewayConfig } from "../../site/gateway/config.ts";
import type { ConfigChange } from "../../site/gateway/config-edit.ts";
import { whenInForce } from "../../site/gateway/in-force.ts";
import { withJournal } from "../../site/gateway/stores.ts";
import { Operators } from "../../site/operators.ts";
import type { ActRecord } from "../../store/journal/journal.ts";
import type { SourceSettings } from "../../zero-trust/gateway/settings.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import { proveOperator } from "./gateway-desk.ts";

/** @returns 0 when it is in force, or no gateway runs; 1 when the running one did not confirm it */
export async function tellUptake(
  config: GatewayConfig,
  source: { readonly name: string; readonly mode: Mode },
): Promise<number> {
  const uptake = await whenInForce(config, source);
  const text = {
    "in-force": "In force: the running gate has taken it up.",
    "no-gate": "Not yet in force: no gate is running; the next start takes it up.",
    "not-confirmed": "Not yet in force: the running gate did not confirm it within 10 s; its log says why.",
  }[uptake];
  process.stdout.write(`${text}\n`);
  return uptake === "not-confirmed" ? 1 : 0;
}

export function meaningOf(mode: Mode): string {
  switch (mode) {
    case "observe":
      return "Everything it sends is delivered and reported; malformed objects and broken seals are held in every mode.";
    case "warn":
      return "What is not proven is delivered with a notice; malformed objects and broken seals are held in every mode.";
    case "enforce":
      return "Only what is proven is delivered; everything else is held until two people release it.";
  }
}

/** What was changed is recorded, or it was not changed. */
export async function recordChange(
  { after, undo }: ConfigChange,
  actor: Actor,
  act: string,
  subject: string,
  detail: ActRecord["detail"],
): Promise<void> {
  try {
    await recordAct(after, actor, act, subject, detail);
  } catch (error) {
    undo();
    throw error;
  }
}

export async function recordAct(
  config: GatewayConfig,
  { name: actor, isProven }: Actor,
  act: string,
  subject: string,
  detail: ActRecord["detail"],
): Promise<void> {
  const told = { ...detail, isProven };
  const one = { id: newId(), at: systemClock.now(), actor, act, subject, detail: told };
  await withJournal(config, (journal) => journal.addRecord(one));
}

/**
 * Where the site has operators, one of them, with the passphrase; before there are any, whoever is at the keyboard.
 * @throws ScansealError `usage`
 */
export async function actorOf(by: string, config: GatewayConfig, command: string): Promise<Actor> {
  const operators = new Operators(config.home, systemClock);
  if (operators.list().some(({ removedAt }) => removedAt === undefined)) {
    const name = await withJournal(config, (journal) => proveOperator(operators, journal, by, command));
    return { name, isProven: true };
  }
  if (!/^[^\p{C}]{1,64}$/u.test(by)) throw new ScansealError("usage", "--by is a name of 1 to 64 characters");
  return { name: by, isProven: false };
}

export interface Actor {
  readonly name: string;
  readonly isProven: boolean;
}

export function requireSource({ settings }: GatewayConfig, name: string): SourceSettings {
  const found = settings.sources.find((source) => source.name === name);
  if (found) return found;
  throw new ScansealError("usage", "there is no such source: scanseal source list shows them");
}
