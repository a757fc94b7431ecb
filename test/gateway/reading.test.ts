/** What readers get from an archive that was tampered with at rest: what is as it was admitted, and nothing else. */
import { readdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeEach, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { concatBytes, fromLatin1 } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { put } from "../attacks/objects.ts";
import { edited } from "../evaluation/fixture.ts";
import { archiveAt, examinerOf, Gate } from "./gate.ts";
import { ReceivingArchive } from "./network.ts";

import {
  altered,
  endReading,
  original,
  Place,
  sealed,
  series,
  site,
  study,
  unsealed,
} from "./reading-place.ts";

afterAll(endReading);

const all = [
  "2.25.201 verified pacs true",
  "2.25.202 verified pacs true",
  "2.25.203 verified pacs true",
  "end",
];
let place: Place;
beforeEach(async () => {
  site.forget();
  place = await Place.open(sealed);
});

it("gives what is as it was admitted, byte for byte, and leaves nothing behind", async () => {
  expect(await place.read("enforce")).toEqual(all);
  expect(place.held).toEqual([]);
  place.desk.close();
  await expect.poll(() => readdirSync(place.staging)).toEqual([]);
});

it("withholds one slice in which a pixel changed, holds it once, tells it, and gives the others", async () => {
  place.archive.files.set("2.25.202", await altered(sealed[1]!));
  const lines = await place.read("observe");
  expect(lines[0]).toBe(all[0]);
  expect(lines[1]).toMatch(/^2\.25\.202 held altered .*pixels-changed/);
  expect(lines.slice(2)).toEqual(all.slice(2));
  expect(place.held.map(({ decision }) => decision.verdict)).toEqual(["altered"]);
  expect(place.told("read-withheld")).toMatchObject([
    { object: "held-1", archive: "pacs", admitted: "object-2" },
  ]);
});

it("gives what was admitted while the archive still lists what else it has", async () => {
  const { promise: listed, resolve: answer } = Promise.withResolvers<void>();
  const { archive, desk } = place;
  archive.files.set("2.25.999", unsealed);
  const { list } = archive;
  archive.list = async function* (scope) {
    await listed;
    yield* list.call(archive, scope);
  };
  const plan = await desk.plan({ studyInstanceUid: study });
  const given: string[] = [];
  for await (const read of desk.read(plan, { name: "reader", mode: "enforce" })) {
    given.push(read.kind);
    if (read.kind === "delivered") read.done();
    if (given.length === sealed.length) answer();
  }
  expect(given).toEqual(["delivered", "delivered", "delivered", "withheld"]);
  expect((await plan.others).instances.map(({ asked }) => asked.sopInstanceUid)).toEqual(["2.25.999"]);
});

it("gives the gate's own copy in place of one that was altered", async () => {
  place.archive.files.set("2.25.202", await altered(sealed[1]!));
  place.copies.set(place.entries[1]!.digest, sealed[1]!);
  expect((await place.read("enforce"))[1]).toBe("2.25.202 verified copy true");
  expect(place.held).toHaveLength(1);
  expect(place.told("read-replaced")).toEqual([
    { kind: "read-replaced", object: "object-2", archive: "pacs", why: "held" },
  ]);
  // A copy that rotted is no proof either.
  place.copies.set(place.entries[1]!.digest, await altered(sealed[1]!));
  place.now += 120_000;
  expect((await place.read("enforce"))[1]).toMatch(/^2\.25\.202 held altered/);
});

it("gives copies while the archive is not reached, and waits for it once in half a minute", async () => {
  for (const i of [0, 2]) place.copies.set(place.entries[i]!.digest, sealed[i]!);
  const { archive } = place;
  archive.failure = new ScansealError("timeout", "it does not answer");
  const { list } = archive;
  let listed = 0;
  archive.list = async function* (scope) {
    listed++;
    yield* list.call(archive, scope);
  };
  const withoutArchive = [
    "2.25.201 verified copy true",
    "2.25.202 unavailable timeout",
    "2.25.203 verified copy true",
    "end, unlisted: timeout",
  ];
  expect(await place.read("enforce")).toEqual(withoutArchive);
  const asked = place.archive.fetched;
  place.now += 29_000;
  expect(await place.read("enforce")).toEqual(withoutArchive);
  // The one without a copy.
  expect([place.archive.fetched, listed]).toEqual([asked + 1, 1]);
  expect(place.told("read-replaced")).toHaveLength(4);
  // It answers again: it goes first again.
  place.archive.failure = undefined;
  place.now += 31_000;
  expect(await place.read("enforce")).toEqual(all);
});

it("never gives a copy in place of what this reader's own policy withholds", async () => {
  place = await Place.open([unsealed]);
  place.copies.set(place.entries[0]!.digest, unsealed);
  expect((await place.read("enforce"))[0]).toMatch(/^2\.25\.204 policy unsealed/);
  expect(place.told("read-replaced")).toEqual([]);
});

it("takes neither a proven sibling nor a stripped original for what was asked", async () => {
  place.archive.files.set("2.25.201", sealed[1]!);
  place.archive.files.set("2.25.202", original(2));
  const lines = await place.read("observe");
  expect(lines[0]).toMatch(/^2\.25\.201 held verified another-instance-returned$/);
  expect(lines[1]).toMatch(/^2\.25\.202 held unsealed .*seal-missing-since-admission/);
  expect(place.told("read-withheld")).toHaveLength(2);
});

it("takes no other seal of the same instance, however valid", async () => {
  place.archive.files.set("2.25.201", await site.seal(original(1)));
  expect((await place.read("observe"))[0]).toBe("2.25.201 held verified another-seal-returned");
});

it("withholds the version before a correction once the corrected one was admitted", async () => {
  const old = await site.seal(original(1, "A1"));
  const corrected = await edited(old, [put(textElement(0x00080050, "SH", "A2"))]);
  const record = await site.correction({
    studies: [{ uid: study, version: 1 }],
    corrections: [{ path: "00080050", vr: "SH", from: fromLatin1("A1"), to: fromLatin1("A2") }],
  });
  site.file(record, { kind: "study", name: study });
  place = await Place.open([corrected]);
  expect((await place.read("enforce"))[0]).toBe("2.25.201 verified-with-changes pacs true");
  place.archive.files.set("2.25.201", old);
  place.now += 120_000;
  expect((await place.read("observe"))[0]).toMatch(/^2\.25\.201 held superseded .*older-version-returned/);
});

it("names what the archive lost, and what it cannot be asked for", async () => {
  place.archive.files.delete("2.25.203");
  expect((await place.read())[2]).toBe("2.25.203 missing");
  expect(place.told("read-missing")).toMatchObject([{ object: "object-3", archive: "pacs" }]);
  place.archive.failure = new ScansealError("network", "it is off");
  place.now += 120_000;
  expect(await place.read()).toEqual([
    "2.25.201 unavailable network",
    "2.25.202 unavailable network",
    "2.25.203 unavailable network",
    "end, unlisted: network",
  ]);
  expect(place.held).toEqual([]);
});

it("alarms of nothing that is still on its way into archive or index", async () => {
  const [, , third] = place.entries;
  place.archive.files.delete("2.25.203");
  place.copies.set(third!.digest, sealed[2]!);
  place.underWay.add(third!.objectId);
  expect((await place.read("enforce"))[2]).toBe("2.25.203 verified copy true");
  place.copies.clear();
  place.now += 120_000;
  expect((await place.read("enforce"))[2]).toBe("2.25.203 unavailable network");
  expect(place.told("read-missing")).toEqual([]);
  // In the archive, and not in the index yet: it is compared with what was admitted all the same.
  const old = place.entries.splice(0, 1);
  place.latest.push(...old);
  place.now += 120_000;
  expect((await place.read("enforce")).sort()[0]).toBe("2.25.201 verified pacs true");
  place.archive.files.set("2.25.201", await site.seal(original(1)));
  place.now += 120_000;
  expect(await place.read("observe")).toContain("2.25.201 held verified another-seal-returned");
  expect(place.told("read-unknown")).toEqual([]);
});

it("labels what was never proven, and lets the reader's policy withhold it without an alarm", async () => {
  place = await Place.open([unsealed]);
  expect((await place.read("warn"))[0]).toBe("2.25.204 observed pacs true");
  expect((await place.read("enforce"))[0]).toMatch(/^2\.25\.204 policy unsealed/);
  expect([place.held.length, place.told("read-withheld").length]).toEqual([0, 0]);
});

it("gives what only the archive knows for what it is: proven by its own seal, or not at all", async () => {
  const stranger = await site.seal(original(7));
  place.archive.files.set("2.25.207", stranger);
  place.archive.files.set("2.25.208", await altered(await site.seal(original(8))));
  const lines = await place.read("enforce");
  expect(lines[3]).toBe("2.25.207 verified pacs true");
  expect(lines[4]).toMatch(/^2\.25\.208 held altered/);
  expect(place.told("read-unknown")).toHaveLength(2);
});

it("serves copies where the gate itself is the archive", async () => {
  place = await Place.open(sealed, false);
  for (const [i, { digest }] of place.entries.entries()) place.copies.set(digest, sealed[i]!);
  expect((await place.read("enforce"))[0]).toBe("2.25.201 verified copy true");
  place.copies.clear();
  place.now += 120_000;
  expect((await place.read("enforce"))[0]).toBe("2.25.201 missing");
});

it("gives what the archive changed as a person approved, and nothing that was changed beside it or elsewhere", async () => {
  const changed = await edited(sealed[1]!, [put(textElement(0x00081030, "LO", "CHEST"))]);
  place.archive.files.set("2.25.202", changed);
  expect((await place.read())[1]).toMatch(/^2\.25\.202 held altered/);
  const habits = [{ path: "00081030", kinds: ["added", "changed"] }] as const;
  const approval = await site.approval({ archive: "pacs", version: 1, habits });
  site.file(approval, { kind: "archive", name: "pacs" });
  place.now += 61_000;
  expect((await place.read("enforce"))[1]).toBe("2.25.202 verified-with-changes pacs true");
  place.archive.files.set("2.25.202", await altered(changed));
  place.now += 61_000;
  expect((await place.read())[1]).toMatch(/^2\.25\.202 held altered/);
  // The gate's own copy has no habits.
  place.archive.files.delete("2.25.202");
  place.copies.set(place.entries[1]!.digest, changed);
  place.now += 61_000;
  expect((await place.read())[1]).toMatch(/^2\.25\.202 missing/);
});

it("fetches once for readers who ask at the same time, and again after a while", async () => {
  const one = { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: "2.25.201" };
  await Promise.all([place.read("warn", one), place.read("enforce", one), place.read("warn", one)]);
  expect(place.archive.fetched).toBe(1);
  place.now += 120_000;
  await place.read("warn", one);
  expect(place.archive.fetched).toBe(2);
});

it("keeps for longer what took long to fetch and examine", async () => {
  const one = { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: "2.25.201" };
  const { archive } = place;
  const { fetch } = archive;
  archive.fetch = async (asked) => {
    const bytes = await fetch.call(archive, asked);
    place.now += 20_000;
    return bytes;
  };
  await place.read("warn", one);
  place.now += 150_000;
  await place.read("warn", one);
  expect(archive.fetched).toBe(1);
  place.now += 50_000;
  await place.read("warn", one);
  expect(archive.fetched).toBe(2);
});

it("frees what was fetched for a reader who went away, and refuses what is too large", async () => {
  for await (const read of place.desk.read(await place.desk.plan({ studyInstanceUid: study }), {
    name: "reader",
    mode: "warn",
  })) {
    if (read.kind === "delivered") read.done();
    break;
  }
  place.desk.close();
  await expect.poll(() => readdirSync(place.staging)).toEqual([]);
  place.archive.files.set("2.25.201", concatBytes([sealed[0]!, new Uint8Array(2 << 20)]));
  expect((await place.read())[0]).toBe("2.25.201 unavailable limit-length");
  place.desk.close();
  await expect.poll(() => readdirSync(place.staging)).toEqual([]);
});

it("completes no object whose staged bytes changed after the examination", async () => {
  for await (const read of place.desk.read(await place.desk.plan({ studyInstanceUid: study }), {
    name: "reader",
    mode: "warn",
  })) {
    if (read.kind !== "delivered") break;
    const { staged } = read.object.object;
    writeFileSync(staged.extents[0]!.path, await altered(sealed[0]!));
    const leaving = async (): Promise<number> => {
      let bytes = 0;
      for await (const piece of staged.read()) bytes += piece.length;
      return bytes;
    };
    await expect(leaving()).rejects.toThrow(/not those that were judged/);
    read.done();
    break;
  }
});

it("what an archive returned is held by the gate, whatever it proves in itself, and never sent anywhere", async () => {
  const archive = await ReceivingArchive.open(0);
  const gate = await Gate.open(examinerOf(site), { destinations: [archiveAt(archive.port)] });
  const hold = place.holdWith((returned) => gate.gateway.holdReturned(returned));
  place.archive.files.set("2.25.201", await site.seal(original(1)));
  place.archive.files.set("2.25.202", await altered(sealed[1]!));
  place.archive.files.set("2.25.203", concatBytes([new Uint8Array(40), sealed[2]!]));
  const lines = await place.read("observe");
  expect(lines.slice(0, 3).map((line) => line.split(" ").slice(1, 3).join(" "))).toEqual([
    "held verified",
    "held altered",
    "held malformed",
  ]);
  const judged = await gate.seen("object-judged", 3);
  expect(judged.map(({ state }) => state)).toEqual(["held", "held", "held"]);
  const rows = await gate.rows();
  expect(rows.map(({ id }) => id).sort()).toEqual([...hold.ids].sort());
  expect(rows.map(({ source, sopInstanceUid }) => `${source} ${sopInstanceUid}`).sort()).toEqual([
    "pacs 2.25.201",
    "pacs 2.25.202",
    "pacs 2.25.203",
  ]);
  const first = rows.find(({ sopInstanceUid }) => sopInstanceUid === "2.25.201")!;
  expect(first.findings.map(({ code }) => code)).toContain("another-seal-returned");
  // A person who judges it again changes nothing of that.
  await gate.journal.recheck([first.id]);
  expect((await gate.seen("object-judged", 4))[3]!.state).toBe("held");
  expect((await gate.journal.counts()).deliveries).toMatchObject({ due: 0, delivered: 0, dead: 0 });
  await gate.end();
  await archive.close();
  expect(archive.received).toEqual([]);
});

it("what an archive returns again and again is held once", async () => {
  const gate = await Gate.open(examinerOf(site), {});
  const hold = place.holdWith((returned) => gate.gateway.holdReturned(returned));
  place.archive.files.set("2.25.202", await altered(sealed[1]!));
  // Of one fetch, and of others: what was fetched is forgotten after a minute.
  for (const minutes of [0, 0, 2, 4]) {
    place.now += minutes * 60_000;
    await place.read("enforce");
  }
  expect(place.told("read-withheld")).toHaveLength(4);
  expect([hold.ids.length, new Set(hold.ids).size, (await gate.rows()).length]).toEqual([3, 1, 1]);
  await gate.end();
});
