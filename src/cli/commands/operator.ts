/** `scanseal operator`: the people who may decide on held objects. */
import { v7 as newId } from "uuid";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { withJournal } from "../../site/gateway/stores.ts";
import { openHome } from "../../site/home.ts";
import { Operators } from "../../site/operators.ts";
import type { Journal } from "../../store/journal/journal.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { newPassphraseFrom } from "../terminal/passphrase.ts";
import { formatTable } from "../terminal/table.ts";
import { configOf, configPathOf, type DeskOptions, homeOf, proveOperator } from "./gateway-desk.ts";

/** Before there is a gateway there is no journal: operators.json alone says who was added by whom. */
async function withOperators<T>(
  options: DeskOptions,
  body: (operators: Operators, journal: Journal | undefined) => Promise<T>,
): Promise<T> {
  if (options.config === undefined && !fileExists(configPathOf(options))) {
    openHome(homeOf(options));
    return body(new Operators(homeOf(options), systemClock), undefined);
  }
  const config = configOf(options);
  return withJournal(config, (journal) => body(new Operators(config.home, systemClock), journal));
}

async function record(
  journal: Journal | undefined,
  act: string,
  actor: string,
  subject: string,
): Promise<void> {
  await journal?.addRecord({ id: newId(), at: systemClock.now(), actor, act, subject, detail: {} });
}

/** The first one adds himself or herself; each further one is vouched for. @returns 0 */
export async function addOperator(
  name: string,
  options: DeskOptions & { readonly by?: string },
): Promise<number> {
  return withOperators(options, async (operators, journal) => {
    operators.requireFree(name);
    const isFirst = !operators.list().some(({ removedAt }) => removedAt === undefined);
    if (!isFirst && options.by === undefined)
      throw new ScansealError("usage", "an operator is added by another one: --by NAME");
    const by = isFirst ? undefined : await proveOperator(operators, journal, options.by!, "operator add");
    const passphrase = await newPassphraseFrom(
      "SCANSEAL_NEW_OPERATOR_PASSPHRASE",
      `New passphrase of ${name}, typed by ${name}: `,
    );
    // Recorded first: an operator nobody can account for would be worse than a record of one who was not made.
    await record(journal, "operator.added", by ?? name, name);
    await operators.add(name, passphrase, by);
    const lines = [`Operator ${name} added${by === undefined ? "" : ` by ${by}`}.`];
    if (isFirst) lines.push("Release and purge take two: add another person.");
    process.stdout.write(`${lines.join("\n")}\n`);
    return 0;
  });
}

/** @returns 0 */
export async function removeOperator(
  name: string,
  options: DeskOptions & { readonly by: string },
): Promise<number> {
  return withOperators(options, async (operators, journal) => {
    if (!operators.has(name)) throw new ScansealError("usage", "there is no operator of this name");
    const by = await proveOperator(operators, journal, options.by, "operator remove");
    await record(journal, "operator.removed", by, name);
    operators.remove(name, by);
    process.stdout.write(
      `Operator ${name} removed by ${by}. The records keep the name, and nobody else can have it.\n`,
    );
    return 0;
  });
}

const columns = [{ title: "OPERATOR" }, { title: "ADDED" }, { title: "BY" }, { title: "REMOVED" }] as const;

/** @returns 0 */
export async function listOperators(options: DeskOptions & { readonly json: boolean }): Promise<number> {
  return withOperators(options, async (operators) => {
    const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
    const all = operators.list();
    const lines = options.json
      ? all.map(jsonLine)
      : all.length === 0
        ? ["No operators yet: scanseal operator add NAME"]
        : formatTable(
            columns,
            all.map(({ name, addedAt, addedBy, removedAt }) => [
              name,
              day(addedAt),
              addedBy ?? "",
              removedAt === undefined ? "" : day(removedAt),
            ]),
            process.stdout.columns,
          );
    if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
    return 0;
  });
}
