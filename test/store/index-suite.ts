/** What every index does, whatever is behind it. */
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { JsonDataSet } from "../../src/dicom/json/json-model.ts";
import { withUnverifiedLabel } from "../../src/dicom/json/unverified-label.ts";
import type { Query } from "../../src/dicom-network/query/query.ts";
import type { IndexEntry, InstanceIndex } from "../../src/store/index/instance-index.ts";
import { arbitraryEntries, arbitraryQuery } from "./index-arbitraries.ts";
import {
  all,
  element,
  entryOf,
  type IndexHarness,
  key,
  queryFor,
  single,
  textOf,
  uidOf,
  universal,
  wildcard,
} from "./index-fixture.ts";
import { naiveSearch, standingOf } from "./index-naive-search.ts";
import { queueCases } from "./index-queue-cases.ts";

const uniqueKey = { PATIENT: "00100020", STUDY: "0020000D", SERIES: "0020000E", IMAGE: "00080018" };

/** Of instances, in columns and without. */
const ownTags = ["00080008", "00080016", "00080032", "00200013", "00280010"];

function asksFor({ keys }: Query, tag: string): boolean {
  return keys.some(({ path }) => path[0] === Number.parseInt(tag, 16));
}

type IndexCase = (index: InstanceIndex, runs: number) => Promise<void>;

/** Title -> test. */
const cases: Readonly<Record<string, IndexCase>> = {
  async "finds what a plain filter finds, in its order, whatever is in it and whatever is asked"(
    index,
    runs,
  ) {
    await fc.assert(
      fc.asyncProperty(
        arbitraryEntries,
        fc.array(arbitraryQuery, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 30 }),
        async (entries, queries, cut) => {
          await empty(index);
          await index.put(entries.slice(0, cut));
          await index.put(entries.slice(cut));
          for (const query of queries) {
            const matches = await all(index.search(query));
            const found = matches.map((match) => textOf(match, uniqueKey[query.level]));
            expect(found).toEqual(naiveSearch(entries, query));
            if (query.level !== "IMAGE") continue;
            for (const match of matches) {
              const own = entries.filter(
                ({ sopInstanceUid }) => sopInstanceUid === textOf(match, "00080018"),
              );
              const [{ attributes }] = standingOf(own) as [IndexEntry];
              for (const tag of ownTags.filter((one) => match[one]))
                expect(match[tag]).toEqual(attributes[tag]);
              for (const tag of ownTags.filter((one) => query.isEverythingAsked || asksFor(query, one)))
                expect(tag in match).toBe(tag in attributes);
            }
          }
        },
      ),
      { numRuns: runs },
    );
  },

  async "is what its last versions make it, whatever came in between and in whatever order"(index, runs) {
    await fc.assert(
      fc.asyncProperty(
        arbitraryEntries,
        fc.array(fc.nat({ max: 29 }), { maxLength: 10 }),
        async (entries, removed) => {
          await empty(index);
          for (const entry of entries) await index.put([entry]);
          const uids = removed.flatMap((n) => entries[n]?.sopInstanceUid ?? []);
          await index.remove(uids);
          const left = standingOf(entries).filter(({ sopInstanceUid }) => !uids.includes(sopInstanceUid));
          const one = await contentOf(index);
          await index.rederive();
          expect(await contentOf(index)).toEqual(one);
          await empty(index);
          await index.put(left);
          const { matches, counts } = await contentOf(index);
          expect(counts).toEqual(one.counts);
          expect(matches).toEqual(one.matches);
        },
      ),
      { numRuns: Math.ceil(runs / 2) },
    );
  },

  async "putting twice changes nothing; a version that was admitted later takes the place of the first, and both are told"(
    index,
  ) {
    const first = entryOf({ version: 1, attributes: { "00080005": element("CS", "ISO_IR 192") } });
    const second = entryOf({ version: 2, attributes: { "00100020": element("LO", "CORRECTED") } });
    expect(await index.put([first])).toEqual([]);
    expect(await index.put([first])).toEqual([]);
    const told = [{ sopInstanceUid: first.sopInstanceUid, objectId: first.objectId, by: second.objectId }];
    expect(await index.put([second])).toEqual(told);
    expect(await index.put([first])).toEqual(told);
    expect(await index.put([second, first])).toEqual(told);
    expect(await index.counts()).toMatchObject({
      patients: 1,
      studies: 1,
      series: 1,
      instances: 1,
      differingFromStudy: 0,
    });
    expect(await all(index.metadataOf({ studyInstanceUid: uidOf(1) }))).toEqual([second.attributes]);
    const [found] = await all(index.search(queryFor("STUDY", [key(0x00100020, universal)])));
    expect(textOf(found!, "00100020")).toBe("CORRECTED");
  },

  async "labels for readers what was let in and never verified, at every level, and nothing beside it"(
    index,
  ) {
    const attributes = { "00081030": element("LO", "Head") };
    await index.put([
      { ...entryOf({ study: 1, instance: 1, attributes }), basis: "observed" },
      { ...entryOf({ study: 2, series: 1, instance: 2, attributes }), basis: "observed" },
      { ...entryOf({ study: 2, series: 1, instance: 3, attributes }), basis: "verified" },
    ]);
    const labelsOf = async (level: Query["level"], tag: string): Promise<readonly (string | undefined)[]> => {
      const query = queryFor(level, [key(0x00081030, universal)]);
      const plain = await all(index.search(query));
      expect(JSON.stringify(plain)).not.toContain("UNVERIFIED");
      return (await all(index.search(query, withUnverifiedLabel))).map((match) => textOf(match, tag)).sort();
    };
    expect(await labelsOf("STUDY", "00081030")).toEqual(["Head", "[UNVERIFIED] Head"]);
    expect((await labelsOf("SERIES", "0008103E")).filter((text) => text === "[UNVERIFIED]")).toHaveLength(1);
    expect((await labelsOf("IMAGE", "00204000")).filter((text) => text === "[UNVERIFIED]")).toHaveLength(2);
    const metadata = await all(index.metadataOf({ studyInstanceUid: uidOf(2) }, withUnverifiedLabel));
    expect(metadata.map((one) => textOf(one, "00204000"))).toEqual(["[UNVERIFIED]", ""]);
  },

  async "answers with counts, modalities and availability"(index) {
    await index.put([
      entryOf({ study: 1, series: 1, instance: 1 }),
      entryOf({ study: 1, series: 1, instance: 2 }),
      entryOf({
        study: 1,
        series: 2,
        instance: 1,
        version: 3,
        attributes: { "00080060": element("CS", "SR") },
      }),
      entryOf({
        study: 2,
        series: 1,
        instance: 1,
        version: 4,
        attributes: { "00100020": element("LO", "P1") },
      }),
    ]);
    const everything = { isEverythingAsked: true };
    const studies = await all(index.search(queryFor("STUDY", [key(0x00080061, single("SR"))], everything)));
    expect(studies).toHaveLength(1);
    expect(studies[0]).toMatchObject({
      "00080056": element("CS", "ONLINE"),
      "00080061": element("CS", "CT", "SR"),
      "00080062": element("UI", "1.2.840.10008.5.1.4.1.1.2"),
      "0020000D": element("UI", uidOf(1)),
      "00201206": element("IS", 2),
      "00201208": element("IS", 3),
    });
    const [series] = await all(
      index.search(queryFor("SERIES", [key(0x0020000e, single(uidOf(1, 1)))], everything)),
    );
    expect(series!["00201209"]).toEqual(element("IS", 2));
    const [patient] = await all(
      index.search(queryFor("PATIENT", [key(0x00100020, single("P1"))], everything)),
    );
    expect(patient).toMatchObject({
      "00201200": element("IS", 2),
      "00201202": element("IS", 3),
      "00201204": element("IS", 4),
    });
    // Only what was asked for, and what names the match.
    const [short] = await all(index.search(queryFor("STUDY", [key(0x00100020, universal)], { limit: 1 })));
    expect(Object.keys(short!)).toEqual(["00100020", "0020000D"]);
  },

  async "matches in sequences, several values, names by group, and moments across midnight"(index) {
    const requested = (id: string): JsonDataSet => ({ "00401001": element("SH", id) });
    await index.put([
      entryOf({
        attributes: {
          "00080008": element("CS", "ORIGINAL", "PRIMARY"),
          "00080020": element("DA", "20240101"),
          "00080030": element("TM", "2330"),
          "00100010": element("PN", { Alphabetic: "Yamada^Tarou", Ideographic: "山田^太郎" }),
          "00400275": { vr: "SQ", Value: [requested("A"), requested("B")] },
          "00181151": element("DS", "12.50"),
        },
      }),
    ]);
    const matches = async (...keys: Parameters<typeof key>[]): Promise<number> =>
      (
        await all(
          index.search(
            queryFor(
              "IMAGE",
              keys.map((one) => key(...one)),
              { isDateTimeCombined: true },
            ),
          ),
        )
      ).length;
    expect(await matches([[0x00400275, 0x00401001], single("B")])).toBe(1);
    expect(await matches([[0x00400275, 0x00401001], single("C")])).toBe(0);
    expect(await matches([0x00080008, single("PRIMARY")])).toBe(1);
    expect(await matches([0x00181151, single("12.5")])).toBe(1);
    expect(await matches([0x00100010, single("YAMADA^TAROU^^")])).toBe(1);
    expect(await matches([0x00100010, wildcard("山*")])).toBe(1);
    expect(await matches([0x00100010, wildcard("yamada*=山田*")])).toBe(1);
    expect(await matches([0x00100010, wildcard("yamada*=川*")])).toBe(0);
    const moments = (from: string, to: string): Promise<number> =>
      matches(
        [0x00080020, { kind: "range", from: "20240101", to: "20240102" }],
        [0x00080030, { kind: "range", from, to }],
      );
    expect(await moments("2300", "2359")).toBe(1);
    expect(
      await matches(
        [0x00080020, { kind: "range", from: "20240101", to: "20240101" }],
        [0x00080030, { kind: "range", from: "2331", to: "2359" }],
      ),
    ).toBe(0);
  },

  async "ranges end where what they name ends, whether day and time are one or not"(index) {
    const at = (n: number, date: string, time?: string) =>
      entryOf({
        study: n,
        version: n,
        attributes: {
          "00080020": element("DA", date),
          ...(time === undefined ? {} : { "00080030": element("TM", time) }),
        },
      });
    await index.put([
      at(1, "20240101", "081530"),
      at(2, "20240102", "0700"),
      at(3, "20240103", "235959.5"),
      at(4, "20240103"),
    ]);
    const found = async (
      date: readonly [string | undefined, string | undefined] | undefined,
      time: readonly [string | undefined, string | undefined],
      isDateTimeCombined: boolean,
    ): Promise<string> => {
      const range = ([from, to]: readonly [string | undefined, string | undefined]) => ({
        kind: "range" as const,
        from,
        to,
      });
      const keys = [key(0x00080030, range(time)), ...(date ? [key(0x00080020, range(date))] : [])];
      const matches = await all(index.search(queryFor("STUDY", keys, { isDateTimeCombined })));
      return matches.map((match) => textOf(match, "0020000D").slice(5)).join();
    };
    expect(await found(undefined, ["08", "0815"], false)).toBe("1");
    expect(await found(undefined, ["081531", undefined], false)).toBe("3");
    expect(await found(undefined, ["06", "08"], false)).toBe("2,1");
    expect(await found(["20240101", "20240103"], ["08", "235959"], false)).toBe("3,1");
    expect(await found(["20240101", "20240103"], ["08", "06"], false)).toBe("");
    // From eight on the first day to six on the third; what has no time is of the day's beginning.
    expect(await found(["20240101", "20240103"], ["08", "06"], true)).toBe("4,2,1");
    expect(await found([undefined, "20240103"], [undefined, "2358"], true)).toBe("4,2,1");
    expect(await found([undefined, "20240103"], ["0800", undefined], true)).toBe("3,4,2,1");
  },

  async "lists and describes instances in the order of the study, page by page"(index) {
    const entries = [2, 1].flatMap((series) =>
      Array.from({ length: 300 }, (_, n) =>
        entryOf({ series, instance: 300 - n, version: series * 1_000 + n }),
      ),
    );
    await index.put(entries);
    const uids = [1, 2].flatMap((series) => Array.from({ length: 300 }, (_, n) => uidOf(1, series, n + 1)));
    const listed = await all(index.instancesOf({ studyInstanceUid: uidOf(1) }));
    expect(listed.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(uids);
    const { attributes: _, ...facts } = entries.find(({ sopInstanceUid }) => sopInstanceUid === uids[7])!;
    expect(listed[7]).toEqual({
      ...facts,
      instanceNumber: 8,
      frames: undefined,
      rows: undefined,
      columns: undefined,
    });
    const metadata = await all(
      index.metadataOf({ studyInstanceUid: uidOf(1), seriesInstanceUid: uidOf(1, 2) }),
    );
    expect(metadata.map((each) => textOf(each, "00080018"))).toEqual(uids.slice(300));
    const one = { studyInstanceUid: uidOf(1), seriesInstanceUid: uidOf(1, 2), sopInstanceUid: uids[300]! };
    expect(await all(index.instancesOf(one))).toHaveLength(1);
    expect(await all(index.instancesOf({ ...one, seriesInstanceUid: uidOf(1, 1) }))).toEqual([]);
    const deep = queryFor("IMAGE", [], { offset: 590, limit: 20 });
    expect((await all(index.search(deep))).map((each) => textOf(each, "00080018"))).toEqual(uids.slice(590));
  },

  async "more studies and series than a page, with one date or none"(index) {
    const day = { "00080020": element("DA", "20240101") };
    const studies = Array.from({ length: 230 }, (_, n) =>
      entryOf({ study: 1_000 + n, version: n + 1, attributes: n % 2 === 0 ? day : {} }),
    );
    const series = Array.from({ length: 270 }, (_, n) =>
      entryOf({
        study: 1,
        series: 1_000 + n,
        version: 300 + n,
        attributes: { "00200011": element("IS", 5) },
      }),
    );
    const entries = [...studies, ...series];
    await index.put(entries);
    for (const level of ["PATIENT", "STUDY", "SERIES", "IMAGE"] as const) {
      for (const offset of [0, 101, 199]) {
        const query = queryFor(level, [], { offset });
        const found = (await all(index.search(query))).map((match) => textOf(match, uniqueKey[level]));
        expect(found).toEqual(naiveSearch(entries, query));
      }
    }
  },

  async "values that no column takes are kept, and put nothing else out of the index"(index) {
    const long = "x".repeat(5_000);
    const odd = entryOf({
      attributes: {
        "00081030": element("LO", long),
        "00100010": element("PN", { Alphabetic: "a\0b\ud800" }),
        "00100020": element("LO", "é".repeat(3_000)),
        "00080020": element("DA", "not a date"),
        "00200011": element("IS", "99999999999999999999"),
        "00200013": element("IS", "x"),
      },
    });
    await index.put([odd, entryOf({ study: 2 })]);
    const [found] = await all(index.metadataOf({ studyInstanceUid: uidOf(1) }));
    expect(found!["00081030"]).toEqual(odd.attributes["00081030"]);
    expect(await all(index.search(queryFor("STUDY", [])))).toHaveLength(2);
    await expect(index.put([{ ...entryOf({}), studyInstanceUid: "1\0" }])).rejects.toMatchObject({
      code: "usage",
    });
    await expect(
      index.put([{ ...entryOf({ instance: 9 }), verdict: "v".repeat(300) }]),
    ).rejects.toMatchObject({ code: "usage" });
    expect((await index.counts()).instances).toBe(2);
  },
};

/** @param runs of each property */
export function indexSuite(start: () => Promise<IndexHarness>, runs: number): void {
  let harness: IndexHarness;
  beforeEach(async () => {
    harness = await start();
  });
  afterEach(() => harness.close());
  for (const [title, body] of Object.entries(cases)) it(title, () => body(harness.stores.index, runs));
  for (const [title, body] of Object.entries(queueCases)) it(title, () => body(harness.stores));
}

async function empty(index: InstanceIndex): Promise<void> {
  const found = await all(index.search(queryFor("IMAGE", [])));
  await index.remove(found.map((match) => textOf(match, "00080018")));
}

async function contentOf(
  index: InstanceIndex,
): Promise<{ matches: readonly JsonDataSet[][]; counts: unknown }> {
  const matches = [];
  for (const level of ["PATIENT", "STUDY", "SERIES", "IMAGE"] as const)
    matches.push(await all(index.search(queryFor(level, [], { isEverythingAsked: true }))));
  return { matches, counts: await index.counts() };
}
