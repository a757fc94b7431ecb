/** test/vectors/expected.json: every row that can be run now is run, and nothing is left out. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import type { DicomObject } from "../../src/dicom/model.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { counterScenarios } from "../attacks/counter-scenarios.ts";
import { gateScenarios } from "../attacks/gate-scenarios.ts";
import { logScenarios } from "../attacks/log-scenarios.ts";
import { seriesScenarios } from "../attacks/series-scenarios.ts";
import { describePeer } from "../peers.ts";
import { timeScenarios } from "../time-stamps/time-scenarios.ts";
import expected from "../vectors/expected.json" with { type: "json" };
import schema from "../vectors/expected.schema.json" with { type: "json" };
import { corpusBytes, corpusTable } from "./corpus-files.ts";
import { newAuthority, parse, Site } from "./fixture.ts";
import { keyCases, makeDevices, type People } from "./key-cases.ts";
import { outcomeOf } from "./outcomes.ts";
import { pixelEdits } from "./pixel-edits.ts";
import { enrolledBase, scenarioCases, usualBase } from "./scenario-cases.ts";
import { sealedAndTampered, tamperedRows } from "./tampered-rows.ts";
import { markedCases } from "./watermark-cases.ts";

interface ScenarioRow {
  readonly scenario: number;
  readonly what?: string;
  readonly verdict?: string;
  readonly code?: string;
  readonly at?: string;
  readonly later?: string;
}
const scenarios: readonly ScenarioRow[] = expected.scenarios;

describe("expected verdicts", () => {
  it("have the form of the schema", () => {
    for (const kind of ["hostile", "tampered", "scenario"] as const) {
      const { required, properties } = schema.$defs[kind];
      const rows: readonly object[] = kind === "scenario" ? scenarios : expected[kind];
      for (const row of rows) {
        expect(Object.keys(row)).toEqual(expect.arrayContaining([...required]));
        expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(row)));
        const { verdict } = row as ScenarioRow;
        if (verdict !== undefined) expect(schema.$defs.verdict.enum).toContain(verdict);
      }
    }
  });

  it("cover scenarios 1 to 51, each row with a proof or the part it waits for", () => {
    const numbers = new Set(scenarios.map(({ scenario }) => scenario));
    expect([...numbers]).toEqual(Array.from({ length: 51 }, (_, i) => i + 1));
    for (const { scenario, what, later } of scenarios) {
      if (later !== undefined) continue;
      const proofs = [
        ...scenarioCases,
        ...markedCases,
        ...keyCases,
        ...gateScenarios,
        ...seriesScenarios,
        ...logScenarios,
        ...timeScenarios,
        ...counterScenarios,
      ].filter((one) => one.scenario === scenario && one.what === what);
      expect(proofs.length + (pixelEdits.has(scenario) ? 1 : 0), `${scenario} ${what}`).toBe(1);
    }
    const cases = [
      ...scenarioCases,
      ...markedCases,
      ...keyCases,
      ...gateScenarios,
      ...seriesScenarios,
      ...logScenarios,
      ...timeScenarios,
      ...counterScenarios,
    ].map(({ scenario, what }) => `${scenario} ${what}`);
    const rows = scenarios.map(({ scenario, what }) => `${scenario} ${what}`);
    expect(cases.filter((one) => !rows.includes(one))).toEqual([]);
  });
});

function expectationOf(scenario: number, what: string): object {
  const row = scenarios.find((one) => one.scenario === scenario && one.what === what);
  return outcomeFields(row ?? {});
}

function outcomeFields({ verdict, code, at }: Partial<ScenarioRow>): object {
  return { verdict, ...(code === undefined ? {} : { code }), ...(at === undefined ? {} : { at }) };
}

describePeer("corpus", "expected verdicts on the corpus", () => {
  let people: People;
  let sibling: DicomObject;
  const sealedBases = new Map<string, Bytes>();
  const sealed = async (file: string): Promise<Bytes> => {
    const known = sealedBases.get(file) ?? (await people.site.seal(corpusBytes(file)));
    sealedBases.set(file, known);
    return known;
  };
  beforeAll(async () => {
    const authority = newAuthority();
    const serial = plainTextOf((await parse(corpusBytes(enrolledBase))).elements, tags.deviceSerialNumber)!;
    const devices = makeDevices(authority, serial);
    const site = new Site(authority, Object.values(devices));
    const original = corpusBytes(usualBase);
    people = { site, authority, devices, original, sealed: await site.seal(original) };
    sibling = await parse(await site.seal(corpusBytes("transfer-syntax/small/MR_small.dcm")));
  });
  afterAll(() => people.site.close());

  it.each(scenarioCases)("scenario $scenario: $what", async ({ scenario, what, base, attack }) => {
    const bytes = await sealed(base ?? usualBase);
    expect((await people.site.judge(bytes)).decision.verdict).toBe("verified");
    const judged = await people.site.judge(await attack({ bytes, object: await parse(bytes), sibling }));
    expect(outcomeOf(judged)).toEqual(expectationOf(scenario, what));
    // Labelled (15, 24) or not, nothing of this is delivered where objects have to be proven.
    expect(judged.decision.disposition).toBe("held");
  });

  it.each(markedCases)("scenario $scenario: $what", async ({ scenario, what, attack }) => {
    const bytes = await people.site.sealMarked(corpusBytes(usualBase));
    const judged = await people.site.judge(await attack({ bytes, object: await parse(bytes), sibling }));
    expect(outcomeOf(judged)).toEqual(expectationOf(scenario, what));
    const regions = judged.decision.findings.flatMap(({ location }) => location.regions ?? []);
    expect(regions).toEqual([{ frame: 0, x0: 32, y0: 32, x1: 64, y1: 64 }]);
  });

  it.each(keyCases)("scenario $scenario: $what", async ({ scenario, what, attack }) => {
    const judged = await people.site.judge(await attack(people));
    expect(outcomeOf(judged)).toEqual(expectationOf(scenario, what));
    expect(judged.decision.disposition).toBe("held");
  });

  it("known misses: a fake made before sealing, and one sealed with a stolen key, are verified", async () => {
    const fake = corpusBytes("tampered/generated/ct-nodule-removed-117.dcm");
    const { decision } = await people.site.judge(await people.site.seal(fake, [], people.devices.good));
    expect(decision.verdict).toBe("verified");
    expect(decision.assurance).toBe("in-device");
  });

  it("covers every row of HOSTILE.tsv and TAMPERED.tsv", () => {
    const hostile = new Set(expected.hostile.map(({ file }) => file));
    expect(corpusTable("HOSTILE.tsv").filter(({ file }) => !hostile.has(file!))).toEqual([]);
    expect(expected.tampered.map(({ file }) => file)).toEqual(tamperedRows().map(({ file }) => file));
  });

  it.each(tamperedRows())("TAMPERED.tsv $file", async (row) => {
    const judged = await people.site.judge(await sealedAndTampered(people.site, row));
    const wanted = expected.tampered.find(({ file }) => file === row.file);
    expect(outcomeOf(judged)).toEqual(outcomeFields(wanted ?? {}));
    if (row.class === "malicious") expect(judged.decision.verdict).toBe("altered");
    if (row.class === "benign") expect(judged.decision.verdict).toBe("verified");
  });

  it.each(expected.hostile)("HOSTILE.tsv $file: $verdict", async ({ file, verdict, code, ...row }) => {
    const { decision } = await people.site.judge(corpusBytes(file));
    expect(decision.verdict).toBe(verdict);
    const codes = [...new Set(decision.findings.map((finding) => finding.code))];
    const findings = "findings" in row ? (row.findings ?? []) : [];
    if (code !== "accepted") expect(codes).toEqual([code]);
    else expect(codes.filter((one) => one !== "seal-missing")).toEqual(findings);
  });
});
