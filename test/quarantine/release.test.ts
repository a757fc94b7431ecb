/** Release from quarantine, on the real journal and object store. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { approve, requestRelease, withdraw } from "../../src/zero-trust/quarantine/decisions.ts";
import { storyOf } from "../../src/zero-trust/quarantine/object-story.ts";
import { findRelease } from "../../src/zero-trust/quarantine/released.ts";
import { requestMsMax } from "../../src/zero-trust/quarantine/two-people.ts";
import { archive, reading, reason, testDesk, usage } from "./desk.ts";
import { addHeld, malformedFinding } from "./held-objects.ts";

const at = testDesk();

describe("release", () => {
  it("takes two people, and then one delivery for each object is due at the reading place", async () => {
    const objects = [await at().hold(), await at().hold()];
    const request = await at().askRelease(objects);
    expect(await at().journal.deliveriesOf(objects[0]!.id)).toEqual([]);
    expect(await findRelease(objects[0]!, "reading", at().journal)).toBeUndefined();
    const { done } = await at().approveAs("ben", request);
    expect(done).toBe(2);
    for (const object of objects) {
      expect(await at().journal.deliveriesOf(object.id)).toMatchObject([
        { destination: "reading", released: true, state: "due" },
      ]);
      // Released is not admitted: it stays in quarantine, with its bytes.
      expect(await at().stateOf(object)).toBe("held");
      expect((await findRelease(object, "reading", at().journal))?.requestId).toBe(request.id);
      expect(await findRelease(object, "archive", at().journal)).toBeUndefined();
    }
    expect(await at().actsOn(request.id)).toEqual([
      "anna quarantine.release.requested",
      "ben quarantine.release.approved",
    ]);
    const [, approved] = (await storyOf(at().journal, objects[0]!)).history;
    expect(approved?.detail).toMatchObject({ objects: 2, requestedBy: "anna", destination: "reading" });
  });

  it("never to the archive, nor to a place that became one meanwhile", async () => {
    const object = await at().hold();
    await expect(at().askRelease([object], archive)).rejects.toThrowError(
      /what people release never goes there/,
    );
    await expect(
      requestRelease(at().ports, [object], { by: "anna", reason, to: undefined, confirmed: [] }),
    ).rejects.toThrowError(/no such destination/);
    const request = await at().askRelease([object]);
    const places = [{ ...reading, takes: "admitted" as const }];
    await expect(at().approveAs("ben", request, { places })).rejects.toThrowError(/never goes there/);
    await expect(at().approveAs("ben", request, { places: [] })).rejects.toThrowError(/no such destination/);
    expect(await at().journal.deliveriesOf(object.id)).toEqual([]);
    expect((await at().journal.request(request.id))?.state).toBe("pending");
  });

  it.each(["anna", "Anna", "ANNA "])("who asked is refused as the second person: %j", async (by) => {
    const request = await at().askRelease([await at().hold()]);
    await expect(at().approveAs(by, request)).rejects.toThrowError(/second person/);
    expect((await at().journal.request(request.id))?.state).toBe("pending");
    expect((await at().actsOn(request.id)).at(-1)).toBe(`${by} quarantine.release.refused`);
  });

  it("the journal itself refuses the same person too", async () => {
    const { journal, newId } = at().ports;
    const request = await at().askRelease([await at().hold()]);
    const record = { id: newId(), at: 1, actor: "ANNA", act: "x", subject: request.id, detail: {} };
    await expect(journal.approveRequest(request.id, "ANNA", Date.now(), record)).rejects.toEqual(usage);
    expect((await journal.request(request.id))?.state).toBe("pending");
  });

  it("not on the word of somebody who is no operator any more", async () => {
    const request = await at().askRelease([await at().hold()]);
    await expect(
      at().approveAs("ben", request, { isOperator: (name) => name !== "anna" }),
    ).rejects.toThrowError(/no operator any more/);
  });

  it("expires after a day, and is then gone for good", async () => {
    const request = await at().askRelease([await at().hold()]);
    at().place.ahead = requestMsMax + 60_000;
    await expect(at().approveAs("ben", request)).rejects.toThrowError(/expired/);
    at().place.ahead = 0;
    await expect(at().approveAs("ben", request)).rejects.toThrowError(/withdrawn/);
    expect((await at().actsOn(request.id)).at(-1)).toBe("gateway quarantine.release.expired");
  });

  it("failing seals and malformed objects only where both people name the verdict", async () => {
    const objects = [
      await at().hold({ verdict: "altered" }),
      await at().hold({ verdict: "malformed" }),
      await at().hold(),
    ];
    await expect(at().askRelease(objects)).rejects.toThrowError("1 altered, 1 malformed");
    await expect(at().askRelease(objects, reading, ["altered"])).rejects.toThrowError(
      "among them: 1 malformed.",
    );
    const request = await at().askRelease(objects, reading, ["altered", "malformed"]);
    await expect(at().approveAs("ben", request, { confirmed: ["malformed"] })).rejects.toThrowError(
      "1 altered",
    );
    expect((await at().approveAs("ben", request, { confirmed: ["malformed", "altered"] })).done).toBe(3);
  });

  it("an object without a verdict, and one that conflicts, are named as well", async () => {
    const conflict = { ...malformedFinding(), code: "instance-conflict" };
    await expect(at().askRelease([await at().hold({ verdict: undefined })])).rejects.toThrowError(
      "1 unchecked",
    );
    await expect(
      at().askRelease([await at().hold({ verdict: "verified", findings: [conflict] })]),
    ).rejects.toThrowError("1 conflict");
  });

  it("of what was admitted meanwhile nothing more is released", async () => {
    const bytes = new Uint8Array(500).fill(200);
    const object = await at().hold({ bytes, sopInstanceUid: "2.25.777" });
    const other = await at().hold();
    const request = await at().askRelease([object, other]);
    await addHeld(at().ports, {
      bytes,
      verdict: "verified",
      sopInstanceUid: "2.25.777",
      disposition: "delivered",
    });
    expect(await at().stateOf(object)).toBe("resolved");
    expect((await at().approveAs("ben", request)).done).toBe(1);
    expect(await at().journal.deliveriesOf(object.id)).toEqual([]);
    await expect(at().askRelease([(await at().journal.object(object.id))!])).rejects.toThrowError(/resolved/);
  });

  it("can be taken back while nobody approved it", async () => {
    const request = await at().askRelease([await at().hold()]);
    await withdraw(at().ports, request.id, "ben");
    await expect(at().approveAs("ben", request)).rejects.toThrowError(/was withdrawn/);
    await expect(withdraw(at().ports, request.id, "ben")).rejects.toEqual(usage);
    expect(await at().actsOn(request.id)).toEqual([
      "anna quarantine.release.requested",
      "ben quarantine.release.withdrawn",
    ]);
  });

  it.each(["", "ok", "bidi \u202e text"])("without a reason nothing is asked: %j", async (given) => {
    const object = await at().hold();
    const asked = { by: "anna", reason: given, to: reading, confirmed: [] };
    await expect(requestRelease(at().ports, [object], asked)).rejects.toEqual(usage);
    expect(await at().journal.requests("pending", 10)).toEqual([]);
  });
});

describe("a race of approvers", () => {
  it("is won once, over two connections", async () => {
    const { ports } = at();
    const other = {
      ...ports,
      journal: await openSqliteJournal(join(at().place.folder, "data", "journal.sqlite")),
    };
    try {
      for (let round = 0; round < 5; round++) {
        const object = await at().hold();
        const request = await at().askRelease([object]);
        const approver = { confirmed: [], places: [reading], readers: [], isOperator: () => true };
        const tries = await Promise.allSettled([
          approve(ports, request.id, { ...approver, by: "ben" }),
          approve(other, request.id, { ...approver, by: "carla" }),
          withdraw(ports, request.id, "dora"),
        ]);
        expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
        const lost = tries.filter((result) => result.status === "rejected");
        for (const result of lost) expect(result.reason).toEqual(usage);
        const acts = await at().actsOn(request.id);
        expect(acts).toHaveLength(2);
        const isApproved = acts[1]!.endsWith("approved");
        expect(await ports.journal.deliveriesOf(object.id)).toHaveLength(isApproved ? 1 : 0);
      }
    } finally {
      await other.journal.close();
    }
  });
});
