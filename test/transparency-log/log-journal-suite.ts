/** What a log's journal promises, on every engine. */
import { expect, it } from "vitest";
import { utf8 } from "../../src/foundation/bytes.ts";
import { Sequencer } from "../../src/provenance/transparency-log/sequencer/sequencer.ts";
import type { SqlLogJournal } from "../../src/store/log-journal/sql-log-journal.ts";
import { hasher, origin, sampleEntry, sha256 } from "./memory-log.ts";
import { auditLog, partsOf } from "./sequencer-fixture.ts";
import { Power, SimulatedLogFiles } from "./simulated-log.ts";

const head = (size: number) => ({ size, root: sha256(utf8(String(size))) });
const batch = (first: number, count: number) => ({ first, count, entries: utf8(`entries from ${first}`) });

/** @param open the same journal each time */
export function logJournalSuite(open: () => Promise<SqlLogJournal>): void {
  it("keeps what it committed, and gives the log to the last one that took it", async () => {
    const journal = await open();
    await journal.create("suite", head(0).root);
    await expect(journal.create("suite", head(0).root)).rejects.toMatchObject({ code: "usage" });
    await expect(journal.take("nobody's")).rejects.toMatchObject({ code: "usage" });
    const { epoch } = await journal.take("suite");
    await journal.append("suite", epoch, batch(0, 3));
    await journal.append("suite", epoch, batch(3, 5));
    const taken = { code: "log-conflict" };
    await expect(journal.append("suite", epoch, batch(3, 1))).rejects.toMatchObject(taken);
    await expect(journal.append("suite", epoch, batch(9, 1))).rejects.toMatchObject(taken);
    expect(await journal.pending("suite", 0, 9)).toEqual([batch(0, 3), batch(3, 5)]);
    expect(await journal.pending("suite", 3, 9)).toEqual([batch(3, 5)]);
    await journal.commit("suite", epoch, head(0), head(3), "a note — of three");
    expect(await journal.pending("suite", 0, 9)).toEqual([batch(3, 5)]);
    for (const [from, to] of [
      [0, 8],
      [4, 8],
      [3, 9],
    ] as const)
      await expect(journal.commit("suite", epoch, head(from), head(to), "no")).rejects.toMatchObject(taken);
    const later = await journal.take("suite");
    expect(later).toEqual({ epoch: epoch + 1, size: 8, published: head(3), checkpoint: "a note — of three" });
    await expect(journal.append("suite", epoch, batch(8, 1))).rejects.toMatchObject(taken);
    await expect(journal.commit("suite", epoch, head(3), head(8), "no")).rejects.toMatchObject(taken);
    expect(await journal.state("suite")).toEqual(later);
    await journal.close();
  });

  it("a witness' memory moves by compare and set", async () => {
    const journal = await open();
    expect(await journal.witnessed("log")).toBeUndefined();
    const first = await Promise.all([1, 2, 3].map((size) => journal.remember("log", undefined, head(size))));
    expect(first.filter((isMine) => isMine)).toHaveLength(1);
    const known = await journal.witnessed("log");
    const all = [10, 11, 12, 13].map((size) => journal.remember("log", known, head(size)));
    expect((await Promise.all(all)).filter((isMine) => isMine)).toHaveLength(1);
    expect(await journal.remember("log", known, head(20))).toBe(false);
    await journal.close();
  });
}

/** Two at once, on one journal and one folder of tiles. */
export function sequencerSuite(open: () => Promise<SqlLogJournal>): void {
  it("two sequencers at once never both append or publish, whoever is asked", async () => {
    const files = new SimulatedLogFiles(new Power());
    const setup = await open();
    await setup.create(origin, hasher.empty());
    const acknowledged = new Map<string, number>();
    const seen: Uint8Array[] = [];
    let next = 0;
    for (let round = 0; round < 6; round++) {
      const journals = [await open(), await open()];
      const pair = await Promise.all(journals.map((journal) => Sequencer.open(partsOf(journal, files))));
      const work = pair.map(async (sequencer) => {
        for (let i = 0; i < 40; i++) {
          const entry = sampleEntry(next++);
          await sequencer.append([entry]).then(
            (index) => acknowledged.set(Buffer.from(entry).toString("hex"), index),
            (error: unknown) => expect(error).toMatchObject({ code: "log-conflict" }),
          );
          if (i % 8 === 7) await sequencer.publish();
          if (sequencer.published) seen.push(sequencer.published);
        }
        await sequencer.publish();
      });
      await Promise.all(work);
      expect(pair.filter(({ problem }) => problem === undefined)).toHaveLength(1);
      await Promise.all(journals.map((journal) => journal.close()));
    }
    expect(new Set(acknowledged.values()).size).toBe(acknowledged.size);
    expect(acknowledged.size).toBeGreaterThanOrEqual(6 * 40);
    expect(await auditLog(files, seen, acknowledged)).toBeGreaterThanOrEqual(acknowledged.size);
    await setup.close();
  });
}
