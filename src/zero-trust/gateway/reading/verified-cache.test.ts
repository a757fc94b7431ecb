/** How long what was fetched stays, with an injected clock. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { VerifiedCache } from "./verified-cache.ts";

let now: number;
let made: number;
let freed: number;
let cache: VerifiedCache<{ readonly bytes: number; free(): Promise<void> }>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  [now, made, freed] = [0, 0, 0];
  cache = new VerifiedCache({ bytesMax: 100, ageMsMax: 60_000 }, { now: () => now });
});
afterEach(() => {
  cache.clear();
  vi.useRealTimers();
});

/** @param took to fetch and examine it; milliseconds */
async function use(key: string, took = 0): Promise<() => void> {
  const { done } = await cache.use(key, async () => {
    await Promise.resolve();
    made++;
    now += took;
    return { bytes: 10, free: async () => void freed++ };
  });
  return done;
}

async function pass(ms: number): Promise<void> {
  now += ms;
  await vi.advanceTimersByTimeAsync(ms);
}

it("what nobody asks for any more goes by itself, what is in use stays", async () => {
  (await use("a"))();
  const done = await use("b");
  await pass(50_000);
  expect(freed).toBe(0);
  await pass(30_000);
  expect(freed).toBe(1);
  done();
  await pass(30_000);
  expect([made, freed]).toEqual([2, 2]);
});

it("what took long stays ten times as long, and ten minutes at most", async () => {
  (await use("slow", 30_000))();
  await pass(250_000);
  (await use("slow"))();
  expect(made).toBe(1);
  await pass(60_000);
  expect(freed).toBe(1);
  (await use("dripping", 14 * 60_000))();
  await pass(11 * 60_000);
  expect(freed).toBe(2);
});
