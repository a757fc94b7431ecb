/** What the provenance journal knows of series, on both engines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import type {
  NumberGap,
  ProvenanceJournal,
  SealRecord,
} from "../../src/store/provenance/provenance-journal.ts";
import { describePeer } from "../peers.ts";
import { type PostgresCluster, startPostgresCluster } from "./postgres-cluster.ts";

function seal(n: number, series: string, sealedAt: number): SealRecord {
  return {
    payloadDigest: String(n).padStart(64, "0"),
    sopInstanceUid: `1.2.${n}`,
    seriesInstanceUid: series,
    studyInstanceUid: "1.9",
    device: "CT1",
    keyFingerprint: "a".repeat(64),
    keyEpoch: "1",
    counter: n,
    sealedAt,
    instanceNumber: n % 2 === 0 ? undefined : -n,
    signature: Uint8Array.of(1),
    certificate: Uint8Array.of(2),
  };
}

function suite(open: () => Promise<ProvenanceJournal>): void {
  let journal: ProvenanceJournal;
  beforeAll(async () => {
    journal = await open();
    const seals: [number, string, number][] = [
      [1, "1.1", 10],
      [2, "1.1", 20],
      [3, "1.2", 30],
      [4, "1.3", 5],
    ];
    for (const [n, series, at] of seals) await journal.addSeal(seal(n, series, at));
    const bytes = Uint8Array.of(3);
    const record = { digest: "b".repeat(64), kind: "series", envelope: bytes, opening: bytes };
    await journal.addRecord(record, [{ kind: "series", name: "1.1" }], 20);
    const other = { ...record, digest: "c".repeat(64), kind: "receipt" };
    await journal.addRecord(other, [{ kind: "series", name: "1.3" }], 20);
  });
  afterAll(() => journal?.close());

  const uids = async (...question: Parameters<ProvenanceJournal["sealedSeries"]>): Promise<string[]> =>
    (await journal.sealedSeries(...question)).map(({ seriesInstanceUid }) => seriesInstanceUid);

  it("dates a list by this site's clock, whatever its objects say of theirs", async () => {
    const bytes = Uint8Array.of(3);
    const record = { digest: "d".repeat(64), kind: "series", envelope: bytes, opening: bytes };
    await journal.addRecord(record, [{ kind: "series", name: "1.7" }], 50, 7);
    expect(await journal.recordKeptAt(record.digest)).toBe(50);
  });

  it("keeps Instance Numbers, and that there is none", async () => {
    expect(await journal.sealsOfSeries("1.1")).toEqual([
      seal(1, "1.1", 10),
      { ...seal(2, "1.1", 20), instanceNumber: undefined },
    ]);
  });

  it("names the numbers of a key that are missing among those sealed and seen", async () => {
    expect(await journal.numberGaps(10)).toEqual([]);
    const at = (counter: number, keyEpoch: string) => ({ keyFingerprint: "a".repeat(64), keyEpoch, counter });
    await journal.sight("d".repeat(64), at(9, "1"), 50);
    await journal.sight("e".repeat(64), at(7, "1"), 60);
    await journal.sight("f".repeat(64), at(3, "2"), 40);
    const gap = (keyEpoch: string, first: number, last: number, since: number): NumberGap => {
      return { keyFingerprint: "a".repeat(64), keyEpoch, first, last, since };
    };
    expect(await journal.numberGaps(10)).toEqual([
      gap("2", 1, 2, 40),
      gap("1", 8, 8, 50),
      gap("1", 5, 6, 60),
    ]);
    expect(await journal.numberGaps(1)).toHaveLength(1);
  });

  it("counts the seals of each series, page by page", async () => {
    expect(await journal.sealedSeries({ after: "", limit: 1 })).toEqual([
      { seriesInstanceUid: "1.1", studyInstanceUid: "1.9", seals: 2, lastSealedAt: 20 },
    ]);
    expect(await uids({ after: "1.1", limit: 9 })).toEqual(["1.2", "1.3"]);
  });

  it("knows which are quiet and not told of yet; other kinds of records tell nothing", async () => {
    expect(await uids({ after: "", limit: 9, lastSealedBefore: 30 })).toEqual(["1.3"]);
    expect(await uids({ after: "", limit: 9, lastSealedBefore: 31 })).toEqual(["1.2", "1.3"]);
    await journal.addSeal(seal(5, "1.1", 21));
    expect(await uids({ after: "", limit: 9, lastSealedBefore: 31 })).toEqual(["1.1", "1.2", "1.3"]);
  });
}

describe("series in SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-series-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  suite(() => openProvenanceJournal(join(folder, "provenance.sqlite")));
});

describePeer("postgres", "series in PostgreSQL", () => {
  let cluster: PostgresCluster;
  afterAll(() => cluster?.stop());
  suite(async () => {
    cluster = await startPostgresCluster();
    return openProvenanceJournal(await cluster.createDatabase());
  });
});
