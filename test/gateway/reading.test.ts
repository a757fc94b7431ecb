/** What readers get from an archive that was tampered with at rest: what is as it was admitted, and nothing else. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { findElement, plainTextOf } from "../../src/dicom/elements.ts";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { type Bytes, concatBytes, fromLatin1, toHex } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { nodeCrypto, systemClock } from "../../src/platform/node/crypto.ts";
import { StagingFolder } from "../../src/site/gateway/staging.ts";
import type { Holding, ReturnedObject } from "../../src/zero-trust/gateway/reading/instance-reading.ts";
import type { AdmittedEntry, InstanceName, ReadScope } from "../../src/zero-trust/gateway/reading/ports.ts";
import type { Read } from "../../src/zero-trust/gateway/reading/read.ts";
import { ReadingDesk } from "../../src/zero-trust/gateway/reading/reading-desk.ts";
import type { Mode } from "../../src/zero-trust/policy/decide.ts";
import { put, slice } from "../attacks/objects.ts";
import { Office } from "../derivations/office.ts";
import { edited, parse } from "../evaluation/fixture.ts";
import { archiveAt, examinerOf, Gate } from "./gate.ts";
import { ReceivingArchive } from "./network.ts";

const site = new Office();
const folder = mkdtempSync(join(tmpdir(), "scanseal-reading-"));
afterAll(async () => {
  await site.close();
  rmSync(folder, { recursive: true, force: true });
});

async function nameOf(bytes: Bytes): Promise<InstanceName & { readonly sopClassUid: string }> {
  const { elements } = await parse(bytes);
  const uid = (tag: number): string => plainTextOf(elements, tag) ?? "";
  return {
    studyInstanceUid: uid(tags.studyInstanceUid),
    seriesInstanceUid: uid(tags.seriesInstanceUid),
    sopInstanceUid: uid(tags.sopInstanceUid),
    sopClassUid: uid(tags.sopClassUid),
  };
}

/** Three slices of one series, sealed, and a fourth that is not. */
const study = "2.25.100";
const series = "2.25.101";
const original = (n: number, accessionNumber = "A1"): Bytes =>
  slice([
    textElement(tags.studyInstanceUid, "UI", study),
    textElement(tags.seriesInstanceUid, "UI", series),
    textElement(tags.sopInstanceUid, "UI", `2.25.20${n}`),
    textElement(0x00080050, "SH", accessionNumber),
  ]);
const sealed = await Promise.all([1, 2, 3].map(async (n) => site.seal(original(n))));
const unsealed = original(4);

/** As an archive that is a folder: whoever has the folder changes what is in it. */
class FolderArchive {
  readonly name = "pacs";
  readonly tolerate = [];
  readonly files = new Map<string, Bytes>();
  fetched = 0;
  failure: ScansealError | undefined;

  async *list({ sopInstanceUid }: ReadScope): AsyncGenerator<InstanceName> {
    if (this.failure) throw this.failure;
    for (const uid of this.files.keys())
      if (sopInstanceUid === undefined || sopInstanceUid === uid)
        yield { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: uid };
  }

  async fetch({ sopInstanceUid }: InstanceName): Promise<AsyncIterable<Bytes> | undefined> {
    this.fetched++;
    if (this.failure) throw this.failure;
    const bytes = this.files.get(sopInstanceUid);
    return bytes && pieces(bytes);
  }
}

async function* pieces(bytes: Bytes): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
}

class Place {
  readonly archive = new FolderArchive();
  readonly copies = new Map<string, Bytes>();
  readonly held: ReturnedObject[] = [];
  readonly events: GatewayEvent[] = [];
  readonly desk: ReadingDesk;
  readonly entries: AdmittedEntry[];
  readonly staging: string;
  now = systemClock.now();

  private constructor(staging: StagingFolder, folder: string, entries: AdmittedEntry[], hasArchive: boolean) {
    this.entries = entries;
    this.staging = folder;
    const { copies } = this;
    this.desk = new ReadingDesk({
      archive: hasArchive ? this.archive : undefined,
      replicas: {
        open: async ({ digest }) => (copies.has(digest) ? pieces(copies.get(digest)!) : undefined),
      },
      staging,
      examiner: examinerOf(site),
      hold: (returned) => this.#hold(returned),
      events: (event) => this.events.push(event),
      clock: { now: () => this.now },
      cache: { bytesMax: 10_000_000, ageMsMax: 60_000 },
      admitted: {
        async *entriesOf({ sopInstanceUid }) {
          for (const entry of entries)
            if (sopInstanceUid === undefined || entry.sopInstanceUid === sopInstanceUid) yield entry;
        },
      },
      aheadMax: 3,
    });
  }

  #hold: Holding = async (returned) => `held-${this.held.push(returned)}`;

  /** From now on. */
  holdWith(hold: Holding): { readonly ids: readonly string[] } {
    const ids: string[] = [];
    this.#hold = async (returned) => {
      const id = await hold(returned);
      ids.push(id);
      return id;
    };
    return { ids };
  }

  /** All of them in the archive, admitted as they are. */
  static async open(objects: readonly Bytes[], hasArchive = true): Promise<Place> {
    const entries = await Promise.all(
      objects.map(async (bytes, i): Promise<AdmittedEntry> => {
        const { evidence, decision } = await site.judge(bytes, {});
        return {
          ...(await nameOf(bytes)),
          objectId: `object-${i + 1}`,
          digest: toHex(nodeCrypto.hash("SHA-256", bytes)),
          payloadDigest: evidence.manifest?.payloadDigest,
          verdict: decision.verdict,
        };
      }),
    );
    const staging = mkdtempSync(join(folder, "staging-"));
    writeFileSync(join(staging, "left-by-a-crash"), "x");
    const limits = { objectBytesMax: 1 << 20, bytesMax: 8 << 20 };
    const place = new Place(await StagingFolder.open(staging, limits), staging, entries, hasArchive);
    for (const [i, { sopInstanceUid }] of entries.entries())
      place.archive.files.set(sopInstanceUid, objects[i]!);
    return place;
  }

  /** A line for each instance: what became of it, and whether the bytes are those. */
  async read(mode: Mode = "warn", scope: ReadScope = { studyInstanceUid: study }): Promise<string[]> {
    const { instances, archiveUnlisted } = await this.desk.plan(scope);
    const lines: string[] = [];
    for await (const one of this.desk.read(instances, { name: "reader", mode })) lines.push(await told(one));
    return [...lines, archiveUnlisted === undefined ? "end" : `end, unlisted: ${archiveUnlisted}`];
  }

  told(kind: GatewayEvent["kind"]): GatewayEvent[] {
    return this.events.filter((event) => event.kind === kind);
  }
}

async function told(one: Read): Promise<string> {
  if (one.kind === "withheld") {
    const { withholding, instance } = one;
    const codes = "codes" in withholding ? ` ${withholding.verdict} ${withholding.codes.join(",")}` : "";
    const code = "code" in withholding ? ` ${withholding.code}` : "";
    return `${instance.sopInstanceUid} ${withholding.why}${codes}${code}`;
  }
  const { object, basis } = one.object;
  const leaving: Bytes[] = [];
  for await (const piece of object.staged.read()) leaving.push(piece.slice());
  one.done();
  const digest = toHex(nodeCrypto.hash("SHA-256", concatBytes(leaving)));
  return `${object.sopInstanceUid} ${basis} ${object.archive ?? "copy"} ${digest === object.staged.digest}`;
}

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

/** With one pixel changed by one. */
async function onePixel(bytes: Bytes): Promise<Bytes> {
  const pixels = findElement((await parse(bytes)).elements, tags.pixelData)!;
  const changed = bytes.slice();
  changed[pixels.valueOffset + 700]! ^= 1;
  return changed;
}

it("gives what is as it was admitted, byte for byte, and leaves nothing behind", async () => {
  expect(await place.read("enforce")).toEqual(all);
  expect(place.held).toEqual([]);
  place.desk.close();
  await expect.poll(() => readdirSync(place.staging)).toEqual([]);
});

it("withholds one slice in which a pixel changed, holds it once, tells it, and gives the others", async () => {
  place.archive.files.set("2.25.202", await onePixel(sealed[1]!));
  const lines = await place.read("observe");
  expect(lines[0]).toBe(all[0]);
  expect(lines[1]).toMatch(/^2\.25\.202 held altered .*pixels-changed/);
  expect(lines.slice(2)).toEqual(all.slice(2));
  expect(place.held.map(({ decision }) => decision.verdict)).toEqual(["altered"]);
  expect(place.told("read-withheld")).toMatchObject([
    { object: "held-1", archive: "pacs", admitted: "object-2" },
  ]);
});

it("gives the gate's own copy in place of one that was altered", async () => {
  place.archive.files.set("2.25.202", await onePixel(sealed[1]!));
  place.copies.set(place.entries[1]!.digest, sealed[1]!);
  expect((await place.read("enforce"))[1]).toBe("2.25.202 verified copy true");
  expect(place.held).toHaveLength(1);
  // A copy that rotted is no proof either.
  place.copies.set(place.entries[1]!.digest, await onePixel(sealed[1]!));
  place.now += 120_000;
  expect((await place.read("enforce"))[1]).toMatch(/^2\.25\.202 held altered/);
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

it("labels what was never proven, and lets the reader's policy withhold it without an alarm", async () => {
  place = await Place.open([unsealed]);
  expect((await place.read("warn"))[0]).toBe("2.25.204 observed pacs true");
  expect((await place.read("enforce"))[0]).toMatch(/^2\.25\.204 policy unsealed/);
  expect([place.held.length, place.told("read-withheld").length]).toEqual([0, 0]);
});

it("gives what only the archive knows for what it is: proven by its own seal, or not at all", async () => {
  const stranger = await site.seal(original(7));
  place.archive.files.set("2.25.207", stranger);
  place.archive.files.set("2.25.208", await onePixel(await site.seal(original(8))));
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

it("fetches once for readers who ask at the same time, and again after a while", async () => {
  const one = { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: "2.25.201" };
  await Promise.all([place.read("warn", one), place.read("enforce", one), place.read("warn", one)]);
  expect(place.archive.fetched).toBe(1);
  place.now += 120_000;
  await place.read("warn", one);
  expect(place.archive.fetched).toBe(2);
});

it("frees what was fetched for a reader who went away, and refuses what is too large", async () => {
  for await (const read of place.desk.read((await place.desk.plan({ studyInstanceUid: study })).instances, {
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
  for await (const read of place.desk.read((await place.desk.plan({ studyInstanceUid: study })).instances, {
    name: "reader",
    mode: "warn",
  })) {
    if (read.kind !== "delivered") break;
    const { staged } = read.object.object;
    writeFileSync(staged.extents[0]!.path, await onePixel(sealed[0]!));
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
  place.archive.files.set("2.25.202", await onePixel(sealed[1]!));
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
