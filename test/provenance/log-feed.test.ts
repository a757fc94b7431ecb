/** The log is fed from a queue; whatever step the feeder dies in, everything queued is in the log once, and has its proof. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { parseCheckpoint } from "../../src/provenance/transparency-log/proof/checkpoint.ts";
import { kindOf } from "../../src/provenance/transparency-log/proof/log-entry.ts";
import { decodeSealProof, entryOfSeal } from "../../src/provenance/transparency-log/proof/seal-proof.ts";
import { TreeHasher } from "../../src/provenance/transparency-log/proof/tree-hasher.ts";
import { verifyLogProof } from "../../src/provenance/transparency-log/proof/verification.ts";
import { verifyWholeLog } from "../../src/provenance/transparency-log/proof/whole-log.ts";
import { type FeedParts, feedLog, queueSeries, queueStatement } from "../../src/site/provenance/log-feed.ts";
import { type LogTarget, SiteLog } from "../../src/site/provenance/site-log.ts";
import { openLogSource } from "../../src/site/transparency-log/log-source.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal } from "../../src/store/provenance/provenance-journal.ts";
import { sampleSeal } from "./provenance-journal-suite.ts";

const root = mkdtempSync(join(tmpdir(), "scanseal-feed-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let homes = 0;

interface Feeding {
  readonly journal: ProvenanceJournal;
  readonly log: SiteLog;
  readonly seals: readonly string[];
}

async function feeding(): Promise<Feeding> {
  const home = join(root, `home-${homes++}`);
  const log = new SiteLog(home);
  await log.create("ab".repeat(32));
  const journal = await openProvenanceJournal(join(home, "provenance.sqlite"));
  const seals = [1, 2, 3].map((n) => sampleSeal(n));
  for (const seal of seals) await journal.addSeal(seal);
  return { journal, log, seals: seals.map(({ payloadDigest }) => payloadDigest) };
}

const partsOf = (journal: ProvenanceJournal, now?: number): FeedParts => ({
  journal,
  clock: now === undefined ? systemClock : { now: () => now },
  random: nodeRandom,
});

/** Its methods fail at the chosen call, before or after they did their work: nobody hears whether they did. */
class Fault {
  calls = 0;
  readonly #at: number;
  readonly #isAfter: boolean;

  constructor(at: number, isAfter: boolean) {
    this.#at = at;
    this.#isAfter = isAfter;
  }

  wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key);
        if (typeof value !== "function" || key === "close") return value;
        return async (...given: unknown[]): Promise<unknown> => {
          const isHere = ++this.calls === this.#at;
          if (isHere && !this.#isAfter) throw new ScansealError("io", "died before");
          const result: unknown = await Reflect.apply(value, object, given);
          if (isHere) throw new ScansealError("io", "died after");
          return result;
        };
      },
    });
  }
}

async function withTarget<T>(log: SiteLog, body: (target: LogTarget) => Promise<T>): Promise<T> {
  const target = await log.open();
  try {
    return await body(target);
  } finally {
    await target.close();
  }
}

/** Every entry of the log, in hexadecimal; the whole of it verified. */
async function entriesOf(log: SiteLog): Promise<string[]> {
  const source = openLogSource(log.place()!);
  const checkpoint = parseCheckpoint(await source.checkpoint());
  const entries: string[] = [];
  const hasher = new TreeHasher(nodeCrypto);
  await verifyWholeLog(checkpoint, source.readTile, hasher, (entry) => entries.push(toHex(entry)));
  return entries;
}

async function expectAllProven({ journal, log, seals }: Feeding): Promise<void> {
  const entries = await entriesOf(log);
  expect(new Set(entries).size).toBe(entries.length);
  expect(entries.map((entry) => kindOf(fromHex(entry))).sort()).toEqual(["policy", "seals"]);
  await withTarget(log, async ({ policy }) => {
    for (const digest of seals) {
      const evidence = await journal.lateEvidence(digest);
      expect(evidence.map(({ type }) => type)).toEqual(["log-proof"]);
      const proof = decodeSealProof(evidence[0]!.bytes);
      const entry = entryOfSeal(proof, fromHex(digest), nodeCrypto);
      const trust = { policy, crypto: nodeCrypto, now: Math.floor(Date.now() / 1000) };
      expect(await verifyLogProof(proof.proof, entry, trust)).toMatchObject({ ok: true });
    }
  });
  expect(await journal.waitingEntries(10)).toEqual([]);
  expect(await journal.unprovenEntries(log.origin()!, 10)).toEqual([]);
}

async function queueAll(parts: FeedParts): Promise<void> {
  await queueSeries(parts, "2.25.2");
  await queueStatement(parts, "act 1", { kind: "policy", mode: "enforce" }, "a change");
}

describe("feeding the log", () => {
  it("one entry for a series, and a proof for each of its seals", async () => {
    const site = await feeding();
    const parts = partsOf(site.journal);
    expect(await queueSeries(parts, "2.25.2")).toBe(3);
    expect(await queueSeries(parts, "2.25.2")).toBe(0);
    expect(await queueStatement(parts, "act 1", { kind: "policy" }, "a change")).toBe(true);
    expect(await queueStatement(parts, "act 1", { kind: "policy" }, "a change")).toBe(false);
    const done = await withTarget(site.log, (target) => feedLog(parts, target));
    expect(done).toEqual({ logged: 2, proven: 2 });
    expect(await withTarget(site.log, (target) => feedLog(parts, target))).toEqual({ logged: 0, proven: 0 });
    await expectAllProven(site);
    await site.journal.close();
  });

  it.each([
    ["before", false],
    ["after", true],
  ])("dies %s each of its steps: nothing is lost, nothing is there twice", async (_, isAfter) => {
    let steps = 0;
    for (let at = 1; ; at++) {
      const site = await feeding();
      await queueAll(partsOf(site.journal));
      const fault = new Fault(at, isAfter);
      const outcome = await withTarget(site.log, async (target) => {
        const source = fault.wrap(target.source);
        return feedLog(partsOf(fault.wrap(site.journal)), { ...fault.wrap(target), source });
      }).catch((error: unknown) => error);
      const isThrough = !(outcome instanceof ScansealError);
      await withTarget(site.log, (target) => feedLog(partsOf(site.journal), target));
      await expectAllProven(site);
      await site.journal.close();
      if (isThrough) break;
      steps = at;
    }
    expect(steps).toBeGreaterThan(10);
  });

  it("a log elsewhere whose answer was lost is not asked twice before it may have published", async () => {
    const site = await feeding();
    await queueAll(partsOf(site.journal, 1_000));
    const appended: number[] = [];
    const away = async (target: LogTarget, now: number, mayTake: boolean): Promise<void> => {
      const append: LogTarget["append"] = async (entries) => {
        appended.push(entries.length);
        if (mayTake) await target.append(entries);
        throw new ScansealError("network", "no answer");
      };
      await feedLog(partsOf(site.journal, now), { ...target, isOwn: false, append }).catch(() => undefined);
    };
    await withTarget(site.log, async (target) => {
      await away(target, 1_000, false);
      // Not known whether it was taken, and not published: it waits.
      await away(target, 2_000, true);
      expect(appended).toEqual([2]);
      // Long after, it is sent again, taken, and the answer lost once more: then it is found.
      await away(target, 700_000, true);
      expect(appended).toEqual([2, 2]);
      await feedLog(partsOf(site.journal, 701_000), target);
    });
    await expectAllProven(site);
    await site.journal.close();
  });

  it("takes as many entries as wait, whatever another log still owes", async () => {
    const { journal, log } = await feeding();
    const parts = partsOf(journal);
    // The site had another log before: what that one took gets no proof of this one.
    const many = Array.from({ length: 600 }, (_, n) => `act ${n}`);
    for (const id of many) await queueStatement(parts, id, { kind: "policy" }, "a change");
    for (const id of many.slice(0, 300)) await journal.setLogged(id, "log.before.example", 0);
    const done = await withTarget(log, (target) => feedLog(parts, target));
    expect(done).toEqual({ logged: 300, proven: 300 });
    expect(await journal.unprovenEntries("log.before.example", 1_000)).toHaveLength(300);
    await journal.close();
  });

  it("two that name the same series at once name it once", async () => {
    const site = await feeding();
    const named = await Promise.all([1, 2, 3].map(() => queueSeries(partsOf(site.journal), "2.25.2")));
    expect(named.toSorted()).toEqual([0, 0, 3]);
    await queueStatement(partsOf(site.journal), "act 1", { kind: "policy" }, "a change");
    await withTarget(site.log, (target) => feedLog(partsOf(site.journal), target));
    await expectAllProven(site);
    await site.journal.close();
  });

  it("a log that acknowledges a place that no log has is told, and the queue stays readable", async () => {
    const site = await feeding();
    const parts = partsOf(site.journal);
    await queueAll(parts);
    await withTarget(site.log, async (target) => {
      const append: LogTarget["append"] = async () => Number.MAX_SAFE_INTEGER;
      await expect(feedLog(parts, { ...target, append })).rejects.toMatchObject({ code: "log-conflict" });
      await feedLog(parts, target);
    });
    await expectAllProven(site);
    await site.journal.close();
  });

  it("a log whose tiles do not fit its checkpoint gives no proof, and no seal gets one that fails", async () => {
    const site = await feeding();
    const parts = partsOf(site.journal);
    await queueAll(parts);
    await withTarget(site.log, async (target) => {
      // The leaf at 0 is right, its sibling is not.
      const readTile: typeof target.source.readTile = async (name) => {
        const tile = (await target.source.readTile(name)).slice();
        if (name.level === 0) tile[tile.length - 1]! ^= 1;
        return tile;
      };
      const source = { ...target.source, readTile };
      await expect(feedLog(parts, { ...target, source })).rejects.toMatchObject({ code: "log-conflict" });
      expect(await site.journal.lateEvidence(site.seals[0]!)).toEqual([]);
      await feedLog(parts, target);
    });
    await expectAllProven(site);
    await site.journal.close();
  });

  it("a log that says that it is endless is not read to its end, and a feeder that is stopped ends", async () => {
    const site = await feeding();
    await queueAll(partsOf(site.journal, 1_000));
    const waiting = await site.journal.waitingEntries(10);
    const ids = waiting.map(({ id }) => id);
    await site.journal.setTried(ids, 300, 1_000);
    let tiles = 0;
    const endless = (target: LogTarget): LogTarget => ({
      ...target,
      isOwn: false,
      size: async () => Number.MAX_SAFE_INTEGER,
      source: {
        ...target.source,
        readTile: async ({ width }) => {
          expect(width).toBe(256);
          tiles++;
          return new Uint8Array(2 * width);
        },
      },
    });
    await withTarget(site.log, async (target) => {
      const isStopped = (): boolean => tiles > 0;
      await expect(
        feedLog({ ...partsOf(site.journal, 2_000), isStopped }, endless(target)),
      ).rejects.toMatchObject({ message: "feeding the log was stopped" });
      expect(tiles).toBe(1);
      tiles = 0;
      await feedLog(partsOf(site.journal, 2_000), endless(target));
      expect(tiles).toBe(256);
    });
    await site.journal.close();
  });

  it("a log that has another entry than it acknowledged is told, and gives no proof", async () => {
    const site = await feeding();
    const parts = partsOf(site.journal);
    await queueAll(parts);
    await withTarget(site.log, async (target) => {
      const append: LogTarget["append"] = async (entries) => target.append(entries.toReversed());
      await expect(feedLog(parts, { ...target, append })).rejects.toMatchObject({ code: "log-conflict" });
    });
    expect(await site.journal.lateEvidence(site.seals[0]!)).toEqual([]);
    await site.journal.close();
  });
});
