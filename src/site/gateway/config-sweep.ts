/** The sections `sweep` and `sentinel` of a gateway's configuration: what is verified again in the archive, and when. */
import type { ArchiveSettings } from "../../zero-trust/gateway/settings.ts";
import type { SweepSchedule } from "../sweep/sweep-schedule.ts";
import type { Placed } from "./config-peers.ts";
import type { ProblemList } from "./config-problem.ts";
import { type Parse, parseList, parseSection, parseText, Refusal, type Section } from "./config-reader.ts";
import { type ArchiveSection, readArchive } from "./config-reading.ts";
import { durationValue, integerValue, wordValue } from "./config-values.ts";
import { archiveSettings, type Making } from "./section-settings.ts";

const second = 1_000;
const minute: number = 60 * second;
const hour: number = 60 * minute;
const day: number = 24 * hour;

/** A tenth of what a small machine examines: arrivals and readers go first. */
const rateDefault = 20;
/** After the day's work, before the backup. */
const atDefault = 60;
/** "Within minutes", with room for the check itself. */
const everyDefault: number = 2 * minute;
/** Studies of last night that arrive this morning, and time zones. */
const windowDefault: number = 2 * day;

export interface SweepSettings extends SweepSchedule {
  /** Undefined: the one that is read from. */
  readonly archive: ArchiveSettings | undefined;
  /** Objects a second at most. */
  readonly rate: number;
}

export interface SentinelSettings {
  readonly archive: ArchiveSettings | undefined;
  readonly rate: number;
  /** From the end of one look to the next. */
  readonly everyMs: number;
  /** Studies whose Study Date is so old at most. */
  readonly windowMs: number;
}

type Of<T> = Omit<T, "archive"> & Placed & { readonly archive: ArchiveSection | undefined };
export type SweepSection = Of<SweepSettings>;
export type SentinelSection = Of<SentinelSettings>;

const weekDays = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;

function minutesOf(text: string): number | undefined {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes);
}

const timeValue: Parse<number> = parseText(
  (text) => minutesOf(text) ?? new Refusal("must be a time of day", 'such as "01:00"'),
);

const pauseValue: Parse<NonNullable<SweepSchedule["pause"]>> = parseText((text) => {
  const [from, to, ...more] = text.split("-").map(minutesOf);
  if (from === undefined || to === undefined || more.length > 0 || from === to)
    return new Refusal("must be from one time of day to another", 'such as "07:00-19:00"');
  return { from, to };
});

export function readSweep(section: Section): SweepSection {
  const days = parseList(wordValue(weekDays));
  return {
    ...readCommon(section),
    beginsAt: section.optional("at", timeValue, atDefault),
    days: section
      .optional<readonly (typeof weekDays)[number][]>("days", days, weekDays)
      .map((name) => weekDays.indexOf(name)),
    pause: section.optional<SweepSchedule["pause"]>("pause", pauseValue, undefined),
  };
}

export function readSentinel(section: Section): SentinelSection {
  return {
    ...readCommon(section),
    everyMs: section.optional("every", durationValue(10 * second, hour), everyDefault),
    windowMs: section.optional("window", durationValue(day, 3_650 * day), windowDefault),
  };
}

function readCommon(section: Section): Pick<SweepSection, "at" | "archive" | "rate"> {
  return {
    at: (key) => section.at(key),
    archive: section.optional<ArchiveSection | undefined>("archive", parseSection(readArchive), undefined),
    rate: section.optional("rate", integerValue(1, 10_000), rateDefault),
  };
}

/** @param what the section's name */
export function checkArchive(
  what: "sweep" | "sentinel",
  section: SweepSection | SentinelSection | undefined,
  readArchive: unknown,
  problems: ProblemList,
): void {
  if (section && !section.archive && readArchive === undefined)
    problems.error(
      "missing",
      section.at(),
      `"${what}" has no archive to look at`,
      'name its "archive", or the one of "reading"',
    );
}

export function sweepSettings(section: SweepSection, making: Making): SweepSettings {
  const { at: _, archive, ...rest } = section;
  return { ...rest, archive: archive && archiveSettings(archive, making) };
}

export function sentinelSettings(section: SentinelSection, making: Making): SentinelSettings {
  const { at: _, archive, ...rest } = section;
  return { ...rest, archive: archive && archiveSettings(archive, making) };
}
