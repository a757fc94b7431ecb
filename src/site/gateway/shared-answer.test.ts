import { expect, it } from "vitest";
import { sharedAnswer } from "./shared-answer.ts";

it("asks once a second, whoever asks, and again after a failure", async () => {
  const time = { now: 5_000 };
  let asked = 0;
  let isAway = false;
  const answer = sharedAnswer({ now: () => time.now }, async () => {
    asked++;
    if (isAway) throw new Error("away");
    return asked;
  });
  expect(await Promise.all([answer(), answer()])).toEqual([1, 1]);
  time.now += 999;
  expect(await answer()).toBe(1);
  time.now += 1;
  expect(await answer()).toBe(2);
  // A clock that was set back.
  time.now -= 60_000;
  expect(await answer()).toBe(3);
  isAway = true;
  time.now += 1_000;
  const failing = [answer(), answer()].map((one) => expect(one).rejects.toThrow("away"));
  await Promise.all(failing);
  expect(asked).toBe(4);
  isAway = false;
  expect(await answer()).toBe(5);
});
