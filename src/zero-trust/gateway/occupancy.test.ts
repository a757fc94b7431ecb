import { expect, it } from "vitest";
import { Occupancy } from "./occupancy.ts";

it("objects that wait count for more than their bytes: tiny ones have a quota too", () => {
  const occupancy = new Occupancy();
  const count = 1_000;
  for (let i = 0; i < count; i++) {
    occupancy.addBytes("ct", 100);
    occupancy.await(`${i}`, "ct", 100);
  }
  expect(occupancy.bytesOf("ct")).toBeGreaterThan(count * 4_096);
  for (let i = 0; i < count; i++) occupancy.judged(`${i}`);
  expect(occupancy.bytesOf("ct")).toBe(0);
});
