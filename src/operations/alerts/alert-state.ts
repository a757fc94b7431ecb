/** What alerts remember over a restart: open groups, and messages that no channel took yet. */

import { readFileSync, statSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import type { AlertGroup } from "./alert-groups.ts";
import type { AlertMessage } from "./alert-message.ts";

export interface AlertState {
  readonly groups: readonly AlertGroup[];
  /** Channel -> messages that wait, oldest first. */
  readonly waiting: Readonly<Record<string, readonly AlertMessage[]>>;
}

/** 500 groups and 200 messages for each of three channels, with their longest texts, are below it. */
const stateBytesMax: number = 4 * 2 ** 20;
const textMax = 2_000;

/**
 * No file is a fresh state.
 * @throws Error for a file that cannot be read or is damaged
 */
export function readAlertState(path: string): AlertState {
  let text: string;
  try {
    if (statSync(path).size > stateBytesMax) throw new Error("the file of alerts is too large");
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { groups: [], waiting: {} };
    throw error;
  }
  const state: unknown = JSON.parse(text);
  if (!isState(state)) throw new Error("the file of alerts is damaged");
  return { groups: state.groups, waiting: state.waiting };
}

/** Written beside and renamed: there is always a whole one. @throws the system's error */
export async function writeAlertState(path: string, state: AlertState): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify({ version: 1, ...state }));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === "string" && value.length <= textMax;
// Dates of such numbers can be written.
const isNumber: Check = (value) => Number.isSafeInteger(value) && Math.abs(value as number) <= 8.64e15;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isWord =
  (...words: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && words.includes(value);
const isSeverity = isWord("critical", "warning", "notice");

const groupFields: Readonly<Record<keyof AlertGroup, Check>> = {
  ...{ key: isText, crowd: isText, alarm: isText, severity: isSeverity, what: isText, todo: isText },
  ...{ object: orNull(isText), grade: orNull(isNumber), withinMs: isNumber, quietMs: isNumber },
  ...{ firstAt: isNumber, lastAt: isNumber, toldAt: orNull(isNumber), ringAt: orNull(isNumber) },
  ...{ endAt: orNull(isNumber), endWhat: isText, total: isNumber, untold: isNumber },
};

const messageFields: Readonly<Record<keyof AlertMessage, Check>> = {
  ...{ id: isText, gate: isText, alarm: isText, severity: isSeverity, what: isText, todo: isText },
  ...{ phase: isWord("began", "more", "ended", "quiet", "test"), object: orAbsent(isText) },
  ...{ count: isNumber, total: isNumber, since: isNumber, at: isNumber },
};

function isState(value: unknown): value is AlertState {
  const { version, groups, waiting } = fieldsOf(value);
  return (
    version === 1 &&
    Array.isArray(groups) &&
    groups.every((group) => fits(group, groupFields)) &&
    typeof waiting === "object" &&
    waiting !== null &&
    Object.values(waiting).every(
      (messages) => Array.isArray(messages) && messages.every((one) => fits(one, messageFields)),
    )
  );
}

function fits(value: unknown, checks: Readonly<Record<string, Check>>): boolean {
  const fields = fieldsOf(value);
  return Object.entries(checks).every(([name, check]) => check(fields[name]));
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
