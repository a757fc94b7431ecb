import { expect, it } from "vitest";
import { expiryWarnings } from "./expiry.ts";

const day = 86_400_000;
const now = Date.UTC(2026, 5, 1);

it("warns at 60, 30 and 7 days and past the end, the most urgent first", () => {
  const ends = [61, 60, 31, 30, 8, 7, 1, 0.5, 0, -3].map((days) => ({
    label: `${days}`,
    endsAt: now + days * day,
  }));
  expect(expiryWarnings(ends, now).map(({ label, level, daysLeft }) => [label, level, daysLeft])).toEqual([
    ["-3", 0, -3],
    ["0", 0, 0],
    ["0.5", 7, 0],
    ["1", 7, 1],
    ["7", 7, 7],
    ["8", 30, 8],
    ["30", 30, 30],
    ["31", 60, 31],
    ["60", 60, 60],
  ]);
});
