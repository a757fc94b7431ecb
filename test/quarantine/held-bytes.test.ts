/** Purge, export, recheck and selection, on the real journal and object store. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import { approve, recheck } from "../../src/zero-trust/quarantine/decisions.ts";
import { exportHeld, exportReport } from "../../src/zero-trust/quarantine/export.ts";
import {
  findObjects,
  heldAmong,
  heldObjects,
  selectHeld,
  seriesOf,
} from "../../src/zero-trust/quarantine/held-objects.ts";
import { storyOf } from "../../src/zero-trust/quarantine/object-story.ts";
import { finishPurges } from "../../src/zero-trust/quarantine/purge.ts";
import { findRelease } from "../../src/zero-trust/quarantine/released.ts";
import { reason, testDesk, usage } from "./desk.ts";
import { judge, malformedFinding } from "./held-objects.ts";

const at = testDesk();

describe("purge", () => {
  it("takes two people, then the bytes are gone and every record stays", async () => {
    const object = await at().hold({ verdict: "altered" });
    const request = await at().askPurge([object]);
    expect(existsSync(at().fileOf(object))).toBe(true);
    await expect(at().approveAs("anna", request)).rejects.toThrowError(/second person/);
    expect(existsSync(at().fileOf(object))).toBe(true);
    const { purge, done } = await at().approveAs("ben", request);
    expect([done, purge]).toEqual([1, { deleted: 1, inSpool: 0, left: 0 }]);
    expect(existsSync(at().fileOf(object))).toBe(false);
    const after = await at().journal.object(object.id);
    expect(after).toMatchObject({
      state: "purged",
      stored: false,
      verdict: "altered",
      digest: object.digest,
    });
    expect(await at().actsOn(request.id)).toEqual([
      "anna quarantine.purge.requested",
      "anna quarantine.purge.refused",
      "ben quarantine.purge.approved",
      "ben quarantine.purge.finished",
    ]);
    const story = await storyOf(at().journal, after!);
    expect(story.requests).toMatchObject([
      { reason, requestedBy: "anna", approvedBy: "ben", state: "approved" },
    ]);
    await expect(at().askPurge([after!])).rejects.toThrowError(/purged/);
  });

  it("of bytes that another object needs deletes nothing, until that one is purged too", async () => {
    const bytes = new Uint8Array(700).fill(77);
    // The same bytes under two UIDs: the command that brought one of them lied.
    const one = await at().hold({ bytes, verdict: "malformed", sopInstanceUid: "2.25.901" });
    const two = await at().hold({ bytes, verdict: "malformed", sopInstanceUid: "2.25.902" });
    expect(one.digest).toBe(two.digest);
    const first = await at().approveAs("ben", await at().askPurge([one]));
    expect([first.done, first.purge?.deleted]).toEqual([1, 0]);
    expect(existsSync(at().fileOf(two))).toBe(true);
    expect([await at().stateOf(one), await at().stateOf(two)]).toEqual(["purged", "held"]);
    const second = await at().approveAs("ben", await at().askPurge([two]));
    expect(second.purge?.deleted).toBe(1);
    expect(existsSync(at().fileOf(two))).toBe(false);
  });

  it("the same bytes sent again afterwards are held again, whole", async () => {
    const bytes = new Uint8Array(700).fill(78);
    const object = await at().hold({ bytes, sopInstanceUid: "2.25.903" });
    await at().approveAs("ben", await at().askPurge([object]));
    const again = await at().hold({ bytes, sopInstanceUid: "2.25.903" });
    expect(again.state).toBe("held");
    expect(readFileSync(at().fileOf(again))).toEqual(Buffer.from(bytes));
  });

  it("stops what was released and not delivered yet", async () => {
    const object = await at().hold();
    await at().approveAs("ben", await at().askRelease([object]));
    await at().approveAs("ben", await at().askPurge([object]));
    expect(await at().journal.deliveriesOf(object.id)).toMatchObject([{ state: "dead" }]);
    const after = (await at().journal.object(object.id))!;
    expect(await findRelease(after, "reading", at().journal)).toBeUndefined();
  });

  it("that was cut off after the decision is taken up again, and only then", async () => {
    const object = await at().hold();
    const request = await at().askPurge([object]);
    const broken = {
      ...at().ports.objects,
      delete: () => Promise.reject(new ScansealError("io", "cut off")),
    };
    const approver = { by: "ben", confirmed: [], places: [], readers: [], isOperator: () => true };
    await expect(approve({ ...at().ports, objects: broken }, request.id, approver)).rejects.toThrowError(
      "cut off",
    );
    expect([await at().stateOf(object), existsSync(at().fileOf(object))]).toEqual(["purged", true]);
    expect(await finishPurges(at().ports)).toBe(1);
    expect(existsSync(at().fileOf(object))).toBe(false);
    expect((await at().actsOn(request.id)).at(-1)).toBe("ben quarantine.purge.finished");
    expect(await finishPurges(at().ports)).toBe(0);
  });

  it("that was cut off deletes nothing that arrived again since", async () => {
    const bytes = new Uint8Array(700).fill(79);
    const object = await at().hold({ bytes, sopInstanceUid: "2.25.904" });
    const broken = {
      ...at().ports.objects,
      delete: () => Promise.reject(new ScansealError("io", "cut off")),
    };
    const approver = { by: "ben", confirmed: [], places: [], readers: [], isOperator: () => true };
    const request = await at().askPurge([object]);
    await expect(approve({ ...at().ports, objects: broken }, request.id, approver)).rejects.toThrowError(
      "cut off",
    );
    const again = await at().hold({ bytes, sopInstanceUid: "2.25.904" });
    expect(again.state).toBe("held");
    expect(await finishPurges(at().ports)).toBe(0);
    expect(readFileSync(at().fileOf(again))).toEqual(Buffer.from(bytes));
  });

  it("deletes nothing once the journal no longer keeps the same bytes back", async () => {
    const object = await at().hold();
    const request = await at().askPurge([object]);
    const { journal } = at().ports;
    const slow = {
      ...at().ports,
      journal: {
        ...bound(journal),
        approveRequest: async (...given: Parameters<typeof journal.approveRequest>) => {
          const result = await journal.approveRequest(...given);
          at().place.ahead += 31_000;
          return result;
        },
      },
    };
    const approver = { by: "ben", confirmed: [], places: [], readers: [], isOperator: () => true };
    const { purge } = await approve(slow, request.id, approver);
    expect(purge).toEqual({ deleted: 0, inSpool: 0, left: 1 });
    expect(existsSync(at().fileOf(object))).toBe(true);
    expect(await finishPurges(at().ports)).toBe(1);
  });
});

/** Its methods are on the prototype, and use private fields. */
function bound<T extends object>(object: T): T {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(object)) as (keyof T & string)[];
  const methods = names.map((name) => {
    const value = object[name];
    return [name, typeof value === "function" ? value.bind(object) : value];
  });
  return Object.fromEntries(methods) as T;
}

async function collect(into: Bytes[], pieces: AsyncIterable<Bytes>): Promise<void> {
  for await (const piece of pieces) into.push(piece.slice());
}

describe("export", () => {
  it("gives the bytes as they were received, with a report of all that is known", async () => {
    const bytes = Uint8Array.from({ length: 3 << 20 }, (_, i) => (i * 7) & 255);
    const object = await at().hold({ bytes, verdict: "malformed", findings: [malformedFinding()] });
    const pieces: Bytes[] = [];
    await exportHeld(at().ports, object, { by: "anna", reason }, (given) => collect(pieces, given));
    expect(Buffer.compare(concatBytes(pieces), bytes)).toBe(0);
    const story = await storyOf(at().journal, object);
    const report = exportReport(story, { by: "anna", reason, at: 0 });
    expect(report).toMatchObject({
      warning: expect.stringContaining("UNVERIFIED"),
      exportedBy: "anna",
      reason,
      object: { verdict: "malformed", digest: object.digest, findings: [malformedFinding()] },
      history: [{ actor: "anna", act: "quarantine.exported", detail: { reason, bytes: bytes.length } }],
    });
    expect(await at().stateOf(object)).toBe("held");
  });

  it("is recorded before a byte leaves, and a failure after it", async () => {
    const object = await at().hold();
    let before: string[] = [];
    const failing = async (): Promise<void> => {
      before = await at().actsOn(object.id);
      throw new ScansealError("io", "the disk is full");
    };
    await expect(exportHeld(at().ports, object, { by: "anna", reason }, failing)).rejects.toThrowError(
      "full",
    );
    expect(before).toEqual(["anna quarantine.exported"]);
    expect(await at().actsOn(object.id)).toEqual([
      "anna quarantine.exported",
      "anna quarantine.export.failed",
    ]);
  });

  it("gives no file of bytes that are not those that were received", async () => {
    const object = await at().hold();
    const source = await at().ports.objects.open(object.digest);
    const changed = {
      ...bound(at().ports.objects),
      open: async () => ({
        size: source.size,
        read: async (offset: number, length: number) => {
          const bytes = (await source.read(offset, length)).slice();
          bytes[0]! ^= 1;
          return bytes;
        },
        close: () => source.close(),
      }),
    };
    const ports = { ...at().ports, objects: changed };
    const written = exportHeld(ports, object, { by: "anna", reason }, (pieces) => collect([], pieces));
    await expect(written).rejects.toMatchObject({ code: "internal" });
  });

  it("of what is not held, or without a reason, is refused and leaves no record", async () => {
    const object = await at().hold({ disposition: "delivered" });
    await expect(
      exportHeld(at().ports, object, { by: "anna", reason }, () => Promise.resolve()),
    ).rejects.toThrowError(/admitted/);
    const held = await at().hold();
    await expect(
      exportHeld(at().ports, held, { by: "anna", reason: "x" }, () => Promise.resolve()),
    ).rejects.toEqual(usage);
    expect([...(await at().actsOn(object.id)), ...(await at().actsOn(held.id))]).toEqual([]);
  });
});

describe("recheck", () => {
  it("one person; the policy decides anew, and what it said before is in the records", async () => {
    const bytes = new Uint8Array(300).fill(99);
    const object = await at().hold({ bytes, verdict: "untrusted", findings: [malformedFinding()] });
    expect(await recheck(at().ports, [object], "anna")).toBe(1);
    expect(await at().stateOf(object)).toBe("received");
    await judge(at().ports, object.id, { bytes, verdict: "verified", disposition: "delivered" });
    expect(await at().stateOf(object)).toBe("admitted");
    const [record] = (await storyOf(at().journal, object)).history;
    expect(record).toMatchObject({ actor: "anna", act: "quarantine.recheck" });
    expect(record?.detail).toEqual({ verdict: "untrusted", codes: "tag-duplicate" });
    expect(await recheck(at().ports, [object], "anna")).toBe(0);
  });
});

describe("selection", () => {
  it("by object, instance, series and study; several under one UID are asked for again", async () => {
    const { journal } = at().ports;
    const a = await at().hold({ sopInstanceUid: "2.25.5", seriesInstanceUid: "2.25.20" });
    const b = await at().hold({ sopInstanceUid: "2.25.5", seriesInstanceUid: "2.25.21" });
    const lost = await at().hold({ studyInstanceUid: undefined, seriesInstanceUid: undefined });
    const passed = await at().hold({ disposition: "delivered", sopInstanceUid: "2.25.6" });
    const ids = (objects: readonly JudgedObject[]): string[] => objects.map(({ id }) => id);
    expect(ids(await heldObjects(journal, { by: "study", studyInstanceUid: "2.25.30" }))).toEqual([
      a.id,
      b.id,
    ]);
    expect(ids(await heldObjects(journal, { by: "study", studyInstanceUid: undefined }))).toEqual([lost.id]);
    expect(ids(await heldObjects(journal, { by: "series", seriesInstanceUid: "2.25.21" }))).toEqual([b.id]);
    const instance = { by: "instance", sopInstanceUid: "2.25.5" } as const;
    await expect(selectHeld(journal, instance, false)).rejects.toThrowError(new RegExp(`${a.id}, ${b.id}`));
    expect(ids(await selectHeld(journal, instance, true))).toEqual([a.id, b.id]);
    await expect(selectHeld(journal, { by: "object", id: passed.id }, true)).rejects.toThrowError(/admitted/);
    await expect(selectHeld(journal, { by: "object", id: "x" }, true)).rejects.toThrowError(/no object/);
    await expect(selectHeld(journal, { by: "series", seriesInstanceUid: "1" }, true)).rejects.toEqual(usage);
    expect(ids(await findObjects(journal, { by: "instance", sopInstanceUid: "2.25.6" }))).toEqual([
      passed.id,
    ]);
    expect(ids(await heldAmong(journal, [passed.id, b.id, "x"]))).toEqual([b.id]);
    expect(seriesOf([a, b, a]).map(({ seriesInstanceUid, objects }) => [seriesInstanceUid, objects])).toEqual(
      [
        ["2.25.20", 2],
        ["2.25.21", 1],
      ],
    );
  });
});
