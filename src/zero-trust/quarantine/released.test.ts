import { expect, it } from "vitest";
import type { JudgedObject, QuarantineRequest } from "../../store/journal/journal.ts";
import { findRelease, Released } from "./released.ts";

const held = { id: "object", state: "held" } as JudgedObject;
const approved: QuarantineRequest = {
  id: "request",
  act: "release",
  objectIds: ["other", "object"],
  reason: "second opinion",
  requestedBy: "ann",
  requestedAt: 1,
  destination: "place",
  state: "approved",
  approvedBy: "bob",
  approvedAt: 2,
};

const found = (request: QuarantineRequest, object = held, destination = "place") =>
  findRelease(object, destination, { requestsOf: async () => [{ ...approved, objectIds: [] }, request] });

it("two people's approved release of this object to this place is a proof", async () => {
  const released = await found(approved);
  expect([released?.object, released?.requestId]).toEqual([held, "request"]);
});

it("anything else is none", async () => {
  const others: readonly Partial<QuarantineRequest>[] = [
    { act: "purge" },
    { state: "pending" },
    { state: "withdrawn" },
    { approvedBy: undefined },
    { approvedBy: "ann" },
    { objectIds: ["other"] },
    { destination: undefined },
  ];
  for (const other of others)
    expect(await found({ ...approved, ...other }), JSON.stringify(other)).toBeUndefined();
  expect(await found(approved, held, "elsewhere")).toBeUndefined();
  for (const state of ["received", "admitted", "purged", "resolved"] as const)
    expect(await found(approved, { ...held, state }), state).toBeUndefined();
});

it("nobody else makes the proof", () => {
  const Forged = Released as unknown as new (...parts: readonly unknown[]) => unknown;
  expect(() => new Forged(Symbol("mint"), held, "request")).toThrow("only two people");
});
