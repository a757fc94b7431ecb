import fc from "fast-check";
import { expect, it } from "vitest";
import { backOffMs, failureOf, retryIn } from "./retry.ts";

const limits = { retryMs: 1_000, retryMsMax: 60_000, deliveryMsMax: 86_400_000 };
const delivery = (attempts: number, createdAt = 0) => ({ attempts, createdAt });

it("waits twice as long each time, up to the maximum", () => {
  expect([1, 2, 3, 6, 7, 100].map((attempts) => backOffMs(attempts, limits, 1))).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
  ]);
});

it("never waits less than half, nor more than the maximum", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempts, random) => {
        const ms = backOffMs(attempts, limits, random);
        expect(ms).toBeGreaterThanOrEqual(500);
        expect(ms).toBeLessThanOrEqual(60_000);
      },
    ),
  );
});

it("gives up what must not be sent, what is refused eight times, and what is too old", () => {
  const passing = { kind: "passing", why: "" } as const;
  const refused = { kind: "refused", why: "" } as const;
  expect(retryIn({ kind: "final", why: "" }, delivery(1), limits, 0, 1)).toBeUndefined();
  expect(retryIn(refused, delivery(7), limits, 0, 1)).toBe(180_000);
  expect(retryIn(refused, delivery(8), limits, 0, 1)).toBeUndefined();
  expect(retryIn(passing, delivery(500), limits, 86_399_999, 1)).toBe(60_000);
  expect(retryIn(passing, delivery(1), limits, 86_400_000, 1)).toBeUndefined();
});

it("gives an archive that refuses everything an hour by default", () => {
  const usual = { retryMs: 5_000, retryMsMax: 600_000, deliveryMsMax: 3 * 86_400_000 };
  for (const random of [0, 1]) {
    let now = 0;
    for (let attempts = 1; ; attempts++) {
      const wait = retryIn({ kind: "refused", why: "" }, delivery(attempts), usual, now, random);
      if (wait === undefined) break;
      now += wait;
    }
    expect(now).toBe(random === 0 ? 3_600_000 : 7_200_000);
  }
});

it("reads the archive's status", () => {
  // PS3.4 table B.2-1
  for (const status of [0x0000, 0xb000, 0xb006, 0xb007, 0xbfff]) expect(failureOf(status)).toBeUndefined();
  // PS3.7 annex C.1: warnings of every service.
  for (const status of [0x0001, 0x0107, 0x0116]) expect(failureOf(status)).toBeUndefined();
  for (const status of [0xa700, 0xa7ff]) expect(failureOf(status)?.kind).toBe("passing");
  for (const status of [0xa900, 0xc000, 0xcfff, 0x0122, 0x0110, 0xa800]) {
    expect(failureOf(status)?.kind).toBe("refused");
  }
  expect(failureOf(0x0122)?.why).toBe("the archive answered 0x0122");
});
