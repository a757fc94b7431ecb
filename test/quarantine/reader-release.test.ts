/** What two people release to readers, on the real journal: who is given it, and until when. */
import { describe, expect, it } from "vitest";
import { ReadingQuarantine } from "../../src/site/gateway/reading-quarantine.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import type { VerifiedObject } from "../../src/zero-trust/gateway/reading/read.ts";
import { withdraw } from "../../src/zero-trust/quarantine/decisions.ts";
import { openEmergency } from "../../src/zero-trust/quarantine/emergency.ts";
import { findRelease } from "../../src/zero-trust/quarantine/released.ts";
import { reader, reason, testDesk } from "./desk.ts";
import { malformedFinding } from "./held-objects.ts";

const at = testDesk();
const studyInstanceUid = "2.25.42";
const quarantine = (): ReadingQuarantine => new ReadingQuarantine(at().journal, at().ports.clock);

/** As if it were read from quarantine. */
const readAs = ({ digest }: JudgedObject, study = studyInstanceUid): VerifiedObject =>
  ({ staged: { digest }, studyInstanceUid: study }) as VerifiedObject;

async function opening(object: JudgedObject, of = reader, bytes = object): Promise<unknown> {
  const held = await quarantine().releasedTo(of, { ...object, studyInstanceUid, seriesInstanceUid: "" });
  const opener = held && (await quarantine().openerFor(of, studyInstanceUid, held));
  return opener?.(readAs(bytes))?.opening;
}

describe("a release to readers", () => {
  it("opens what two people named, for that reader and that time, and sends nothing", async () => {
    const [object, other] = [await at().hold({ studyInstanceUid }), await at().hold({ studyInstanceUid })];
    const request = await at().askReading([object]);
    expect(await opening(object)).toBeUndefined();
    const { done, request: approved } = await at().approveAs("ben", request);
    expect(done).toBe(1);
    const until = approved.approvedAt! + 3_600_000;
    expect(await opening(object)).toEqual({ kind: "release", id: request.id, by: ["anna", "ben"], until });
    expect([await opening(object, "office"), await opening(other)]).toEqual([undefined, undefined]);
    expect(await opening(object, reader, other)).toBeUndefined();
    expect(await at().journal.deliveriesOf(object.id)).toEqual([]);
    expect(await findRelease(object, "reading", at().journal)).toBeUndefined();
    expect(await at().stateOf(object)).toBe("held");
    const [asked, agreed] = await at().journal.records({ subject: request.id, limit: 10, since: 0 });
    expect(asked?.detail).toMatchObject({ readers: "ward", minutes: 60, objects: 1 });
    expect(agreed?.detail).toMatchObject({ readers: "ward", until, requestedBy: "anna" });
    at().place.ahead = 3_600_000;
    expect(await opening(object)).toBeUndefined();
  });

  it("ends when an operator says so, once, and one that is sent does not", async () => {
    const object = await at().hold({ studyInstanceUid });
    const request = await at().askReading([object]);
    await at().approveAs("ben", request);
    await withdraw(at().ports, request.id, "carla");
    expect(await opening(object)).toBeUndefined();
    expect((await at().actsOn(request.id)).at(-1)).toBe("carla quarantine.release.ended");
    await expect(withdraw(at().ports, request.id, "carla")).rejects.toThrowError(/withdrawn/);
    const sent = await at().askRelease([object]);
    await at().approveAs("ben", sent);
    await expect(withdraw(at().ports, sent.id, "carla")).rejects.toThrowError(/approved by ben/);
  });

  it("ends when the objects are judged again, or purged", async () => {
    const [rechecked, purged] = [
      await at().hold({ studyInstanceUid }),
      await at().hold({ studyInstanceUid }),
    ];
    await at().approveAs("ben", await at().askReading([rechecked, purged]));
    await at().journal.recheck([rechecked.id]);
    await at().approveAs("ben", await at().askPurge([purged]));
    expect([await opening(rechecked), await opening(purged)]).toEqual([undefined, undefined]);
  });

  it("takes readers of the configuration, a time of a week at most, and no object whose place is taken", async () => {
    const object = await at().hold();
    for (const [more, why] of [
      [{ readers: ["stranger"] }, /no such reader: ward, office/],
      [{ readers: [] }, /no such reader/],
      [{ readers: [reader, reader] }, /each once/],
      [{ ms: 0 }, /168 hours/],
      [{ ms: 8 * 24 * 3_600_000 }, /168 hours/],
      [{ ms: Number.NaN }, /168 hours/],
    ] as const)
      await expect(at().askReading([object], more)).rejects.toThrowError(why);
    const findings = [{ ...malformedFinding(), code: "instance-conflict" }];
    const conflict = await at().hold({ verdict: "verified", findings });
    await expect(at().askReading([object, conflict], { confirmed: ["conflict"] })).rejects.toThrowError(
      /in the place of 1 of them/,
    );
    const request = await at().askReading([object]);
    await expect(at().approveAs("ben", request, { readers: ["office"] })).rejects.toThrowError(
      /no such reader/,
    );
    await expect(at().approveAs("anna", request)).rejects.toThrowError(/second person/);
    expect((await at().journal.request(request.id))?.state).toBe("pending");
  });
});

describe("what readers are told of quarantine", () => {
  it("is all that was held of a study, however much, with its verdict, but not what is asked of an archive again, nor notices", async () => {
    const held: JudgedObject[] = [];
    for (let n = 0; n < 1_203; n++)
      held.push(await at().hold({ studyInstanceUid, seriesInstanceUid: "2.25.43" }));
    await at().hold({ studyInstanceUid: "2.25.44" });
    await at().hold({ studyInstanceUid, verdict: "notice" });
    const told = await quarantine().held({ studyInstanceUid });
    expect(told.map(({ objectId }) => objectId).sort()).toEqual(held.map(({ id }) => id).sort());
    expect(told[0]).toMatchObject({ verdict: "unsealed", seriesInstanceUid: "2.25.43", studyInstanceUid });
    const one = { studyInstanceUid, sopInstanceUid: held[7]!.sopInstanceUid };
    expect(await quarantine().held(one)).toMatchObject([{ objectId: held[7]!.id }]);
    const twice = await at().hold({ studyInstanceUid, sopInstanceUid: one.sopInstanceUid });
    expect(await quarantine().held(one)).toMatchObject([{ objectId: twice.id }]);
  });

  it("an emergency opens all of it, for its reader", async () => {
    const object = await at().hold({ studyInstanceUid });
    const [held] = await quarantine().held({ studyInstanceUid });
    expect(await quarantine().openerFor(reader, studyInstanceUid, held!)).toBeUndefined();
    await openEmergency(at().ports, { studyInstanceUid, reader, by: "anna", reason, ms: 60_000 });
    const opener = await quarantine().openerFor(reader, studyInstanceUid, held!);
    expect(opener?.(readAs(object))?.opening).toMatchObject({ kind: "emergency", by: ["anna"] });
    expect(opener?.(readAs(object, "2.25.9"))).toBeUndefined();
    expect(await quarantine().openerFor("office", studyInstanceUid, held!)).toBeUndefined();
  });
});
