import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArrivalQueue } from "./arrival-queue.ts";

describe("a queue of arrivals", () => {
  it("gives them in order, then the end, or the error", async () => {
    for (const error of [undefined, new Error("gone")]) {
      const queue = new ArrivalQueue<number>();
      for (const one of [1, 2, 3]) queue.push(one, 10);
      queue.complete(error);
      expect([await queue.next(), await queue.next(), await queue.next()]).toEqual([1, 2, 3]);
      if (error) await expect(queue.next()).rejects.toBe(error);
      else expect(await queue.next()).toBeUndefined();
    }
  });

  it("holds who gives, by number and by bytes, until there is room", async () => {
    for (const [bytes, count] of [
      [1, 64],
      [1 << 19, 2],
    ] as const) {
      const queue = new ArrivalQueue<number>();
      let held: unknown;
      for (let i = 0; i < count; i++) {
        expect(held).toBeUndefined();
        held = queue.push(i, bytes);
      }
      expect(held).toBeInstanceOf(Promise);
      await queue.next();
      await held;
    }
  });

  it("lets who gives go when nobody takes any more, and forgets what was there", async () => {
    const queue = new ArrivalQueue<number>();
    const held = queue.push(1, 1 << 20);
    queue.discard();
    await held;
    expect(queue.push(2, 1 << 20)).toBeUndefined();
    queue.complete();
    expect(await queue.next()).toBeUndefined();
  });

  it("gives everything once, whoever is quicker", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.nat(1 << 18), { maxLength: 200 }),
        async (scheduler, sizes) => {
          const queue = new ArrivalQueue<number>();
          const giving = (async () => {
            for (const [i, size] of sizes.entries()) {
              await scheduler.schedule(Promise.resolve());
              await queue.push(i, size);
            }
            queue.complete();
          })();
          const got: number[] = [];
          const taking = (async () => {
            for (let next = await queue.next(); next !== undefined; next = await queue.next()) {
              got.push(next);
              await scheduler.schedule(Promise.resolve());
            }
          })();
          await scheduler.waitFor(Promise.all([giving, taking]));
          expect(got).toEqual([...sizes.keys()]);
        },
      ),
      { numRuns: 50 },
    );
  });
});
