import fc from "fast-check";
import { expect, it } from "vitest";
import type { GatewayEvent } from "../../../operations/event.ts";
import { ReadingRecord } from "./reading-record.ts";

type Told = Extract<GatewayEvent, { readonly kind: "read-given" }>;

it("each instance of each reader is told once, however often it was asked for", () => {
  const instance = fc.record({
    reader: fc.constantFrom("a", "b"),
    studyInstanceUid: fc.constantFrom("1.1", "1.2"),
    number: fc.nat(150),
  });
  fc.assert(
    fc.property(fc.array(instance, { maxLength: 600 }), (asked) => {
      const told: Told[] = [];
      const record = new ReadingRecord((event) => told.push(event as Told));
      for (const { number, ...one } of asked) {
        const sopInstanceUid = `${one.studyInstanceUid}.${number}`;
        record.note({ ...one, sopInstanceUid, isGiven: number % 7 !== 0, objectId: `id ${number}` });
      }
      record.close();
      record.close();
      for (const reader of ["a", "b"]) {
        const of = asked.filter((one) => one.reader === reader);
        const names = new Set(of.map(({ studyInstanceUid, number }) => `${studyInstanceUid}.${number}`));
        const mine = told.filter((one) => one.reader === reader);
        expect(mine.reduce((sum, { given, withheld }) => sum + given + withheld, 0)).toBe(names.size);
        for (const { objects, given } of mine) expect(objects).toHaveLength(Math.min(given, 100));
      }
    }),
    { numRuns: 50 },
  );
});

it("is told when no more is asked for, and in bounds", async () => {
  const told: Told[] = [];
  const end = Promise.withResolvers<void>();
  const record = new ReadingRecord((event) => {
    told.push(event as Told);
    if (told.length === 3) end.resolve();
  }, 1);
  for (let i = 0; i < 20_001; i++)
    record.note({
      reader: "a",
      studyInstanceUid: "1",
      sopInstanceUid: `1.${i}`,
      isGiven: true,
      objectId: undefined,
    });
  await end.promise;
  expect(told.map(({ given }) => given)).toEqual([10_000, 10_000, 1]);
});
