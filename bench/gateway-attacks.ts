/**
 * Every attack through a gate in each mode: `node bench/gateway-attacks.ts`. Prints case, and for each mode verdict, disposition and whether
 * the archive got it; then the counts. Ends with status 1 where one came out otherwise than expected. With the corpus, its cases too.
 */
import { plainTextOf } from "../src/dicom/elements.ts";
import { tags } from "../src/dicom/tags.ts";
import type { Mode } from "../src/zero-trust/policy/decide.ts";
import { hostileGateCases, scenarioCorpusCases, tamperedGateCases } from "../test/attacks/corpus-cases.ts";
import {
  ChangingTrust,
  expectedOutcome,
  type GateCase,
  runCases,
  toldOutcome,
  workersFor,
} from "../test/attacks/gate-run.ts";
import {
  type AttackedSite,
  attackedSite,
  keyGateCases,
  networkGateCases,
  noduleGateCases,
  scenarioGateCases,
} from "../test/attacks/phantom-cases.ts";
import { corpusBytes } from "../test/evaluation/corpus-files.ts";
import { parse } from "../test/evaluation/fixture.ts";
import { enrolledBase } from "../test/evaluation/scenario-cases.ts";
import { peer } from "../test/peers.ts";

const modes: readonly Mode[] = ["observe", "warn", "enforce"];
type Maker = (attacked: AttackedSite) => Promise<readonly GateCase[]>;

async function runAll(title: string, attacked: AttackedSite, makers: readonly Maker[]): Promise<number> {
  const examiner = workersFor(new ChangingTrust(attacked.authority, Object.values(attacked.devices)));
  await examiner.start();
  const cases = (await Promise.all(makers.map((make) => make(attacked)))).flat();
  const outcomes = new Map<Mode, readonly string[]>();
  for (const mode of modes) outcomes.set(mode, (await runCases(cases, mode, examiner)).map(toldOutcome));
  await examiner.close();
  await attacked.site.close();
  console.log(`\n${title}: ${cases.length} cases\n\ncase\t${modes.join("\t")}`);
  let wrong = 0;
  const counts = new Map<string, number>();
  for (const [i, one] of cases.entries()) {
    const told = modes.map((mode) => outcomes.get(mode)![i]!);
    const isRight = modes.every((mode, k) => told[k] === expectedOutcome(one, mode, "C-STORE"));
    if (!isRight) wrong++;
    console.log([one.name, ...told, ...(isRight ? [] : ["UNEXPECTED"])].join("\t"));
    for (const [k, mode] of modes.entries()) {
      const key = `${mode}\t${told[k]}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  console.log(`\n${title}, counts`);
  for (const [key, count] of [...counts].sort()) console.log(`${key}\t${count}`);
  return wrong;
}

let wrong = await runAll("generated slices", attackedSite(), [
  noduleGateCases,
  scenarioGateCases,
  keyGateCases,
  networkGateCases,
]);
if (peer("corpus") !== undefined) {
  const { elements } = await parse(corpusBytes(enrolledBase));
  const attacked = attackedSite(plainTextOf(elements, tags.deviceSerialNumber));
  wrong += await runAll("corpus", attacked, [tamperedGateCases, scenarioCorpusCases, hostileGateCases]);
}
process.exitCode = wrong === 0 ? 0 : 1;
