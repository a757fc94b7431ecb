import { expect, it } from "vitest";
import type { ActRecord } from "../../store/journal/journal.ts";
import { closeEmergency, emergencies, openEmergency, openGrant, reviewEmergency } from "./emergency.ts";
import { Opened, openedInEmergency } from "./opened.ts";
import type { QuarantinePorts } from "./ports.ts";

class Desk {
  now = 1_000_000;
  readonly records: ActRecord[] = [];
  readonly ports: QuarantinePorts = {
    journal: {
      addRecord: async (record: ActRecord) => void this.records.push(record),
      records: async ({ subject, actsLike = [] }: { subject?: string; actsLike?: readonly string[] }) =>
        this.records
          .filter((one) => subject === undefined || one.subject === subject)
          .filter(({ act }) => actsLike.some((like) => act.startsWith(like)))
          .toReversed(),
    },
    newId: () => `00000000-0000-7000-8000-${String(this.records.length).padStart(12, "0")}`,
    clock: { now: () => this.now },
  } as unknown as QuarantinePorts;
}

const asked = { studyInstanceUid: "2.25.1", reader: "ws", by: "ada", reason: "stroke at three", ms: 60_000 };
const object = { studyInstanceUid: "2.25.1" };

it("is in force at once, for its study, reader and time alone", async () => {
  const desk = new Desk();
  const grant = await openEmergency(desk.ports, asked);
  const journal = desk.ports.journal;
  expect(await openGrant(journal, "2.25.1", "ws", desk.now)).toEqual(grant);
  expect(await openGrant(journal, "2.25.2", "ws", desk.now)).toBeUndefined();
  expect(await openGrant(journal, "2.25.1", "ws2", desk.now)).toBeUndefined();
  expect(await openGrant(journal, "2.25.1", "ws", desk.now + 60_000)).toBeUndefined();
  expect(openedInEmergency(object, "ws", grant, desk.now)?.object).toBe(object);
  for (const [reader, study, at] of [
    ["ws2", "2.25.1", desk.now],
    ["ws", "2.25.2", desk.now],
    ["ws", "2.25.1", desk.now + 60_000],
    ["ws", "2.25.1", desk.now - 1],
  ] as const)
    expect(openedInEmergency({ studyInstanceUid: study }, reader, grant, at)).toBeUndefined();
});

it("ends when somebody closes it, and is reviewed by another person, once", async () => {
  const desk = new Desk();
  const { id } = await openEmergency(desk.ports, asked);
  await expect(reviewEmergency(desk.ports, id, "Ada")).rejects.toThrow(/second person/);
  const closed = await closeEmergency(desk.ports, id.slice(-8), "bob");
  expect(closed.closedAt).toBe(desk.now);
  expect(openedInEmergency(object, "ws", closed, desk.now)).toBeUndefined();
  expect(await openGrant(desk.ports.journal, "2.25.1", "ws", desk.now)).toBeUndefined();
  await expect(closeEmergency(desk.ports, id, "bob")).rejects.toThrow(/over already/);
  expect((await reviewEmergency(desk.ports, id, "bob")).reviewedBy).toBe("bob");
  await expect(reviewEmergency(desk.ports, id, "eve")).rejects.toThrow(/bob has reviewed/);
  expect(await emergencies(desk.ports.journal)).toMatchObject([{ id, by: "ada", reviewedBy: "bob" }]);
});

it("takes a reason and a time, and no record that is none", async () => {
  const desk = new Desk();
  await expect(openEmergency(desk.ports, { ...asked, reason: "ok" })).rejects.toThrow(/too little/);
  for (const ms of [0, -1, 13 * 3_600_000, Number.NaN])
    await expect(openEmergency(desk.ports, { ...asked, ms })).rejects.toThrow(/hours/);
  await expect(closeEmergency(desk.ports, "0", "bob")).rejects.toThrow(/no emergency/);
  expect(desk.records).toEqual([]);
  desk.records.push({
    id: "x",
    at: 1,
    actor: "ada",
    act: "emergency.opened",
    subject: "2.25.1",
    detail: { reader: "ws" },
  });
  expect(await emergencies(desk.ports.journal)).toEqual([]);
});

it("cannot be made by anybody else", () => {
  const forged = Opened as unknown as new (key: unknown, object: unknown, grant: unknown) => unknown;
  expect(() => new forged(Symbol("mint"), object, {})).toThrow(/only people/);
});
