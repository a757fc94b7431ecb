import fc from "fast-check";
import { expect, it } from "vitest";
import { Intake } from "./intake.ts";

const hour = 3_600_000;
const start = Date.parse("2026-11-23T08:05:00Z");

function counting(): { intake: Intake; time: { now: number }; clock: { now(): number } } {
  const time = { now: start };
  const clock = { now: () => time.now };
  return { intake: new Intake(clock), time, clock };
}

it("a source that has sent what it may in an hour sends again when the hour is over, and no other waits for it", () => {
  const { intake, time } = counting();
  const ct = { name: "ct", intake: { hour: { objects: 3 } } };
  const mr = { name: "mr", intake: { hour: { objects: 3 } } };
  for (let i = 0; i < 3; i++) {
    expect(intake.over(ct, 0, true)).toBeUndefined();
    intake.begin("ct");
  }
  const over = intake.over(ct, 0, true);
  expect(over?.why).toBe("quota-hour");
  expect(over?.retryInMs).toBeLessThanOrEqual(hour);
  expect(intake.over(mr, 0, true)).toBeUndefined();
  expect(intake.over({ name: "ct" }, 1e12, true)).toBeUndefined();
  time.now += over!.retryInMs;
  expect(intake.over(ct, 0, true)).toBeUndefined();
});

it("bytes count as they arrive, those of broken objects too, for an hour and a day", () => {
  const { intake, time } = counting();
  const ct = { name: "ct", intake: { hour: { bytes: 100 }, day: { bytes: 150 } } };
  intake.add("ct", 90);
  expect(intake.over(ct, 10, false)).toBeUndefined();
  expect(intake.over(ct, 11, false)?.why).toBe("quota-hour");
  time.now += hour;
  intake.add("ct", 60);
  expect(intake.over(ct, 1, false)?.why).toBe("quota-day");
  time.now += 23 * hour;
  expect(intake.over(ct, 1, false)).toBeUndefined();
});

it("what was counted holds over a restart, and a clock that is set back leaves nobody out", () => {
  const { intake, time, clock } = counting();
  const ct = { name: "ct", intake: { day: { objects: 1 } } };
  intake.begin("ct");
  const again = new Intake(clock, JSON.parse(JSON.stringify(intake.counts())));
  expect(again.over(ct, 0, true)?.why).toBe("quota-day");
  time.now -= 100 * 24 * hour;
  expect(again.over(ct, 0, true)).toBeUndefined();
});

it("within an hour never more passes than the quota, and what is kept does not grow", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(hour), { minLength: 1, maxLength: 300 }), (pauses) => {
      const { intake, time } = counting();
      const ct = { name: "ct", intake: { hour: { objects: 5 } } };
      const passed: number[] = [];
      for (const pause of pauses) {
        time.now += Math.floor(pause / 20);
        if (intake.over(ct, 0, true)) continue;
        intake.begin("ct");
        passed.push(time.now);
        // In steps of ten minutes: the oldest may be forgotten that much early.
        expect(passed.filter((at) => at > time.now - hour + 600_000).length).toBeLessThanOrEqual(5);
      }
      expect(intake.counts().ct?.length ?? 0).toBeLessThanOrEqual(145);
    }),
  );
});
