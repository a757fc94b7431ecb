/** The index against who asks and who is indexed, on both databases. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import {
  type IndexedJournal,
  openPostgresIndexedJournal,
  openSqliteIndexedJournal,
} from "../../src/store/index/indexed-journal.ts";
import type { InstanceIndex } from "../../src/store/index/instance-index.ts";
import { peer } from "../peers.ts";
import { all, element, entryOf, key, queryFor, single, uidOf, universal, wildcard } from "./index-fixture.ts";
import { type PostgresCluster, startPostgresCluster } from "./postgres-cluster.ts";

let cluster: PostgresCluster | undefined;
let stores: IndexedJournal | undefined;
const folder = mkdtempSync(join(tmpdir(), "scanseal-index-"));
let files = 0;

const engines: readonly { readonly name: string; readonly open: () => Promise<IndexedJournal> }[] = [
  { name: "SQLite", open: () => openSqliteIndexedJournal(join(folder, `${++files}.sqlite`)) },
  ...(peer("postgres") === undefined
    ? []
    : [
        {
          name: "PostgreSQL",
          open: async () => {
            cluster ??= await startPostgresCluster();
            return openPostgresIndexedJournal(await cluster.createDatabase());
          },
        },
      ]),
];

async function opened(open: () => Promise<IndexedJournal>): Promise<InstanceIndex> {
  stores = await open();
  return stores.index;
}

afterEach(() => stores?.journal.close());
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it.each(engines)("hostile queries are answered or refused, and change nothing: $name", async ({ open }) => {
  const index = await opened(open);
  await index.put([entryOf({ attributes: { "00081030": element("LO", "50%_done [x] \\'--") } })]);
  const studies = (match: Parameters<typeof key>[1], tag = 0x00081030): Promise<unknown[]> =>
    all(index.search(queryFor("STUDY", [key(tag, match)])));
  for (const text of ["50%_done [x] \\'--"]) expect(await studies(single(text))).toHaveLength(1);
  for (const text of ["%", "_", "50%", "5_%*", "[!x]*", "*[a-z]*", "' or '1'='1", "\\"]) {
    expect(await studies(wildcard(`${text}`)), text).toEqual([]);
    expect(await studies(single(text)), text).toEqual([]);
  }
  for (const text of ["50%*", "*[x]*", "*\\'--", "5?%_done*"])
    expect(await studies(wildcard(text)), text).toHaveLength(1);
  expect(await studies(wildcard("*".repeat(10_000)))).toHaveLength(1);
  expect(await studies(wildcard("*a".repeat(500)))).toEqual([]);
  expect(await studies(wildcard("*?".repeat(500)), 0x00104000)).toEqual([]);
  await expect(studies(wildcard("*a".repeat(5_000)))).rejects.toMatchObject({ code: "usage" });
  await expect(studies(single("a".repeat(10_000)))).rejects.toMatchObject({ code: "usage" });
  const uids = Array.from({ length: 1_000 }, (_, n) => uidOf(n + 1));
  expect(await studies({ kind: "uids", values: uids }, 0x0020000d)).toHaveLength(1);
  await expect(studies({ kind: "uids", values: Array(20_000).fill("1") }, 0x0020000d)).rejects.toMatchObject({
    code: "usage",
  });
  for (const text of ["\0", "a\0b", "\ud800", "\u{10ffff}", "'; drop table index_studies; --"]) {
    expect(await studies(single(text)), JSON.stringify(text)).toEqual([]);
    expect(await studies(wildcard(`${text}*`)), JSON.stringify(text)).toEqual([]);
    expect(await studies(single(text), 0x00100020)).toEqual([]);
    expect(await all(index.instancesOf({ studyInstanceUid: text }))).toEqual([]);
  }
  for (const offset of [2 ** 31, 10 ** 9])
    expect(await all(index.search(queryFor("IMAGE", [], { offset })))).toEqual([]);
  for (const offset of [-1, 0.5, 2 ** 53, Number.NaN])
    await expect(all(index.search(queryFor("STUDY", [], { offset })))).rejects.toMatchObject({
      code: "usage",
    });
  expect((await index.counts()).studies).toBe(1);
});

it.each(engines)(
  "where instances differ about their patient the oldest stands, and the difference is counted: $name",
  async ({ open }) => {
    const index = await opened(open);
    const other = { "00100010": element("PN", { Alphabetic: "Roe^Richard" }) };
    await index.put([
      entryOf({ instance: 1 }),
      entryOf({ instance: 2, attributes: other }),
      entryOf({ instance: 3 }),
    ]);
    expect(await index.counts()).toMatchObject({
      instances: 3,
      differingFromStudy: 1,
      differingFromSeries: 0,
    });
    const names = async (): Promise<unknown[]> =>
      (await all(index.search(queryFor("IMAGE", [key(0x00100010, universal)])))).map(
        (match) => match["00100010"]?.Value?.[0],
      );
    expect(await names()).toEqual(Array(3).fill({ Alphabetic: "Doe^Jane" }));
    expect(await all(index.search(queryFor("IMAGE", [key(0x00100010, wildcard("roe*"))])))).toEqual([]);
    // What the instance itself says is not hidden.
    const own = await all(index.metadataOf({ studyInstanceUid: uidOf(1) }));
    expect(own[1]!["00100010"]).toEqual(other["00100010"]);
    await index.remove([uidOf(1, 1, 1)]);
    expect(await names()).toEqual(Array(2).fill({ Alphabetic: "Roe^Richard" }));
    expect(await index.counts()).toMatchObject({ instances: 2, differingFromStudy: 1 });
    await index.remove([uidOf(1, 1, 2), uidOf(1, 1, 3)]);
    expect(await index.counts()).toEqual({
      patients: 0,
      studies: 0,
      series: 0,
      instances: 0,
      differingFromStudy: 0,
      differingFromSeries: 0,
    });
  },
);

it.each(engines)(
  "an unsealed object that came first does not say who the patient of a sealed study is: $name",
  async ({ open }) => {
    const index = await opened(open);
    const forged = {
      "00100010": element("PN", { Alphabetic: "Roe^Richard" }),
      "00080060": element("CS", "MR"),
    };
    await index.put([entryOf({ instance: 1, basis: "observed", attributes: forged })]);
    const names = async (): Promise<unknown[]> =>
      (
        await all(index.search(queryFor("SERIES", [key(0x00100010, universal), key(0x00080060, universal)])))
      ).map((match) => [match["00100010"]?.Value?.[0], match["00080060"]?.Value?.[0]]);
    expect(await names()).toEqual([[{ Alphabetic: "Roe^Richard" }, "MR"]]);
    await index.put([
      entryOf({ instance: 2, basis: "received", attributes: { "00080060": element("CS", "PT") } }),
    ]);
    expect(await names()).toEqual([[{ Alphabetic: "Doe^Jane" }, "PT"]]);
    await index.put([
      entryOf({ instance: 3, basis: "verified-with-changes" }),
      entryOf({ instance: 4, basis: "observed", attributes: forged }),
    ]);
    expect(await names()).toEqual([[{ Alphabetic: "Doe^Jane" }, "CT"]]);
    expect(await index.counts()).toMatchObject({
      instances: 4,
      differingFromStudy: 2,
      differingFromSeries: 3,
    });
  },
);
