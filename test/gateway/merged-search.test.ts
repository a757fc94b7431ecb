/** Searches of readers: the index's matches, then the archive's own, which are labelled and bounded and add nothing that was not asked for. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonDataSet } from "../../src/dicom/json/json-model.ts";
import { readQueryParameters } from "../../src/dicom-network/dicomweb/query-parameters.ts";
import { queryText } from "../../src/dicom-network/dicomweb/query-text.ts";
import { parseResource } from "../../src/dicom-network/dicomweb/resource.ts";
import type { Query } from "../../src/dicom-network/query/query.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { MergedSearch } from "../../src/zero-trust/gateway/reading/merged-search.ts";
import type { AdmittedEntry } from "../../src/zero-trust/gateway/reading/ports.ts";

const study = (uid: string, more: JsonDataSet = {}): JsonDataSet => ({
  "0020000D": { vr: "UI", Value: [uid] },
  ...more,
});
const query = (parameters: Readonly<Record<string, string>> = {}): Query =>
  readQueryParameters("STUDY", {}, Object.entries(parameters)).query;

/** Of studies that the index knows, and what an archive says. */
function searchOf(known: readonly string[], said: readonly unknown[], failure?: ScansealError) {
  const events: GatewayEvent[] = [];
  let now = 0;
  let asked = 0;
  const search = new MergedSearch({
    search: async function* ({ offset, limit }) {
      yield* known.slice(offset, limit === undefined ? undefined : offset + limit).map((uid) => study(uid));
    },
    admitted: {
      async *entriesOf({ studyInstanceUid }) {
        if (known.includes(studyInstanceUid)) yield {} as AdmittedEntry;
      },
    },
    admissions: { entryOf: async () => undefined },
    archive: {
      name: "pacs",
      async *find() {
        asked++;
        yield* said as readonly JsonDataSet[];
        if (failure) throw failure;
      },
    },
    events: (event) => events.push(event),
    clock: { now: () => now },
  });
  const all = async (asking = query()): Promise<JsonDataSet[]> => {
    const out: JsonDataSet[] = [];
    for await (const match of search.search(asking)) out.push(match);
    return out;
  };
  return {
    all,
    events,
    asked: () => asked,
    wait: (ms: number) => {
      now += ms;
    },
  };
}

const uidsOf = (matches: readonly JsonDataSet[]) => matches.map((match) => match["0020000D"]!.Value![0]);

describe("a search of index and archive", () => {
  it("labels what only the archive has, and lets it say nothing of what was verified", async () => {
    const description = { "00081030": { vr: "LO", Value: ["Chest"] } };
    const { all } = searchOf(
      ["1.1", "1.2"],
      [study("1.2", description), study("1.3", description), study("1.3")],
    );
    const matches = await all(query({ includefield: "StudyDescription" }));
    expect(uidsOf(matches)).toEqual(["1.1", "1.2", "1.3"]);
    expect(matches[1]!["00081030"]).toBeUndefined();
    expect(matches[2]!["00081030"]).toEqual({ vr: "LO", Value: ["[UNVERIFIED] Chest"] });
  });

  it("gives the same in pages", async () => {
    const { all } = searchOf(
      ["1.1", "1.2", "1.3"],
      ["1.3", "1.4", "1.5", "1.6"].map((uid) => study(uid)),
    );
    const whole = uidsOf(await all());
    await fc.assert(
      fc.asyncProperty(fc.nat(8), fc.nat(8), async (offset, limit) => {
        const page = await all(query({ offset: `${offset}`, limit: `${limit}` }));
        expect(uidsOf(page)).toEqual(whole.slice(offset, offset + limit));
      }),
    );
  });

  it("asks an archive that failed again only after a while, and tells it", async () => {
    const searched = searchOf(["1.1"], [], new ScansealError("network", "away"));
    expect(uidsOf(await searched.all())).toEqual(["1.1"]);
    await searched.all();
    expect(searched.asked()).toBe(1);
    expect(searched.events).toMatchObject([{ kind: "read-failed", archive: "pacs", code: "network" }]);
    searched.wait(60_000);
    await searched.all();
    expect(searched.asked()).toBe(2);
  });

  it("takes nothing from a hostile archive that it cannot write, nor what was not asked for", async () => {
    const said = [
      study("not a uid"),
      study("1.9"),
      {},
      { "0020000D": { vr: "UI", Value: [{}] } },
      study("1.4", { "00100010": { vr: "PN", Value: [{ Alphabetic: "Not^Asked" }] } }),
      study("1.5", { "00080020": { vr: "??", Value: ["20260101"] } }),
      study("1.6", { "00080020": { vr: "DA", Value: [{}] as never } }),
      study("1.7", { nonsense: { vr: "DA" } }),
    ];
    const { all } = searchOf([], said);
    const only = query({ StudyInstanceUID: "1.4,1.5,1.6,1.7", StudyDate: "" });
    const matches = await all({ ...only, keys: only.keys.filter(({ path }) => path[0] !== 0x00100010) });
    expect(uidsOf(matches)).toEqual(["1.4", "1.7"]);
    expect(Object.keys(matches[0]!)).toEqual(["00081030", "0020000D"]);
  });

  it("ends where an archive does not", async () => {
    const endless = Array.from({ length: 20_000 }, (_, i) => study(`1.2.${i}`));
    expect(await searchOf([], endless).all()).toHaveLength(10_000);
  });
});

describe("a query as QIDO-RS asks it", () => {
  it("is read as the same query", () => {
    const value = fc.stringMatching(/^[A-Za-z0-9 ^&=%+äß-]{1,12}$/);
    const asked = fc.record(
      {
        PatientName: value.map((text) => `${text.trim() || "x"}*`),
        StudyDate: fc.constantFrom("20260101", "20260101-20260201", "-20260201"),
        StudyInstanceUID: fc.constantFrom("1.2.3", "1.2.3,1.2.4"),
        includefield: fc.constantFrom("all", "StudyDescription"),
        ModalitiesInStudy: fc.constantFrom("CT", "M?"),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(asked, fc.constantFrom("STUDY", "SERIES", "IMAGE"), (parameters, level) => {
        const { query } = readQueryParameters(level, {}, Object.entries(parameters) as [string, string][]);
        const [path, text] = queryText(query)!.split("?");
        const resource = parseResource(`/${path}`);
        if (resource?.kind !== "collection") throw new Error("no collection");
        const again = readQueryParameters(level, resource.scope, new URLSearchParams(text)).query;
        for (const key of query.keys)
          if (key.match.kind !== "universal") expect(again.keys).toContainEqual(key);
        expect(again.isEverythingAsked).toBe(query.isEverythingAsked);
      }),
    );
  });
});
