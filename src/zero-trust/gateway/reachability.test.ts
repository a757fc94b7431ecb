import { expect, it } from "vitest";
import { Reachability } from "./reachability.ts";

const [one, other] = [{}, {}];
const reachOf = (retryMs: number, retryMsMax: number): Reachability =>
  new Reachability(
    () => ({ retryMs, retryMsMax }),
    () => 1,
  );

it("tries of a destination that is away double up to a minute, or to what is configured where that is less", () => {
  const waits = (reach: Reachability): number[] =>
    Array.from({ length: 7 }, () => reach.failed("no-association", "away", 1_000).nextTryAt - 1_000);
  expect(waits(reachOf(5_000, 600_000))).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  expect(waits(reachOf(5_000, 7_000))).toEqual([5_000, 7_000, 7_000, 7_000, 7_000, 7_000, 7_000]);
});

it("while it is away one tries at a time, and nobody before the time has come", () => {
  const reach = reachOf(5_000, 5_000);
  expect([reach.mayTry(0, one), reach.mayTry(0, other)]).toEqual([true, true]);
  reach.failed("no-association", "away", 0);
  expect(reach.mayTry(4_999, one)).toBe(false);
  expect([reach.mayTry(5_000, one), reach.mayTry(5_000, other)]).toEqual([true, false]);
  reach.rest(other);
  expect(reach.mayTry(5_000, other)).toBe(false);
  reach.rest(one);
  expect(reach.mayTry(5_000, other)).toBe(true);
  expect(reach.accepted()).toMatchObject({ since: 0, why: "away" });
  expect([reach.outage, reach.mayTry(0, one), reach.mayTry(0, other)]).toEqual([undefined, true, true]);
  // And it begins from the start.
  expect(reach.failed("no-association", "away", 10_000)).toMatchObject({ since: 10_000, nextTryAt: 15_000 });
});

it("an association that ends in the midst of one object is the object's; of two in a row, the destination's, until it answers", () => {
  const reach = reachOf(5_000, 5_000);
  for (let i = 0; i < 3; i++) expect(reach.broke("a", "gone", 0)).toBeUndefined();
  reach.answered();
  expect(reach.broke("b", "gone", 0)).toBeUndefined();
  expect(reach.broke("c", "gone", 0)).toMatchObject({ why: "gone" });
  expect(reach.accepted()).toBeUndefined();
  expect(reach.broke("d", "gone again", 7)).toMatchObject({ since: 0, why: "gone again" });
  expect(reach.answered()).toMatchObject({ since: 0 });
  expect(reach.broke("d", "gone", 0)).toBeUndefined();
});
