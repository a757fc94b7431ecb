/** Seals files, forges one of them, rewrites it harmlessly, sends everything through a live gate, prints what it decided and writes the page. */
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readDicom } from "../../dicom/read.ts";
import { readChunks } from "../../foundation/byte-source.ts";
import { toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { enrolLocally } from "../../keys/custody/local-enrolment.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import { openDeviceSealing } from "../../site/device-sealing.ts";
import { withFile } from "../../site/file-input.ts";
import { createHome, type SiteHome } from "../../site/home.ts";
import { OutputFolder } from "../../site/output-folder.ts";
import { type SealedFile, sealFile } from "../../site/sealing-run.ts";
import type { Decision, Finding, Verdict } from "../../zero-trust/policy/verdict.ts";
import { packageVersion } from "../package-version.ts";
import { reportProblem } from "../problem.ts";
import { paletteFor } from "../terminal/palette.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";
import { exhibitOf, type Forgery, forge, forgeriesOf } from "./exhibits.ts";
import { type Attempt, gateReport } from "./gate-report.ts";
import { type GateOutcome, LiveGate } from "./live-gate.ts";
import { renderDemoPage } from "./page/demo-page.ts";
import type { DemoReport, Exhibit, GateAnswer } from "./page/demo-report.ts";
import { type Rewritten, roundTripsOf } from "./round-trips.ts";
import { type Spot, TargetImage } from "./target-image.ts";

export interface Demonstration {
  readonly title: string;
  readonly subject: string;
  /** Files to seal; they are only read. */
  readonly files: readonly string[];
  /** Which of them is forged, and what is erased in it. */
  readonly target: string;
  readonly spot: Spot & { readonly name: string };
  readonly out: string;
}

const deviceName = "demo-device";
const ownFolders = ["site", "sealed", "forged", "rewritten"] as const;

/** Says that the folder is a demonstration's: nothing is removed from one without it. */
const markerName = ".scanseal-demonstration";

/**
 * Empties what an earlier demonstration left. Anything else in the folder is somebody's, whatever its name.
 * @throws ScansealError `usage`
 */
export async function prepareFolder(out: string, extra: readonly string[] = []): Promise<void> {
  await mkdir(out, { recursive: true });
  const known = new Set<string>([...ownFolders, ...extra, "index.html", markerName]);
  const found = await readdir(out);
  const isOurs = found.includes(markerName) && found.every((name) => known.has(name));
  if (found.length > 0 && !isOurs)
    throw new ScansealError("usage", `${out} holds other files: choose an empty folder with --out`);
  for (const name of known)
    if (name !== markerName) await rm(join(out, name), { recursive: true, force: true });
  await writeFile(join(out, markerName), "");
  for (const name of ["forged", "rewritten"]) await mkdir(join(out, name));
}

async function sealAll({ files, out }: Demonstration, home: SiteHome): Promise<Map<string, SealedFile>> {
  const sealing = await openDeviceSealing(home, deviceName, { softwareVersion: packageVersion() });
  const { device, counter, seals, ports, provenance } = sealing;
  const output = await OutputFolder.open(join(out, "sealed"));
  let next = counter.reserve(files.length).first;
  const run = { device, nextCounter: () => next++, ports, seals, provenance, output };
  const bar = new ProgressBar(process.stderr, systemClock, files.length);
  const sealed = new Map<string, SealedFile>();
  try {
    for (const [index, path] of files.entries()) {
      bar.show(index, "sealing");
      sealed.set(path, await sealFile(path, run));
    }
  } finally {
    bar.clear();
    await sealing.close();
  }
  return sealed;
}

/** @returns 0 when the gate decided everything as it should, and the archive has what was sealed and nothing else; otherwise 1 */
export async function demonstrate(demonstration: Demonstration): Promise<number> {
  const { out, target, title, subject } = demonstration;
  const home = await createHome(join(out, "site"), { name: "Scanseal demonstration" });
  await enrolLocally(await home.openAuthority(), home.deviceFolder(deviceName), {
    device: { name: deviceName, aeTitle: "DEMO", serialNumber: "PHANTOM-CT-1" },
    roles: ["capture"],
    passphrase: home.passphrase(),
    random: nodeRandom,
  });
  const sealed = await sealAll(demonstration, home);
  const made = await withFile(sealed.get(target)!.path, async (source) => {
    const object = await readDicom(source);
    const image = await TargetImage.of(object, demonstration.spot);
    const forgeries = await forgeriesOf(object, image, demonstration.spot.name);
    for (const forgery of forgeries) await writeFile(forgedPath(out, forgery), await forge(object, forgery));
    const rewrites = await roundTripsOf(object, sealed.get(target)!.path, join(out, "rewritten"));
    const paths = {
      sealed: [...sealed.values()].map(({ path }) => path),
      forged: forgeries.map((forgery) => forgedPath(out, forgery)),
      rewritten: rewrites.map((rewritten) => rewrittenPath(out, rewritten)),
    };
    const run = await runThroughGate(join(out, "site"), paths);
    const exhibits: Exhibit[] = [];
    for (const [i, forgery] of forgeries.entries()) {
      const { answer, decision } = run.forged[i]!;
      const shown = await withFile(paths.forged[i]!, async (file) =>
        exhibitOf(forgery, object, await readDicom(file), image, decision),
      );
      exhibits.push({ ...shown, answer });
    }
    return { ...run, forgeries, rewrites, exhibits };
  });
  const page = join(out, "index.html");
  const report: DemoReport = {
    title,
    subject,
    generatedAt: new Date(systemClock.now()).toISOString().slice(0, 16).replace("T", " "),
    device: deviceName,
    assurance: "in-device, since capture",
    gate: made.traffic,
    exhibits: made.exhibits,
    roundTrips: made.rewrites.map(({ operation, note }, i) => {
      const { answer, decision } = made.rewritten[i]!;
      return { operation, note, answer, verdict: decision.verdict };
    }),
  };
  await writeFile(page, renderDemoPage(report));
  const named = {
    sealed: made.sealed,
    forged: made.forged.map((attempt, i) => ({ ...attempt, what: made.forgeries[i]!.title })),
    rewritten: made.rewritten.map((attempt, i) => ({ ...attempt, what: made.rewrites[i]!.operation })),
  };
  const place = { page, site: join(out, "site") };
  const palette = paletteFor(process.stdout, process.env);
  const lines = gateReport(report, named, place, { palette, width: process.stdout.columns });
  process.stdout.write(`${lines.join("\n")}\n`);
  return isAsItShouldBe(made) ? 0 : 1;
}

function forgedPath(out: string, { name }: Forgery): string {
  return join(out, "forged", `${name}.dcm`);
}

function rewrittenPath(out: string, { name }: Rewritten): string {
  return join(out, "rewritten", `${name}.dcm`);
}

interface Paths {
  readonly sealed: readonly string[];
  readonly forged: readonly string[];
  readonly rewritten: readonly string[];
}

interface GateRun {
  readonly sealed: readonly Attempt[];
  readonly forged: readonly Attempt[];
  readonly rewritten: readonly Attempt[];
  readonly traffic: DemoReport["gate"];
}

/** The series first: what comes after is judged against what the archive has. */
async function runThroughGate(site: string, paths: Paths): Promise<GateRun> {
  const afterwards = [...paths.forged, ...paths.rewritten];
  const all = [...paths.sealed, ...afterwards];
  let bytes = 0;
  for (const path of all) bytes += (await stat(path)).size;
  const bar = new ProgressBar(process.stderr, systemClock, all.length);
  bar.show(0, "opening the gate");
  const gate = await LiveGate.open(site, deviceName, bytes);
  let sent = 0;
  const step = (): void => bar.show(++sent, "sent through the gate");
  try {
    const series = await gate.send(paths.sealed, step);
    const others = await gate.send(afterwards, step);
    const attempts = [...series, ...others].map(attemptOf);
    const count = (answer: GateAnswer): number => attempts.filter((one) => one.answer === answer).length;
    const { received } = gate.archive;
    const forgedFrom = series.length;
    const rewrittenFrom = forgedFrom + paths.forged.length;
    return {
      sealed: attempts.slice(0, forgedFrom),
      forged: attempts.slice(forgedFrom, rewrittenFrom),
      rewritten: attempts.slice(rewrittenFrom),
      traffic: {
        address: gate.address,
        sent: attempts.length,
        passed: count("passed"),
        held: count("held"),
        hereAlready: count("here already"),
        arrived: received.length,
        asSealed: await asSealed(series, received),
      },
    };
  } finally {
    bar.clear();
    await gate.close();
  }
}

/** How many of the sealed objects the archive has once, byte for byte. */
async function asSealed(
  series: readonly GateOutcome[],
  received: LiveGate["archive"]["received"],
): Promise<number> {
  let count = 0;
  for (const { file } of series) {
    const digest = await withFile(file.path, async (source) => {
      const hash = nodeCrypto.createHash("SHA-256");
      for await (const piece of readChunks(source, file.dataSetOffset, source.size - file.dataSetOffset))
        hash.update(piece);
      return toHex(hash.digest());
    });
    const found = received.filter(({ sopInstanceUid }) => sopInstanceUid === file.sopInstanceUid);
    if (found.length === 1 && found[0]?.digest === digest) count++;
  }
  return count;
}

const answers: Readonly<Record<string, GateAnswer>> = {
  admitted: "passed",
  resent: "here already",
  held: "held",
};

/** The journal has what the policy of this process wrote. */
function attemptOf({ object }: GateOutcome): Attempt {
  const decision: Decision = {
    verdict: object.verdict as Verdict,
    disposition: object.disposition ?? "held",
    assurance: object.assurance as Decision["assurance"],
    findings: object.findings as readonly Finding[],
  };
  return { answer: answers[object.state] ?? "held", decision };
}

function isAsItShouldBe({ sealed, forged, rewritten, traffic }: GateRun): boolean {
  const { arrived, asSealed: unchanged } = traffic;
  const problems = [
    sealed.every(({ answer }) => answer === "passed") ? "" : "a sealed object did not pass",
    forged.every(({ answer }) => answer === "held") ? "" : "a forgery was not held",
    rewritten.every(({ answer }) => answer !== "held") ? "" : "a harmless change was held",
    unchanged === sealed.length && arrived === unchanged
      ? ""
      : "the archive has other objects than were sealed",
  ].filter((problem) => problem !== "");
  for (const problem of problems) reportProblem(`${problem}: see the table`);
  return problems.length === 0;
}
