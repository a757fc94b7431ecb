import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Traffic } from "./traffic.ts";

const object = 1 << 20;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function waiting(traffic: Traffic, msMax: number): { isOver: boolean } {
  const state = { isOver: false };
  void traffic.lull(msMax).then(() => {
    state.isOver = true;
  });
  return state;
}

it("nobody waits while nothing, or little, arrives", async () => {
  const traffic = new Traffic();
  const before = waiting(traffic, 1000);
  traffic.note(1000);
  const little = waiting(traffic, 1000);
  await vi.advanceTimersByTimeAsync(0);
  expect([before.isOver, little.isOver]).toEqual([true, true]);
});

it("who waits goes on when the senders pause", async () => {
  const traffic = new Traffic();
  traffic.note(object);
  const state = waiting(traffic, 10_000);
  for (let i = 0; i < 10; i++) {
    await vi.advanceTimersByTimeAsync(20);
    expect(state.isOver).toBe(false);
    traffic.note(object);
  }
  await vi.advanceTimersByTimeAsync(40);
  expect(state.isOver).toBe(true);
  // Its timer rests with it.
  await vi.advanceTimersByTimeAsync(40);
  expect(vi.getTimerCount()).toBe(0);
});

it("senders that never pause are not waited for longer than that", async () => {
  const traffic = new Traffic();
  traffic.note(object);
  const state = waiting(traffic, 100);
  for (let ms = 0; ms < 100; ms += 10) {
    expect(state.isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(10);
    traffic.note(object);
  }
  expect(state.isOver).toBe(true);
  expect(waiting(traffic, 0).isOver).toBe(false);
  await vi.advanceTimersByTimeAsync(0);
});
