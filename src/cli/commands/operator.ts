/** `scanseal operator`: the people who may decide on held objects. */
import { v7 as newId } from "uuid";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { withJournal } from "../../site/gateway/stores.ts";
import { openHome } from "../../site/home.ts";
import { publicKeyText } from "../../site/operator-keys.ts";
import { rolesIn } from "../../site/operator-roles.ts";
import { Operators } from "../../site/operators.ts";
import type { ActRecord, Journal } from "../../store/journal/journal.ts";
import { timeText } from "../quarantine-report.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { newPassphraseFrom } from "../terminal/passphrase.ts";
import { formatTable } from "../terminal/table.ts";
import { readText } from "../text-file.ts";
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
  detail: ActRecord["detail"] = {},
): Promise<void> {
  await journal?.addRecord({ id: newId(), at: systemClock.now(), actor, act, subject, detail });
}

interface AddOptions extends DeskOptions {
  readonly by?: string;
  readonly and?: string;
  /** A file. */
  readonly key?: string;
  readonly role?: string;
}

/** The first one adds himself or herself; the second one is vouched for by the first, all others by two. @returns 0 */
export async function addOperator(name: string, options: AddOptions): Promise<number> {
  return withOperators(options, async (operators, journal) => {
    operators.requireFree(name);
    const needed = operators.vouchersNeeded;
    const publicKey = options.key === undefined ? undefined : publicKeyText(readText(options.key));
    const roles = options.role === undefined ? undefined : rolesIn(options.role);
    const vouchers = await vouchersOf(operators, journal, [options.by, options.and].slice(0, needed));
    const secret = publicKey === undefined ? await newPassphrase(name) : { publicKey };
    // Recorded first: an operator nobody can account for would be worse than a record of one who was not made.
    const [by, second] = vouchers;
    await record(journal, "operator.added", by ?? name, name, second === undefined ? {} : { and: second });
    await operators.add(name, secret, vouchers, roles);
    const lines = [`Operator ${name} added${needed === 0 ? "" : ` by ${vouchers.join(" and ")}`}.`];
    if (needed === 0 && (options.by !== undefined || options.and !== undefined))
      lines.push("Nobody vouched: there was no operator before, so --by and --and say nothing.");
    if (needed === 0) lines.push("Release and purge take two: add another person.");
    process.stdout.write(`${lines.join("\n")}\n`);
    return 0;
  });
}

const newPassphrase = (name: string): Promise<string> =>
  newPassphraseFrom("SCANSEAL_NEW_OPERATOR_PASSPHRASE", `New passphrase of ${name}, typed by ${name}: `);

/** @throws ScansealError `usage` unless each is named and proves to be another operator */
async function vouchersOf(
  operators: Operators,
  journal: Journal | undefined,
  names: readonly (string | undefined)[],
): Promise<string[]> {
  const [by, second] = names;
  if (names.includes(undefined) || (names.length === 2 && by === second))
    throw new ScansealError(
      "usage",
      names.length === 1
        ? "the second operator is added by the first: --by NAME"
        : "an operator is added by two others: --by NAME --and NAME",
    );
  const out: string[] = [];
  if (by !== undefined) out.push(await proveOperator(operators, journal, by, "operator add"));
  if (second !== undefined)
    out.push(await proveOperator(operators, journal, second, "operator add", secondPassphrase));
  return out;
}

/** Of another person at the same keyboard. */
const secondPassphrase = {
  variable: "SCANSEAL_SECOND_OPERATOR_PASSPHRASE",
  keyVariable: "SCANSEAL_SECOND_OPERATOR_KEY",
  question: "Passphrase of the other one who vouches: ",
};

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

const columns = [
  { title: "OPERATOR" },
  { title: "ADDED" },
  { title: "BY" },
  { title: "REMOVED" },
  { title: "PROVES BY" },
  { title: "ROLES" },
  { title: "REFUSED" },
] as const;

/** Of one subject; a locked operator leaves one in a minute. */
const refusalsMax = 1_000;

/** Tries that were refused, newest first: of an operator, or ("unknown") with a name that nobody has. */
async function refusalsOf(journal: Journal | undefined, subject: string): Promise<readonly ActRecord[]> {
  const records = (await journal?.records({ subject, limit: refusalsMax })) ?? [];
  return records.filter(({ act }) => act === "operator.refused");
}

function refusalText([last, ...more]: readonly ActRecord[]): string {
  if (!last) return "";
  const count = more.length + 1;
  return `${count}${count >= refusalsMax ? " or more" : ""}, the last ${timeText(last.at)}`;
}

/** @returns 0 */
export async function listOperators(options: DeskOptions & { readonly json: boolean }): Promise<number> {
  return withOperators(options, async (operators, journal) => {
    const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
    const all = operators.list();
    const refused = new Map<string, string>();
    for (const name of [...all.map((operator) => operator.name), "unknown"])
      refused.set(name, refusalText(await refusalsOf(journal, name)));
    const lines = options.json
      ? all.map(jsonLine)
      : all.length === 0
        ? ["No operators yet: scanseal operator add NAME"]
        : formatTable(
            columns,
            all.map(({ name, addedAt, addedBy, removedAt, roles, hasKey }) => [
              name,
              day(addedAt),
              addedBy ?? "",
              removedAt === undefined ? "" : day(removedAt),
              hasKey ? "key" : "passphrase",
              roles?.join(", ") ?? "all",
              refused.get(name) ?? "",
            ]),
            process.stdout.columns,
          );
    const unknown = refused.get("unknown") ?? "";
    if (!options.json && unknown !== "") lines.push("", `With names that nobody has: ${unknown}.`);
    if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
    return 0;
  });
}
