import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Gathering } from "./gathering.ts";
import { ObjectUse } from "./object-use.ts";
import { Occupancy } from "./occupancy.ts";
import { endWithin, Waker } from "./waker.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Names of promises that are over, in order. */
function follow(): { readonly over: string[]; add(name: string, promise: Promise<unknown>): void } {
  const over: string[] = [];
  return { over, add: (name, promise) => void promise.then(() => over.push(name)) };
}

it("the first goes at once, the others together, at most so often, unless they are many", async () => {
  const gathering = new Gathering(50, 3);
  const { over, add } = follow();
  const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  add("a", gathering.join());
  await wait(0);
  expect(over.splice(0)).toEqual(["a"]);
  add("b", gathering.join());
  add("c", gathering.join());
  await wait(49);
  expect(over).toEqual([]);
  await wait(1);
  expect(over.splice(0)).toEqual(["b", "c"]);
  for (const name of ["d", "e", "f"]) add(name, gathering.join());
  await wait(0);
  expect(over.splice(0)).toEqual(["d", "e", "f"]);
  await wait(50);
  add("g", gathering.join());
  await wait(0);
  expect(over.splice(0)).toEqual(["g"]);
  add("h", gathering.join());
  gathering.flush();
  await wait(0);
  expect(over).toEqual(["h"]);
});

it("a sleeper is woken at once, and by a call that came before it slept", async () => {
  const waker = new Waker();
  const { over, add } = follow();
  add("first", waker.sleep(1_000));
  waker.wake();
  await vi.advanceTimersByTimeAsync(0);
  waker.wake();
  add("second", waker.sleep(1_000));
  await vi.advanceTimersByTimeAsync(0);
  expect(over).toEqual(["first", "second"]);
  add("third", waker.sleep(1_000));
  await vi.advanceTimersByTimeAsync(999);
  expect(over).toEqual(["first", "second"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toEqual(["first", "second", "third"]);
});

it("work that does not end is waited for no longer than asked", async () => {
  const { over, add } = follow();
  const endless = new Promise(() => undefined);
  add("in time", endWithin([Promise.resolve(), Promise.reject(new Error("late"))], 10).then(expectTrue));
  add(
    "too late",
    endWithin([endless], 10).then((ended) => expect(ended).toBe(false)),
  );
  await vi.advanceTimersByTimeAsync(9);
  expect(over).toEqual(["in time"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toEqual(["in time", "too late"]);
});

function expectTrue(ended: boolean): void {
  expect(ended).toBe(true);
}

it("what is read does not move, and what moves is not read", async () => {
  const use = new ObjectUse();
  const log: string[] = [];
  const { promise: reading, resolve: endReading } = Promise.withResolvers<void>();
  const first = use.reading("a", async () => {
    await reading;
    log.push("read");
  });
  expect(await use.moving("a", async () => void log.push("never"))).toBe(false);
  expect(await use.moving("b", async () => void log.push("moved b"))).toBe(true);
  endReading();
  await first;
  const { promise: moving, resolve: endMoving } = Promise.withResolvers<void>();
  const moved = use.moving("a", async () => {
    await moving;
    log.push("moved a");
  });
  const second = use.reading("a", async () => void log.push("read again"));
  expect(await use.moving("a", async () => void log.push("never"))).toBe(false);
  endMoving();
  expect(await moved).toBe(true);
  await second;
  expect(log).toEqual(["moved b", "read", "moved a", "read again"]);
  await expect(use.moving("a", () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  expect(await use.moving("a", async () => undefined)).toBe(true);
});

it("counts associations and bytes, and forgets what is gone", () => {
  const occupancy = new Occupancy();
  occupancy.open("1", "ct");
  occupancy.open("2", "ct");
  // The same connection again: an end was missed.
  occupancy.open("2", "mr");
  expect([occupancy.associations, occupancy.associationsOf("ct"), occupancy.sourceOf("2")]).toEqual([
    2,
    1,
    "mr",
  ]);
  occupancy.close("1");
  occupancy.close("1");
  expect([occupancy.associations, occupancy.associationsOf("ct")]).toEqual([1, 0]);
  occupancy.addBytes("ct", 100);
  occupancy.addBytes("ct", 50);
  occupancy.await("object", "ct", 100);
  occupancy.judged("object");
  occupancy.judged("object");
  occupancy.judged("unknown");
  expect(occupancy.bytesOf("ct")).toBe(50);
});
