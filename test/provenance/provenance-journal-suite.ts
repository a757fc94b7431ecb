/** What a site's provenance promises, on every engine. */
import { expect, it } from "vitest";
import { utf8 } from "../../src/foundation/bytes.ts";
import type {
  NewEntry,
  ProvenanceJournal,
  SealRecord,
} from "../../src/store/provenance/provenance-journal.ts";

let made = 0;
const unique = (text: string): string => `${text}-${made++}`;
const hex = (n: number): string => n.toString(16).padStart(64, "0");

/** A seal of its own series, unless told otherwise. */
export function sampleSeal(counter: number, changes: Partial<SealRecord> = {}): SealRecord {
  return {
    payloadDigest: hex(counter),
    sopInstanceUid: `2.25.1${counter}`,
    seriesInstanceUid: "2.25.2",
    studyInstanceUid: "2.25.3",
    instanceNumber: counter,
    device: "CT1",
    keyFingerprint: hex(7),
    keyEpoch: "1",
    counter,
    sealedAt: 1_000 + counter,
    signature: utf8(`signature ${counter}`),
    certificate: utf8("certificate"),
    ...changes,
  } as SealRecord;
}

function sampleEntry(id: string, queuedAt: number): NewEntry {
  return {
    id,
    kind: "seals",
    salt: new Uint8Array(32),
    content: utf8("content"),
    summary: "a seal",
    queuedAt,
  };
}

/** What was sealed here was seen here first. @param open the same journal each time */
export function firstSightSuite(open: () => Promise<ProvenanceJournal>): void {
  it("a seal that is remembered with a time was seen then, and not again later", async () => {
    const journal = await open();
    try {
      const seal = sampleSeal(1, { keyFingerprint: unique("key"), payloadDigest: unique("digest") });
      await journal.addSeal(seal, 500);
      await journal.addSeal(seal, 700);
      expect(await journal.firstSeen(seal.payloadDigest)).toBe(500);
      expect(await journal.sight(seal.payloadDigest, seal, 900)).toBe(500);
      expect(await journal.usesOf(seal)).toEqual([seal.payloadDigest]);
      const other = { ...seal, payloadDigest: unique("digest") };
      await expect(journal.addSeal(other, 600)).rejects.toMatchObject({ code: "counter-conflict" });
      expect(await journal.firstSeen(other.payloadDigest)).toBeUndefined();
    } finally {
      await journal.close();
    }
  });
}

/** Which seals wait for evidence of a type, and which have some. @param open the same journal each time */
export function evidenceQuestionSuite(open: () => Promise<ProvenanceJournal>): void {
  it("tells the seals that have evidence of a type, and those that have none, page by page", async () => {
    const journal = await open();
    try {
      const type = unique("type");
      const prefix = unique("digest");
      const digests = [1, 2, 3, 4].map((n) => `${prefix}-${n}`);
      const key = { keyFingerprint: unique("key"), seriesInstanceUid: unique("series") };
      for (const [n, payloadDigest] of digests.entries())
        await journal.addSeal(sampleSeal(n, { ...key, payloadDigest }));
      for (const digest of [digests[1]!, digests[3]!])
        await journal.addLateEvidence(digest, { type, bytes: utf8(`stamp of ${digest}`) }, 1);
      await journal.addLateEvidence(digests[0]!, { type: `${type}-other`, bytes: utf8("another") }, 1);
      const asked = async (has: boolean, after: string, limit: number): Promise<string[]> => {
        const found = await journal.sealsByEvidence({ type, has, after, limit });
        return found.map(({ payloadDigest }) => payloadDigest).filter((one) => one.startsWith(prefix));
      };
      expect(await asked(true, "", 10)).toEqual([digests[1], digests[3]]);
      expect(await asked(true, digests[1]!, 10)).toEqual([digests[3]]);
      expect(await asked(true, prefix, 1)).toEqual([digests[1]]);
      expect(await asked(false, prefix, 10)).toEqual([digests[0], digests[2]]);
    } finally {
      await journal.close();
    }
  });
}

type Using = (body: (journal: ProvenanceJournal) => Promise<void>) => Promise<void>;

/** @param open the same journal each time */
export function provenanceJournalSuite(open: () => Promise<ProvenanceJournal>): void {
  const using: Using = async (body) => {
    const journal = await open();
    try {
      await body(journal);
    } finally {
      await journal.close();
    }
  };
  sealSuite(using);
  recordSuite(using);
  queueSuite(using);
}

function sealSuite(using: Using): void {
  it("remembers seals once, in the order of their numbers, after it was opened again", async () => {
    const series = unique("series");
    const key = { keyFingerprint: unique("key"), seriesInstanceUid: series };
    const seals = [11, 2, 30].map((n) => sampleSeal(n, { ...key, payloadDigest: unique("digest") }));
    await using(async (journal) => {
      await Promise.all(seals.map((seal) => journal.addSeal(seal)));
      await journal.addSeal(seals[0]!);
    });
    await using(async (journal) => {
      expect((await journal.sealsOfSeries(series)).map(({ counter }) => counter)).toEqual([2, 11, 30]);
      expect(await journal.seal(seals[0]!.payloadDigest)).toEqual(seals[0]);
      expect(await journal.seal("nobody's")).toBeUndefined();
      expect(await journal.sealsOfInstance(seals[1]!.sopInstanceUid)).toContainEqual(seals[1]);
      expect(await journal.seriesOfStudy("2.25.3")).toContain(series);
      expect(await journal.highestCounter(key.keyFingerprint, "1")).toBe(30);
      expect(await journal.highestCounter(key.keyFingerprint, "2")).toBe(0);
    });
  });

  it("gives one number of a key to one manifest", () =>
    using(async (journal) => {
      const key = { keyFingerprint: unique("key") };
      const first = sampleSeal(5, { ...key, payloadDigest: unique("digest") });
      const second = sampleSeal(5, { ...key, payloadDigest: unique("digest") });
      const both = await Promise.allSettled([journal.addSeal(first), journal.addSeal(second)]);
      expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(both.find(({ status }) => status === "rejected")).toMatchObject({
        reason: { code: "counter-conflict" },
      });
    }));

  it("seals of two keys with one device, epoch and number have one order", () =>
    using(async (journal) => {
      const seriesInstanceUid = unique("series");
      const digests = Array.from({ length: 12 }, () => unique("digest"));
      for (const payloadDigest of digests)
        await journal.addSeal(
          sampleSeal(1, { keyFingerprint: unique("key"), seriesInstanceUid, payloadDigest }),
        );
      const before = (await journal.unloggedSeals(seriesInstanceUid)).map((seal) => seal.payloadDigest);
      const id = unique("entry");
      await journal.queueEntry(sampleEntry(id, 1), before);
      expect(await journal.sealsOfEntry(id)).toEqual(before);
      expect(before).toEqual(digests.toSorted());
    }));
}

function recordSuite(using: Using): void {
  it("keeps records under everything they are about, oldest first", () =>
    using(async (journal) => {
      const [one, two] = [unique("a"), unique("b")];
      const record = (digest: string) => ({
        digest,
        kind: "receipt",
        envelope: utf8(`envelope of ${digest}`),
        opening: new Uint8Array(0),
      });
      const study = { kind: "study", name: unique("study") };
      const instance = { kind: "instance", name: unique("instance") };
      await journal.addRecord(record(two), [study], 20);
      await journal.addRecord(record(one), [study, instance], 10);
      await journal.addRecord(record(one), [study], 30);
      expect((await journal.recordsAbout(study)).map(({ digest }) => digest)).toEqual([one, two]);
      expect(await journal.recordsAbout(instance)).toEqual([record(one)]);
      expect(await journal.recordsAbout({ kind: "series", name: instance.name })).toEqual([]);
      expect(await journal.record(two)).toEqual(record(two));
      const [newest] = await journal.recordsOfKind("receipt", 1);
      expect(newest).toBeDefined();
    }));

  it("keeps late evidence once, and the first sight of a manifest", () =>
    using(async (journal) => {
      const digest = unique("digest");
      const stamp = { type: "time-stamp", bytes: utf8("token") };
      await Promise.all([1, 2, 3].map((at) => journal.addLateEvidence(digest, stamp, at)));
      await journal.addLateEvidence(digest, { type: "log-proof", bytes: utf8("proof") }, 9);
      expect(await journal.lateEvidence(digest)).toHaveLength(2);
      const number = { keyFingerprint: unique("key"), keyEpoch: "1", counter: 4 };
      expect(await journal.firstSeen(digest)).toBeUndefined();
      expect(await journal.sight(digest, number, 500)).toBe(500);
      expect(await journal.sight(digest, number, 400)).toBe(500);
      expect(await journal.firstSeen(digest)).toBe(500);
      const other = unique("digest");
      await journal.sight(other, number, 600);
      expect(await journal.usesOf(number)).toEqual([digest, other].sort());
      await journal.addSeal(sampleSeal(4, { keyFingerprint: number.keyFingerprint, payloadDigest: digest }));
      expect(await journal.usesOf(number)).toEqual([digest, other].sort());
      expect(await journal.usesOf({ ...number, counter: 5 })).toEqual([]);
    }));
}

function queueSuite(using: Using): void {
  it("queues an entry once; its seals are named by no other", () =>
    using(async (journal) => {
      const series = unique("series");
      const key = { keyFingerprint: unique("key"), seriesInstanceUid: series };
      const seals = [1, 2, 3].map((n) => sampleSeal(n, { ...key, payloadDigest: unique("digest") }));
      for (const seal of seals) await journal.addSeal(seal);
      const digests = seals.map(({ payloadDigest }) => payloadDigest);
      expect(await journal.unloggedSeries(5_000, 100_000)).toContain(series);
      expect(await journal.unloggedSeries(1_003, 100_000)).not.toContain(series);
      expect((await journal.unloggedSeals(series)).map((one) => one.payloadDigest)).toEqual(digests);
      const [first, second] = [unique("entry"), unique("entry")];
      expect(await journal.queueEntry(sampleEntry(first, 1), digests.slice(0, 2))).toBe(true);
      expect(await journal.queueEntry(sampleEntry(first, 9), [])).toBe(false);
      await expect(journal.queueEntry(sampleEntry(second, 2), digests)).rejects.toMatchObject({
        code: "usage",
      });
      // Nothing of it stands.
      expect(await journal.entry(second)).toBeUndefined();
      expect((await journal.unloggedSeals(series)).map((one) => one.payloadDigest)).toEqual([digests[2]]);
      expect(await journal.sealsOfEntry(first)).toEqual(digests.slice(0, 2));
      expect(await journal.entryOfSeal(digests[1]!)).toMatchObject({
        entry: { id: first },
        payloadDigests: digests.slice(0, 2),
      });
      expect(await journal.entryOfSeal(digests[2]!)).toBeUndefined();
    }));

  it("an entry goes from waiting to logged to proven", () =>
    using(async (journal) => {
      const id = unique("entry");
      const waiting = async () => (await journal.waitingEntries(100_000)).map((entry) => entry.id);
      const unproven = async (origin = "log.example") =>
        (await journal.unprovenEntries(origin, 100_000)).map((entry) => entry.id);
      await journal.queueEntry(sampleEntry(id, 1));
      expect(await waiting()).toContain(id);
      await journal.setTried([id], 17, 99);
      expect(await journal.entry(id)).toMatchObject({ tried: { from: 17, at: 99 } });
      await journal.setLogged(id, "log.example", 18);
      // The first answer stands.
      await journal.setLogged(id, "log.example", 19);
      expect(await waiting()).not.toContain(id);
      expect(await unproven()).toContain(id);
      expect(await unproven("other.example")).not.toContain(id);
      await journal.setProof(id, "a proof");
      expect(await unproven()).not.toContain(id);
      expect(await journal.entry(id)).toMatchObject({ origin: "log.example", index: 18, proof: "a proof" });
      expect((await journal.newestEntries(100_000)).map((entry) => entry.id)).toContain(id);
    }));

  it("refuses texts that no UID or name can be", () =>
    using(async (journal) => {
      const long = "x".repeat(300);
      await expect(
        journal.addSeal(sampleSeal(1, { keyFingerprint: unique("key"), seriesInstanceUid: long })),
      ).rejects.toMatchObject({ code: "usage" });
      await expect(
        journal.queueEntry({ ...sampleEntry(unique("entry"), 1), summary: long }),
      ).rejects.toMatchObject({ code: "usage" });
    }));
}
