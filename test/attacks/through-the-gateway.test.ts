/** Every attack, through a gate in each mode: the right verdict, and in the archive only what the mode lets pass. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { tolerableCodes } from "../../src/dicom/read.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { WorkerExaminer } from "../../src/site/gateway/examiner.ts";
import type { Mode } from "../../src/zero-trust/policy/decide.ts";
import { corpusBytes } from "../evaluation/corpus-files.ts";
import { parse } from "../evaluation/fixture.ts";
import { enrolledBase } from "../evaluation/scenario-cases.ts";
import { describePeer } from "../peers.ts";
import { hostileGateCases, scenarioCorpusCases, tamperedGateCases } from "./corpus-cases.ts";
import {
  ChangingTrust,
  type Door,
  expectedOutcome,
  type GateCase,
  isSameOver,
  runCases,
  toldOutcome,
  workersFor,
} from "./gate-run.ts";
import {
  type AttackedSite,
  attackedSite,
  keyGateCases,
  networkGateCases,
  noduleGateCases,
  scenarioGateCases,
} from "./phantom-cases.ts";

const ways: readonly (readonly [Mode, Door])[] = [
  ["observe", "C-STORE"],
  ["warn", "C-STORE"],
  ["enforce", "C-STORE"],
  ["enforce", "STOW-RS"],
];

async function expectOutcomes(
  cases: readonly GateCase[],
  [mode, door]: (typeof ways)[number],
  examiner: WorkerExaminer,
): Promise<void> {
  const outcomes = await runCases(cases, mode, examiner, { door });
  const told = outcomes.map((outcome) => `${outcome.name}: ${toldOutcome(outcome)}`);
  expect(told).toEqual(cases.map((one) => `${one.name}: ${expectedOutcome(one, mode, door)}`));
  const codes = outcomes.map(({ row }) => new Set(row?.findings.map(({ code }) => code)));
  const missing = cases.filter(
    (one, i) => one.code !== undefined && isSameOver(door, one) && !codes[i]!.has(one.code),
  );
  expect(missing.map(({ name, code }) => `${name}: ${code}`)).toEqual([]);
}

describePeer("corpus", "attacks on the corpus", () => {
  let attacked: AttackedSite;
  let examiner: WorkerExaminer;
  let cases: readonly GateCase[];
  beforeAll(async () => {
    const object = await parse(corpusBytes(enrolledBase));
    attacked = attackedSite(plainTextOf(object.elements, tags.deviceSerialNumber));
    examiner = workersFor(new ChangingTrust(attacked.authority, Object.values(attacked.devices)));
    await examiner.start();
    const made = [tamperedGateCases, scenarioCorpusCases, hostileGateCases];
    cases = (await Promise.all(made.map((make) => make(attacked)))).flat();
  });
  afterAll(async () => {
    await examiner.close();
    await attacked.site.close();
  });

  it.each(ways)("in mode %s over %s", async (...way) => {
    await expectOutcomes(cases, way, examiner);
  });
});

describe("attacks on generated slices", () => {
  let attacked: AttackedSite;
  let examiner: WorkerExaminer;
  let cases: readonly GateCase[];
  beforeAll(async () => {
    attacked = attackedSite();
    examiner = workersFor(new ChangingTrust(attacked.authority, Object.values(attacked.devices)));
    await examiner.start();
    const made = [noduleGateCases, scenarioGateCases, keyGateCases, networkGateCases];
    cases = (await Promise.all(made.map((make) => make(attacked)))).flat();
  });
  afterAll(async () => {
    await examiner.close();
    await attacked.site.close();
  });

  it.each(ways)("in mode %s over %s", async (...way) => {
    await expectOutcomes(cases, way, examiner);
  });

  it("a source that is allowed everything gets nothing else through but a byte behind the data set, reported", async () => {
    const outcomes = await runCases(cases, "enforce", examiner, {
      source: { tolerate: [...tolerableCodes] },
    });
    const passed = outcomes.filter(({ inArchive }) => inArchive);
    const behind = "one byte more";
    expect(new Set(passed.map(({ name }) => name))).toEqual(
      new Set([
        ...cases.filter(({ verdict }) => verdict.startsWith("verified")).map(({ name }) => name),
        behind,
      ]),
    );
    const reported = passed.find(({ name }) => name === behind)!.row!.findings;
    expect(reported.map(({ code }) => code)).toContain("tolerated");
  });
});
