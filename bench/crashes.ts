/**
 * Kills at random points of transfers of 200 objects, and what became of what was acknowledged.
 *
 *   node bench/crashes.ts                        100 kills of each target on each journal
 *   node bench/crashes.ts gateway-sqlite ...     some of them
 *   node bench/crashes.ts hospital-sqlite hospital-postgres    100 kills on each of whatever there is, with readers at every door and Orthanc
 *   SCANSEAL_CRASH_KILLS=20 SCANSEAL_CRASH_SEED=7 node bench/crashes.ts
 *
 * Needs `npm run build`; prints a Markdown table. SCANSEAL_KEEP=1 keeps the folders of runs in which something was wrong.
 */
import { SeededRandom } from "../test/evaluation/seeded-random.ts";
import { makeSealedSite } from "../test/gateway/sealed-site.ts";
import { makeLoad } from "../test/simulation/crash-objects.ts";
import { type CrashOutcome, type CrashTarget, crashTransfer, isWhole } from "../test/simulation/crash-run.ts";
import { programs } from "../test/simulation/crash-site.ts";
import { doors } from "../test/simulation/hospital-readers.ts";
import { type HospitalOutcome, hospitalTargets, hospitalTransfer } from "../test/simulation/hospital-run.ts";
import { type PostgresCluster, startPostgresCluster } from "../test/store/postgres-cluster.ts";

const kills: number = Number(process.env.SCANSEAL_CRASH_KILLS ?? 100);
const seed: string = process.env.SCANSEAL_CRASH_SEED ?? "1";
const objects = 200;
/** Up to so many in one transfer, the recovery from the one before included. */
const killsAtOnce: Readonly<Record<CrashTarget, number>> = {
  gateway: 8,
  worker: 16,
  archive: 12,
  postgres: 8,
};

interface Series {
  readonly target: CrashTarget;
  readonly journal: "sqlite" | "postgres";
}

const all: readonly Series[] = [
  { target: "gateway", journal: "sqlite" },
  { target: "gateway", journal: "postgres" },
  { target: "worker", journal: "sqlite" },
  { target: "worker", journal: "postgres" },
  { target: "archive", journal: "sqlite" },
  { target: "archive", journal: "postgres" },
  { target: "postgres", journal: "postgres" },
];
const nameOf = ({ target, journal }: Series): string => `${target}-${journal}`;
const asked = process.argv.slice(2);
const series = all.filter((one) => asked.length === 0 || asked.includes(nameOf(one)));
const hospitals = (["sqlite", "postgres"] as const).filter((one) => asked.includes(`hospital-${one}`));

const site = await makeSealedSite();
const load = await makeLoad(site, objects, new SeededRandom("crash load", seed));
let cluster: PostgresCluster | undefined;
if (hospitals.includes("postgres") || series.some(({ journal }) => journal === "postgres"))
  cluster = await startPostgresCluster();

async function run({ target, journal }: Series): Promise<CrashOutcome[]> {
  const outcomes: CrashOutcome[] = [];
  for (let left = kills, i = 0; left > 0; i++) {
    const random = new SeededRandom("crash", seed, target, journal, i);
    const now = Math.min(left, 1 + random.below(killsAtOnce[target]));
    left -= now;
    const outcome = await crashTransfer(
      site,
      load,
      {
        program: programs.built,
        target,
        kills: now,
        lines: 1 + random.below(4),
        hasArchive: target === "archive" || random.next() < 0.5,
        ...(journal === "postgres"
          ? { postgresUrl: await cluster!.createDatabase(), cluster: cluster! }
          : {}),
      },
      random,
    );
    outcomes.push(outcome);
    const { acknowledged, faults, refusals } = outcome;
    const told = isWhole(outcome) ? "whole" : JSON.stringify(outcome);
    process.stderr.write(`${target} ${journal} ${i}: ${now} kills, ${acknowledged} acknowledged, ${told}\n`);
    if (refusals.length > 0) process.stderr.write(`  refused: ${refusals.length}\n`);
    for (const fault of faults) process.stderr.write(`  ${fault}\n`);
  }
  return outcomes;
}

/** In one transfer of a hospital. */
const hospitalKillsAtOnce = { least: 8, most: 16 };
const hospitalObjects = 100;

async function runHospital(journal: Series["journal"]): Promise<HospitalOutcome[]> {
  const { least, most } = hospitalKillsAtOnce;
  const outcomes: HospitalOutcome[] = [];
  for (let left = kills, i = 0; left > 0; i++) {
    const random = new SeededRandom("hospital", seed, journal, i);
    const now = Math.min(left, least + random.below(most - least + 1));
    left -= now;
    const outcome = await hospitalTransfer(
      site,
      load.slice(0, hospitalObjects),
      {
        program: programs.built,
        kills: now,
        hasArchive: random.next() < 0.8,
        readers: random.next() < 0.5 ? "dimse" : "dicomweb",
        ...(journal === "postgres"
          ? { postgresUrl: await cluster!.createDatabase(), cluster: cluster! }
          : {}),
      },
      random,
    );
    outcomes.push(outcome);
    const { acknowledged, faults, reads } = outcome;
    const told = `${acknowledged} acknowledged, ${reads.objects} objects read, ${reads.notices} notices, ${reads.brokenOff} broken off`;
    process.stderr.write(`hospital ${journal} ${i}: ${JSON.stringify(outcome.kills)}, ${told}\n`);
    for (const fault of faults) process.stderr.write(`  ${fault}\n`);
    if (!isWhole(outcome))
      process.stderr.write(`  ${JSON.stringify({ ...outcome, faults: faults.length })}\n`);
  }
  return outcomes;
}

const sumOf = <T>(all: readonly T[], of: (one: T) => number): number =>
  all.reduce((sum, one) => sum + of(one), 0);

function hospitalLines(journal: string, all: readonly HospitalOutcome[]): string[] {
  const row = (name: string, of: (one: HospitalOutcome) => number): string =>
    `| ${name} | ${sumOf(all, of)} |`;
  return [
    `| ${journal}, seed ${seed}, ${all.length} transfers | |`,
    "| --- | ---: |",
    ...hospitalTargets.map((target) => row(`kills: ${target}`, ({ kills: of }) => of[target])),
    row("objects acknowledged (different ones: owed)", ({ acknowledged }) => acknowledged),
    row("owed", ({ owed }) => owed),
    row("sent again, unanswered or refused before", ({ resent }) => resent),
    row("in quarantine", ({ inQuarantine }) => inQuarantine),
    row("in the archive", ({ inArchive }) => inArchive),
    row("in the embedded store, where that is the archive", ({ inStore }) => inStore),
    ...doors.map((door) => row(`answered: ${door}`, ({ reads }) => reads.answered[door])),
    row("readers' questions broken off", ({ reads }) => reads.brokenOff),
    row("objects given to readers, each compared", ({ reads }) => reads.objects),
    row("notices given to readers", ({ reads }) => reads.notices),
    row("requests for commitment, each answered", ({ commitments }) => commitments.asked),
    row("instances told as committed, each there", ({ commitments }) => commitments.committed),
    row("instances told as not committed", ({ commitments }) => commitments.failed),
    row("held without a verdict (examination killed again and again)", ({ unchecked }) => unchecked),
    row("lost", ({ lost }) => lost),
    row("twice with effect", ({ duplicates }) => duplicates),
    row("delivered unverified", ({ unverified }) => unverified),
    row("false alarms", ({ falseAlarms }) => falseAlarms),
    row("faults of any kind, readers' included", ({ faults }) => faults.length),
  ];
}

const columns = [
  "kills",
  "acknowledged",
  "owed",
  "inQuarantine",
  "inStore",
  "inArchive",
  "lost",
  "duplicates",
  "unverified",
  "unchecked",
  "deliveredAgain",
] as const;

let isAllWhole = true;
const lines: string[] = [
  `| killed | journal | transfers | ${columns.join(" | ")} | faults |`,
  `| --- | --- | ${columns.map(() => "---:").join(" | ")} | ---: | ---: |`,
];
try {
  for (const one of series) {
    const outcomes = await run(one);
    isAllWhole &&= outcomes.every(isWhole);
    const sums = columns.map((column) => outcomes.reduce((sum, outcome) => sum + outcome[column], 0));
    const faults = outcomes.reduce((sum, outcome) => sum + outcome.faults.length, 0);
    lines.push(`| ${one.target} | ${one.journal} | ${outcomes.length} | ${sums.join(" | ")} | ${faults} |`);
    process.stdout.write(`${lines.at(-1)}\n`);
  }
  if (series.length > 0) process.stdout.write(`\n${lines.join("\n")}\n`);
  for (const journal of hospitals) {
    const outcomes = await runHospital(journal);
    isAllWhole &&= outcomes.every(isWhole);
    process.stdout.write(`\n${hospitalLines(journal, outcomes).join("\n")}\n`);
  }
} finally {
  await cluster?.stop();
  site.remove();
}
process.exitCode = isAllWhole ? 0 : 1;
