import { expect, it } from "vitest";
import type { Journal, ReceivedObject } from "../../store/journal/journal.ts";
import { RowWriter } from "./row-writer.ts";
import type { Traffic } from "./traffic.ts";

it("says when what was added is written, however much comes meanwhile", async () => {
  const rows: string[] = [];
  const add = (id: string): void => writer.add({ id } as ReceivedObject);
  const journal = {
    addReceived: async (batch: readonly ReceivedObject[]) => {
      rows.push(...batch.map(({ id }) => id));
      // Senders who never pause.
      if (rows.length < 100) add(`later ${rows.length}`);
    },
  } as Partial<Journal> as Journal;
  const traffic = { lull: async () => undefined } as Partial<Traffic> as Traffic;
  const writer = new RowWriter({ journal, events: () => undefined }, traffic, () => undefined);
  await writer.written();
  add("first");
  await writer.written();
  expect(rows).toContain("first");
  expect(rows.length).toBeLessThan(50);
  await writer.stop();
  expect(writer.backlog).toBe(0);
});
