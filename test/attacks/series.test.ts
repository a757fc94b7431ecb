/** Scenarios 45 and 46 on real series: what is missing, there twice, in another order or from elsewhere is named, instance by instance. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import type { Edit } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { describePeer } from "../peers.ts";
import expectedVerdicts from "../vectors/expected.json" with { type: "json" };
import { put } from "./objects.ts";
import { seriesScenarios } from "./series-scenarios.ts";
import { corpusSeries, type SealedInstance, SeriesSite, told } from "./series-site.ts";

interface Case {
  readonly name: string;
  readonly folder: string;
  readonly device: string;
  readonly count: number;
}

const cases: readonly Case[] = [
  { name: "CT", folder: "ct-series/lidc-0314-nodule", device: "CT1", count: 28 },
  // Its files are not in the order of its numbers.
  { name: "MR", folder: "mr-series/brain-tumour-t1post", device: "MR1", count: 22 },
];

interface ExpectedRow {
  readonly scenario: number;
  readonly what?: string;
  readonly series?: string;
  readonly named?: readonly string[];
}

/** What an attacker writes to put a slice in another's place. */
const numberOf = (one: SealedInstance): Edit => put(textElement(tags.instanceNumber, "IS", `${one.number}`));
const uidsOf = (list: readonly SealedInstance[]): string[] => list.map(({ uid }) => uid);
const seriesOf = (list: readonly SealedInstance[]): string => list[0]!.instance!.seriesInstanceUid;

describePeer("corpus", "attacks on a closed series", () => {
  let site: SeriesSite;
  const sealed = new Map<string, SealedInstance[]>();
  beforeAll(async () => {
    site = await SeriesSite.make();
    for (const { folder, device, name } of cases) {
      const all = await site.seal(device, corpusSeries(folder));
      sealed.set(name, all);
      await site.close(seriesOf(all));
    }
    sealed.set("other", await site.seal("CT1", corpusSeries("ct-series/philips-phantom-gantry-tilt")));
    await site.close(seriesOf(sealed.get("other")!));
  }, 120_000);
  afterAll(() => site.remove());

  describe.each(cases)("$name", ({ name, count }) => {
    const all = (): SealedInstance[] => sealed.get(name)!;
    const without = (...gone: readonly number[]): SealedInstance[] =>
      all().filter((_, i) => !gone.includes(i));

    it("is complete, in whatever order its files come", async () => {
      expect(all()).toHaveLength(count);
      expect(all().map(({ decision }) => decision.verdict)).toEqual(Array(count).fill("verified"));
      for (const files of [all(), all().toReversed()])
        expect((await site.judge(files)).map(told)).toEqual([{ state: "complete" }]);
    });

    it("was first seen when it was made, not when its devices say that they sealed", async () => {
      const { manifest, madeAt } = await site.close(seriesOf(all()));
      expect(await site.journal.recordKeptAt(manifest)).toBeGreaterThanOrEqual(madeAt);
    });

    it.each<[string, readonly number[]]>([
      ["first", [0]],
      ["middle", [11]],
      ["last", [-1]],
      ["first three and the last", [0, 1, 2, -1]],
    ])("scenario 45: the %s deleted: exactly these are missing", async (_, places) => {
      const gone = places.map((at) => (at < 0 ? count + at : at));
      const [judged] = await site.judge(without(...gone));
      expect(told(judged)).toEqual({
        state: "incomplete",
        missing: uidsOf(gone.map((i) => all()[i]!)),
      });
    });

    it("scenario 45: a slice twice", async () => {
      const [judged] = await site.judge([...all(), all()[4]!]);
      expect(told(judged)).toEqual({ state: "incomplete", duplicated: [all()[4]!.uid] });
    });

    it("scenario 45: one in the place of another", async () => {
      const [judged] = await site.judge([...without(7), all()[6]!]);
      const expected = { state: "incomplete", missing: [all()[7]!.uid], duplicated: [all()[6]!.uid] };
      expect(told(judged)).toEqual(expected);
    });

    async function exchanged(i: number, j: number): Promise<SealedInstance[]> {
      const [a, b] = [all()[i]!, all()[j]!];
      return [...without(i, j), await site.forged(a, [numberOf(b)]), await site.forged(b, [numberOf(a)])];
    }

    it("scenario 45: two slices change places", async () => {
      const files = await exchanged(3, 9);
      expect(files.slice(-2).map(({ decision }) => decision.verdict)).toEqual(["altered", "altered"]);
      const [judged] = await site.judge(files);
      const both = uidsOf([all()[3]!, all()[9]!]);
      expect(told(judged)).toEqual({ state: "incomplete", reordered: both, unproven: both });
    });

    it("scenario 46: a validly sealed slice of another series and patient among its own", async () => {
      const foreign = sealed.get(name === "CT" ? "MR" : "CT")![5]!;
      expect(foreign.decision.verdict).toBe("verified");
      const [judged] = await site.judge([...without(8), foreign], { series: seriesOf(all()) });
      const expected = { state: "incomplete", missing: [all()[8]!.uid], foreign: [foreign.uid] };
      expect(told(judged)).toEqual(expected);
      // Without being told which series was asked for, each is compared with its own list.
      const both = await site.judge([...all(), foreign]);
      expect(both.map(({ state }) => state).sort()).toEqual(["complete", "incomplete"]);
    });

    it("scenario 46: a slice of the same device's other scan", async () => {
      const foreign = sealed.get("other")![2]!;
      const [judged] = await site.judge([...all(), foreign], { series: seriesOf(all()) });
      expect(told(judged)).toEqual({ state: "incomplete", foreign: [foreign.uid] });
    });

    it("scenario 46: a foreign slice relabelled as of this series", async () => {
      const uid = put(textElement(tags.seriesInstanceUid, "UI", seriesOf(all())));
      const relabelled = await site.forged(sealed.get("other")![2]!, [uid]);
      expect(relabelled.decision.verdict).toBe("altered");
      const [judged] = await site.judge([...all(), relabelled]);
      expect(told(judged)).toEqual({ state: "incomplete", foreign: [relabelled.uid] });
      const named = put(textElement(tags.sopInstanceUid, "UI", all()[8]!.uid));
      const replaced = await site.forged(relabelled, [named]);
      const [again] = await site.judge([...without(8), replaced]);
      // Its file meta information names another instance: it is malformed, and stands for nothing.
      expect(told(again)).toEqual({ state: "incomplete", missing: [all()[8]!.uid] });
    });

    const attacks: Readonly<
      Record<(typeof seriesScenarios)[number]["what"], () => Promise<SealedInstance[]>>
    > = {
      "slices deleted": async () => without(0, 11, count - 1),
      "a slice duplicated": async () => [...all(), all()[4]!],
      "two slices exchanged": () => exchanged(3, 9),
      "a validly sealed slice of another series": async () => [...all(), sealed.get("other")![5]!],
    };
    it.each(seriesScenarios)("scenario $scenario: $what", async ({ scenario, what }) => {
      const rows: readonly ExpectedRow[] = expectedVerdicts.scenarios;
      const row = rows.find((one) => one.scenario === scenario && one.what === what)!;
      const [judged] = await site.judge(await attacks[what](), { series: seriesOf(all()) });
      const { state, ...named } = told(judged);
      expect({ state, named: Object.keys(named).sort() }).toEqual({
        state: row.series,
        named: row.named?.toSorted(),
      });
    });

    it("no verdict depends on it", async () => {
      const here = without(0, 5);
      const again = await site.verify(here.map(({ path }) => path));
      expect(again.map(({ decision }) => decision)).toEqual(here.map(({ decision }) => decision));
    });
  });
});

describePeer("corpus", "manifests of a series that grows", () => {
  let site: SeriesSite;
  let all: SealedInstance[];
  let old: SealedInstance;
  let uid: string;
  const early = 20;
  beforeAll(async () => {
    site = await SeriesSite.make();
    const paths = corpusSeries("ct-series/lidc-0314-nodule");
    const first = await site.seal("CT1", paths.slice(0, early));
    uid = seriesOf(first);
    const closed = await site.close(uid);
    old = await site.keyObject(closed, first);
    all = [...first, ...(await site.seal("CT1", paths.slice(early)))];
  }, 120_000);
  afterAll(() => site.remove());

  it("late instances of the same device open it, and close it anew", async () => {
    const [open] = await site.judge(all);
    expect(told(open)).toEqual({ state: "open", late: uidsOf(all.slice(early)) });
    const second = await site.close(uid);
    expect(second).toMatchObject({ version: 2, isNew: true });
    expect(await site.close(uid)).toMatchObject({ version: 2, isNew: false, manifest: second.manifest });
    expect((await site.judge(all)).map(told)).toEqual([{ state: "complete" }]);
  });

  it("scenario 45: replay of the older, shorter manifest", async () => {
    const short = [...all.slice(0, early), old];
    const [judged] = await site.judge(short);
    const missing = uidsOf(all.slice(early));
    expect(told(judged)).toEqual({
      state: "incomplete",
      missing,
      faults: ["series-manifest-superseded"],
    });
    // Where nobody knows of the newer one it is what there is; with the newer Key Object it is refused.
    expect((await site.judge(short, { elsewhere: true })).map(told)).toEqual([{ state: "complete" }]);
    const newer = await site.keyObject(await site.close(uid), all);
    const [known] = await site.judge([...short, newer], { elsewhere: true });
    expect(told(known)).toEqual({
      state: "incomplete",
      missing,
      faults: ["series-manifest-superseded"],
    });
    expect((await site.judge([...all, newer], { elsewhere: true })).map(told)).toEqual([
      { state: "complete" },
    ]);
  });

  it("a Key Object says the order too", async () => {
    const newer = await site.keyObject(await site.close(uid), all);
    const [a, b] = [all[3]!, all[9]!];
    const swapped = [await site.forged(a, [numberOf(b)]), await site.forged(b, [numberOf(a)])];
    const rest = all.filter((one) => one !== a && one !== b);
    const [judged] = await site.judge([...rest, ...swapped, newer], { elsewhere: true });
    const both = uidsOf([a, b]);
    expect(told(judged)).toEqual({ state: "incomplete", reordered: both, unproven: both });
  });

  it("a Key Object that was changed counts for nothing", async () => {
    const title = put(textElement(tags.patientId, "LO", "another"));
    const forged = await site.forged(old, [title]);
    const [judged] = await site.judge([...all.slice(0, early), forged], { elsewhere: true });
    expect(told(judged)).toEqual({ state: "open", faults: ["series-manifest-invalid"] });
    const stripped = await site.forged(old, [{ kind: "remove", path: [0x00711000] }]);
    const [bare] = await site.judge([...all.slice(0, early), stripped], { elsewhere: true });
    expect(told(bare)).toEqual({ state: "open", faults: ["series-manifest-invalid"] });
  });
});
