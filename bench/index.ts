/**
 * The index of verified attributes at 1,000, 10,000 and 100,000 instances, on both databases: how fast they are put there, what questions take, how
 * large it is. `npx node bench/index.ts [instances]`
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { deflateRawSync } from "node:zlib";
import { Client } from "pg";
import type { JsonDataSet, JsonElement } from "../src/dicom/json/json-model.ts";
import { toJsonDataSet } from "../src/dicom/json/to-json.ts";
import { readDicom } from "../src/dicom/read.ts";
import type { Query, QueryLevel } from "../src/dicom-network/query/query.ts";
import { openFileSource } from "../src/platform/node/file-source.ts";
import { nodeTextDecoding } from "../src/platform/node/text-decoding.ts";
import {
  type IndexedJournal,
  openPostgresIndexedJournal,
  openSqliteIndexedJournal,
} from "../src/store/index/indexed-journal.ts";
import type { IndexEntry } from "../src/store/index/instance-index.ts";
import { peer, projectRoot } from "../test/peers.ts";
import { element, key, queryFor, single, universal, wildcard } from "../test/store/index-fixture.ts";
import { startPostgresCluster } from "../test/store/postgres-cluster.ts";

const instancesMax = Number(process.argv[2] ?? 100_000);
const sizes = [1_000, 10_000, 100_000].filter((size) => size <= instancesMax);
const perSeries = 100;
const seriesPerStudy = 2;
/** As the gateway's filler puts them. */
const atOnce = 32;
const runs = 15;

/** A CT slice of the corpus, or what is left of it without one; with a signature, as a sealed object has. */
async function sliceAttributes(): Promise<JsonDataSet> {
  const path = join(projectRoot, "../shared/corpus/transfer-syntax/small/CT_small.dcm");
  const seal = { "04000120": { vr: "OB", InlineBinary: randomBytes(48).toString("base64") } };
  const sealed: Record<string, JsonElement> = { FFFAFFFA: { vr: "SQ", Value: [seal] } };
  if (!existsSync(path)) return { "00080070": element("LO", "Maker"), ...sealed };
  const source = await openFileSource(path);
  try {
    const { elements } = await readDicom(source);
    const options = { decoding: nodeTextDecoding, inlineBytesMax: 64, bulkUri: (at: string) => at };
    return { ...toJsonDataSet(elements, options), ...sealed };
  } finally {
    await source.close();
  }
}

const names = [
  "Smith^Anna",
  "Müller^Jörg",
  "Garcia^Luz",
  "Yamada^Tarou",
  "Okafor^Ada",
  "Smirnov^Ivan",
  "Diaz^Eva",
];

function entryAt(n: number, slice: JsonDataSet): IndexEntry {
  const series = Math.floor(n / perSeries);
  const study = Math.floor(series / seriesPerStudy);
  const uid = (...parts: readonly number[]): string =>
    ["1.2.826.0.1.3680043.10.1234.5678", 20_240_101, ...parts].join(".");
  const uids = {
    studyInstanceUid: uid(study),
    seriesInstanceUid: uid(study, series),
    sopInstanceUid: uid(study, series, n),
    sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
  };
  const day = new Date(Date.UTC(2015, 0, 1) + (study % 4_000) * 86_400_000)
    .toISOString()
    .slice(0, 10)
    .replaceAll("-", "");
  const signature = { "04000120": { vr: "OB", InlineBinary: randomBytes(48).toString("base64") } };
  const all: Record<string, JsonElement> = {
    ...slice,
    "00080018": element("UI", uids.sopInstanceUid),
    "00080020": element("DA", day),
    "00080050": element("SH", `A${study}`),
    "00080060": element("CS", series % 7 === 0 ? "SR" : "CT"),
    "00100010": element("PN", { Alphabetic: names[study % names.length]! }),
    "00100020": element("LO", `P${Math.floor(study / 3)}`),
    "0020000D": element("UI", uids.studyInstanceUid),
    "0020000E": element("UI", uids.seriesInstanceUid),
    "00200011": element("IS", series % seriesPerStudy),
    "00200013": element("IS", n % perSeries),
    "00200032": element("DS", -125.5, -140.25, n % perSeries),
    "00201041": element("DS", n % perSeries),
    FFFAFFFA: { vr: "SQ", Value: [signature] },
  };
  const attributes = Object.fromEntries(
    Object.keys(all)
      .sort()
      .map((tag) => [tag, all[tag]!]),
  );
  return {
    ...uids,
    transferSyntaxUid: "1.2.840.10008.1.2.1",
    objectId: `019ab000-0000-7000-8000-${String(n).padStart(12, "0")}`,
    digest: randomBytes(32).toString("hex"),
    payloadDigest: randomBytes(32).toString("hex"),
    verdict: "verified",
    basis: "verified",
    assurance: "in-device",
    admittedAt: 1_700_000_000_000 + n,
    attributes,
  };
}

/** What is asked, at a store of so many instances. */
function questionsAt(size: number): readonly (readonly [string, Query])[] {
  const last = entryAt(size - 1, {});
  const ask = (
    title: string,
    level: QueryLevel,
    keys: Parameters<typeof queryFor>[1],
    other: Partial<Query> = {},
  ) => [title, queryFor(level, keys, other)] as const;
  const counted = [
    key(0x00100010, universal),
    key(0x00080061, universal),
    key(0x00201206, universal),
    key(0x00201208, universal),
  ];
  return [
    ask("studies of a Patient ID, with counts", "STUDY", [key(0x00100020, single("P1")), ...counted]),
    ask("studies by accession number", "STUDY", [key(0x00080050, single("A2")), ...counted]),
    ask(
      "studies by name, `smi*`, first 100",
      "STUDY",
      [key(0x00100010, wildcard("smi*")), ...counted.slice(1)],
      { limit: 100 },
    ),
    ask(
      "studies by name, `*mi*`, first 100",
      "STUDY",
      [key(0x00100010, wildcard("*mi*")), ...counted.slice(1)],
      { limit: 100 },
    ),
    ask(
      "studies of a month, first 100",
      "STUDY",
      [key(0x00080020, { kind: "range", from: "20150101", to: "20150131" }), ...counted],
      { limit: 100 },
    ),
    ask("the latest 100 studies", "STUDY", counted, { limit: 100 }),
    ask("nobody's studies, `*zz*`", "STUDY", [key(0x00100010, wildcard("*zz*"))]),
    ask("series of a study", "SERIES", [
      key(0x0020000d, single(last.studyInstanceUid)),
      key(0x00201209, universal),
    ]),
    ask("100 instances of a series", "IMAGE", [
      key(0x0020000d, single(last.studyInstanceUid)),
      key(0x0020000e, single(last.seriesInstanceUid)),
    ]),
    ask("one instance by its UID alone", "IMAGE", [key(0x00080018, single(last.sopInstanceUid))]),
    ask("the last 10 of all instances (offset)", "IMAGE", [], { offset: size - 10 }),
    ask("series by manufacturer (no column), first 100", "SERIES", [key(0x00080070, wildcard("*nobody*"))], {
      limit: 100,
    }),
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** How long others wait for the event loop. */
class Turns {
  #longest = 0;
  #last: number = performance.now();
  #isOver = false;

  constructor() {
    this.#turn();
  }

  #turn(): void {
    setImmediate(() => {
      const now = performance.now();
      this.#longest = Math.max(this.#longest, now - this.#last);
      this.#last = now;
      if (!this.#isOver) this.#turn();
    });
  }

  end(): number {
    this.#isOver = true;
    return this.#longest;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function drained(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

interface Place {
  readonly name: string;
  readonly stores: IndexedJournal;
  /** Of the index alone. */
  bytes(): Promise<number>;
}

async function measure({ name, stores, bytes }: Place, slice: JsonDataSet): Promise<void> {
  const { index } = stores;
  const table = new Map<string, string[]>();
  const row = (title: string, value: string): void =>
    void table.set(title, [...(table.get(title) ?? []), value]);
  let there = 0;
  for (const size of sizes) {
    let ms = 0;
    const added = size - there;
    for (; there < size; there += atOnce) {
      const entries = Array.from({ length: Math.min(atOnce, size - there) }, (_, n) =>
        entryAt(there + n, slice),
      );
      ms += await timed(() => index.put(entries));
    }
    there = size;
    row("put, instances/s", String(Math.round((added / ms) * 1_000)));
    const turns = new Turns();
    for (const [title, query] of questionsAt(size)) {
      const took: number[] = [];
      for (let run = 0; run < runs; run++) {
        took.push(await timed(() => drained(index.search(query))));
        await new Promise((resolve) => setImmediate(resolve));
      }
      row(`${title}, ms`, median(took).toFixed(2));
    }
    const { studyInstanceUid, seriesInstanceUid } = entryAt(size - 1, {});
    const metadata = Array.from(
      { length: runs },
      () => () => drained(index.metadataOf({ studyInstanceUid, seriesInstanceUid })),
    );
    const took: number[] = [];
    for (const one of metadata) {
      took.push(await timed(one));
      await new Promise((resolve) => setImmediate(resolve));
    }
    row("metadata of a series of 100, ms", median(took).toFixed(2));
    row("longest time without a turn for others, ms", turns.end().toFixed(1));
    row("bytes per instance, all of it", String(Math.round((await bytes()) / size)));
  }
  console.log(`| ${name} | ${sizes.map((size) => size.toLocaleString("en")).join(" | ")} |`);
  console.log(`| --- |${" ---: |".repeat(sizes.length)}`);
  for (const [title, values] of table) console.log(`| ${title} | ${values.join(" | ")} |`);
  console.log("");
}

const slice = await sliceAttributes();
const json = JSON.stringify(entryAt(1, slice).attributes);
const alone = deflateRawSync(json).length;
const beside = deflateRawSync(json, {
  dictionary: Buffer.from(JSON.stringify(entryAt(0, slice).attributes)),
}).length;
console.log(
  `attributes of one instance: ${json.length} bytes of JSON, ${alone} deflated, ${beside} against the first of its series\n`,
);
const folder = mkdtempSync(join(tmpdir(), "scanseal-bench-index-"));
const path = join(folder, "journal.sqlite");
const stores = await openSqliteIndexedJournal(path);
try {
  const bytes = async (): Promise<number> => {
    const database = new DatabaseSync(path);
    database.exec("pragma wal_checkpoint(truncate)");
    database.close();
    return statSync(path).size;
  };
  await measure({ name: "SQLite", stores, bytes }, slice);
} finally {
  await stores.journal.close();
  rmSync(folder, { recursive: true, force: true });
}
if (peer("postgres")) {
  const cluster = await startPostgresCluster();
  try {
    const url = await cluster.createDatabase();
    const served = await openPostgresIndexedJournal(url);
    const client = new Client({ connectionString: url });
    await client.connect();
    const bytes = async (): Promise<number> => {
      const { rows } = await client.query(
        "select sum(pg_total_relation_size(oid))::float8 as bytes from pg_class where relkind = 'r' and relname like 'index\\_%'",
      );
      return rows[0].bytes as number;
    };
    await measure({ name: "PostgreSQL 15", stores: served, bytes }, slice);
    await client.end();
    await served.journal.close();
  } finally {
    await cluster.stop();
  }
}
console.log(`load average ${loadavg()[0]!.toFixed(1)}`);
