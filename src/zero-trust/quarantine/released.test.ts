import { describe, expect, it } from "vitest";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";
import { findRelease, Released } from "./released.ts";
import { requestMsMax } from "./two-people.ts";

const object = { id: "o1", state: "held", judgedAt: 500 } as JudgedObject;
const approved: QuarantineRequest = {
  id: "r1",
  act: "release",
  objectIds: ["o0", "o1"],
  reason: "a second opinion",
  requestedBy: "anna",
  requestedAt: 1_000,
  destination: "reading",
  state: "approved",
  approvedBy: "ben",
  approvedAt: 2_000,
};

function releasedBy(
  held: JudgedObject,
  destination: string,
  request: QuarantineRequest,
): Promise<Released<JudgedObject> | undefined> {
  const others = [{ ...approved, id: "r0", objectIds: [] }, request];
  return findRelease(held, destination, { requestsOf: async () => others });
}

describe("the proof of a release", () => {
  it("is an approved request of two people, for this object and this place", async () => {
    const released = await releasedBy(object, "reading", approved);
    expect(released?.object).toBe(object);
    expect(released?.requestId).toBe("r1");
  });

  it.each<[string, Partial<QuarantineRequest>]>([
    ["a purge", { act: "purge" }],
    ["a pending request", { state: "pending", approvedBy: undefined, approvedAt: undefined }],
    ["a pending request that names an approver", { state: "pending" }],
    ["a withdrawn request", { state: "withdrawn" }],
    ["an approval by nobody", { approvedBy: undefined }],
    ["an approval by who asked", { approvedBy: "anna" }],
    ["an approval by who asked, in capitals", { approvedBy: "ANNA" }],
    ["an approval after a day", { approvedAt: 1_000 + requestMsMax + 1 }],
    ["an approval at no time", { approvedAt: undefined }],
    ["a request for other objects", { objectIds: ["o0", "o11"] }],
    ["a request for another place", { destination: "archive" }],
    ["a request for no place", { destination: undefined }],
  ])("is not %s", async (_, change) => {
    expect(await releasedBy(object, "reading", { ...approved, ...change })).toBeUndefined();
  });

  it.each<JudgedObject["state"]>(["received", "admitted", "resent", "resolved", "purged"])(
    "is none for an object that is %s",
    async (state) => {
      expect(await releasedBy({ ...object, state }, "reading", approved)).toBeUndefined();
    },
  );

  it("is none for what was judged again since, or never", async () => {
    for (const judgedAt of [2_001, undefined])
      expect(await releasedBy({ ...object, judgedAt }, "reading", approved)).toBeUndefined();
    expect(await releasedBy({ ...object, judgedAt: 2_000 }, "reading", approved)).toBeDefined();
  });

  it("cannot be made by hand", () => {
    const forge = Released as unknown as new (key: symbol, object: JudgedObject, id: string) => unknown;
    expect(() => new forge(Symbol("mint"), object, "r1")).toThrowError(/two people/);
  });

  it("is found among the requests that name the object", async () => {
    const journal = {
      requestsOf: async (id: string) =>
        id === "o1" ? [{ ...approved, id: "r2", state: "withdrawn" as const }, approved] : [],
    };
    expect((await findRelease(object, "reading", journal))?.requestId).toBe("r1");
    expect(await findRelease({ ...object, id: "o2" }, "reading", journal)).toBeUndefined();
  });
});
