import { expect, it } from "vitest";
import { age, counted, size } from "./quantities.ts";

const now = Date.UTC(2026, 5, 1, 12);
const ago = (seconds: number): string | undefined => age(new Date(now - seconds * 1000).toISOString(), now);

it("ages are in the largest unit that says something; none is of the future", () => {
  const ages = [-5, 0, 59, 60, 3599, 3600, 47 * 3600, 48 * 3600].map(ago);
  expect(ages).toEqual(["0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days"]);
  expect(age("yesterday", now)).toBeUndefined();
});

it("sizes have a unit and at most one decimal", () => {
  const sizes = [0, 1023, 1024, 1600, 102_348, 2 ** 30, 16 * 2 ** 30, 2 ** 51].map(size);
  expect(sizes).toEqual([
    "0 bytes",
    "1023 bytes",
    "1 KiB",
    "1.6 KiB",
    "99.9 KiB",
    "1 GiB",
    "16 GiB",
    "2048 TiB",
  ]);
});

it("counts are in the number they need", () => {
  expect([counted(1, "object"), counted(1204, "object"), counted(2, "delivery", "deliveries")]).toEqual([
    "1 object",
    "1,204 objects",
    "2 deliveries",
  ]);
});
