/** What readers are told of quarantine, and what people open for them. */
import { afterAll, beforeEach, expect, it } from "vitest";
import { toHex } from "../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import type { QuarantineRequest } from "../../src/store/journal/requests.ts";
import type { EmergencyGrant } from "../../src/zero-trust/quarantine/emergency.ts";
import { altered, endReading, nameOf, original, Place, sealed, site, study } from "./reading-place.ts";

afterAll(endReading);

const all = ["2.25.201 verified pacs true", "2.25.202 verified pacs true", "2.25.203 verified pacs true"];
let place: Place;
beforeEach(async () => {
  site.forget();
  place = await Place.open(sealed);
});

it("gives what it would withhold to the reader of an open emergency, tells each, and to nobody else", async () => {
  place.archive.files.set("2.25.202", await altered(sealed[1]!));
  const arrived = await altered(await site.seal(original(9)));
  const digest = toHex(nodeCrypto.hash("SHA-256", arrived));
  place.copies.set(digest, arrived);
  place.heldBefore.push({
    ...{ ...(await nameOf(arrived)), objectId: "held", digest },
    ...{ verdict: "altered", codes: ["pixel-digest-mismatch"] },
  });
  expect(await place.read()).toEqual([
    ...[all[0], expect.stringMatching(/^2\.25\.202 held altered/), all[2]],
    // Nobody is given less without a word.
    ...["2.25.209 held altered pixel-digest-mismatch", "end"],
  ]);
  place.grant = {
    ...{ id: "grant-1", studyInstanceUid: study, reader: "reader", by: "ada", reason: "stroke, 3 a.m." },
    ...{ openedAt: place.now, until: place.now + 60_000, closedAt: undefined, reviewedBy: undefined },
  };
  const lines = await place.read("enforce");
  expect(lines.slice(0, 4)).toEqual([
    all[0],
    "2.25.202 EMERGENCY altered pacs true",
    all[2],
    "2.25.209 EMERGENCY altered copy true",
  ]);
  // It is held, once, and told as if nobody had opened it.
  expect(place.held).toHaveLength(1);
  expect(place.told("read-withheld")).toHaveLength(2);
  expect(place.told("read-emergency")).toMatchObject([
    { grant: "grant-1", object: "object-2" },
    { grant: "grant-1" },
  ]);
  for (const other of [
    { reader: "another" },
    { studyInstanceUid: "2.25.5" },
    { closedAt: 1 },
    { until: place.now },
  ]) {
    const grant: EmergencyGrant = place.grant;
    place.grant = { ...grant, ...other };
    expect((await place.read("enforce"))[1]).toMatch(/^2\.25\.202 held/);
    place.grant = grant;
  }
  // What is proven elsewhere goes before, and then nothing unproven was given of it.
  const told = place.told("read-emergency").length;
  place.copies.set(place.entries[1]!.digest, sealed[1]!);
  expect((await place.read("enforce"))[1]).toBe("2.25.202 verified copy true");
  const since = place.told("read-emergency").slice(told);
  expect(since.map((event) => "object" in event && event.object)).not.toContain("object-2");
});

it("gives what two people released to its reader, from quarantine, while its time lasts", async () => {
  const forged = await altered(sealed[1]!);
  place.archive.files.set("2.25.202", forged);
  const digest = toHex(nodeCrypto.hash("SHA-256", forged));
  expect((await place.read())[1]).toMatch(/^2\.25\.202 held altered/);
  place.copies.set(digest, forged);
  const held = { ...(await nameOf(forged)), id: "held-1", digest, state: "held", judgedAt: 1 };
  const request: QuarantineRequest = {
    ...{ id: "request-1", act: "release", objectIds: ["held-1"], reason: "a second opinion" },
    ...{ requestedBy: "ada", requestedAt: place.now, destination: undefined, state: "approved" },
    ...{ approvedBy: "bob", approvedAt: place.now },
    forReaders: { names: ["reader"], ms: 120_000 },
  };
  const release = { request, held: held as unknown as JudgedObject };
  place.release = release;
  expect((await place.read("enforce"))[1]).toBe("2.25.202 RELEASE altered copy true");
  expect(place.told("read-released")).toMatchObject([
    { request: "request-1", reader: "reader", verdict: "altered", object: "held-1" },
  ]);
  // It stays what was released, whatever the archive returns by now.
  place.archive.files.set("2.25.202", await altered(sealed[2]!));
  place.now += 30_000;
  expect((await place.read())[1]).toBe("2.25.202 RELEASE altered copy true");
  place.archive.files.delete("2.25.202");
  expect((await place.read())[1]).toBe("2.25.202 RELEASE altered copy true");
  // Nothing is left of what was fetched.
  place.now += 61_000;
  for (const change of [
    { forReaders: { names: ["another"], ms: 120_000 } },
    { forReaders: undefined, destination: "reader" },
    { state: "withdrawn" as const },
    { approvedBy: "ADA" },
    { objectIds: ["held-2"] },
    { approvedAt: place.now - 120_000 },
    { approvedAt: place.now + 1 },
  ]) {
    place.release = { ...release, request: { ...request, ...change } };
    expect((await place.read())[1]).toMatch(/^2\.25\.202 missing/);
  }
  place.release = { request, held: { ...release.held, judgedAt: place.now } };
  expect((await place.read())[1]).toMatch(/^2\.25\.202 missing/);
  // What is proven goes before.
  place.release = release;
  expect((await place.read())[1]).toBe("2.25.202 RELEASE altered copy true");
  place.archive.files.set("2.25.202", sealed[1]!);
  expect((await place.read())[1]).toBe(all[1]);
  place.archive.files.delete("2.25.202");
  place.now += 61_000;
  expect((await place.read())[1]).toMatch(/^2\.25\.202 missing/);
});
