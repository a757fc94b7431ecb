import { expect, it } from "vitest";
import { isPause, lastBegin } from "./sweep-schedule.ts";

/** Local time. */
const at = (day: number, hour: number, minute = 0): number => new Date(2026, 10, day, hour, minute).getTime();
const everyDay = [0, 1, 2, 3, 4, 5, 6];

it("knows the latest begin, also of a day last week", () => {
  const nightly = { beginsAt: 60, days: everyDay };
  expect(lastBegin(nightly, at(23, 0, 59))).toBe(at(22, 1));
  expect(lastBegin(nightly, at(23, 1))).toBe(at(23, 1));
  // 2026-11-23 is a Monday.
  const weekly = { beginsAt: 22 * 60, days: [1] };
  expect(lastBegin(weekly, at(23, 21))).toBe(at(16, 22));
  expect(lastBegin(weekly, at(29, 21))).toBe(at(23, 22));
});

it("rests in its hours, also over midnight", () => {
  const day = { beginsAt: 0, days: everyDay, pause: { from: 7 * 60, to: 19 * 60 } };
  expect([6, 7, 18, 19].map((hour) => isPause(day, at(23, hour)))).toEqual([false, true, true, false]);
  const night = { ...day, pause: { from: 22 * 60, to: 6 * 60 } };
  expect([21, 22, 3, 6].map((hour) => isPause(night, at(23, hour)))).toEqual([false, true, true, false]);
  expect(isPause({ beginsAt: 0, days: everyDay }, at(23, 12))).toBe(false);
});
