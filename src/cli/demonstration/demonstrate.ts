/** Seals files, forges one of them, rewrites it harmlessly, judges everything, prints a table and writes the page. */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readDicom } from "../../dicom/read.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { enrolLocally } from "../../keys/custody/local-enrolment.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import { withFile } from "../../site/file-input.ts";
import { createHome, type SiteHome } from "../../site/home.ts";
import { OutputFolder } from "../../site/output-folder.ts";
import { type SealedFile, sealFile } from "../../site/sealing-run.ts";
import { FileVerifier } from "../../site/verification.ts";
import { packageVersion } from "../package-version.ts";
import { reportProblem } from "../problem.ts";
import { paletteFor } from "../terminal/palette.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";
import { type Judged, verdictTable } from "../verdict-report.ts";
import { exhibitOf, forge, forgeriesOf } from "./exhibits.ts";
import { renderDemoPage } from "./page/demo-page.ts";
import type { Exhibit, RoundTrip } from "./page/demo-report.ts";
import { roundTripsOf } from "./round-trips.ts";
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
  const { device, counter, seals } = await home.openDevice(deviceName);
  const decoder = new CodecPool();
  const ports = {
    crypto: nodeCrypto,
    random: nodeRandom,
    clock: systemClock,
    decoder,
    softwareVersion: packageVersion(),
  };
  const output = await OutputFolder.open(join(out, "sealed"));
  let next = counter.reserve(files.length).first;
  const run = { device, nextCounter: () => next++, ports, seals, output };
  const bar = new ProgressBar(process.stderr, systemClock, files.length);
  const sealed = new Map<string, SealedFile>();
  try {
    for (const [index, path] of files.entries()) {
      bar.show(index, "sealing");
      sealed.set(path, await sealFile(path, run));
    }
  } finally {
    bar.clear();
    await decoder.close();
  }
  return sealed;
}

/** @returns 0 when every verdict is the expected one, else 1 */
export async function demonstrate(demonstration: Demonstration): Promise<number> {
  const { out, subject, target } = demonstration;
  const home = await createHome(join(out, "site"), { name: "Scanseal demonstration" });
  await enrolLocally(await home.openAuthority(), home.deviceFolder(deviceName), {
    device: { name: deviceName, aeTitle: "DEMO", serialNumber: "PHANTOM-CT-1" },
    roles: ["capture"],
    passphrase: home.passphrase(),
    random: nodeRandom,
  });
  const sealed = await sealAll(demonstration, home);
  const verifier = new FileVerifier(home.trust(), { deep: true });
  try {
    const judged: Judged[] = [];
    for (const { path } of sealed.values())
      judged.push({ path, decision: (await verifier.verify(path)).decision });
    const targetPath = sealed.get(target)!.path;
    const forgeries = await judgeForgeries(demonstration, targetPath, verifier);
    const rewrites = await judgeRewrites(out, targetPath, verifier);
    const verified = judged.filter(({ decision }) => decision.verdict === "verified").length;
    const page = renderDemoPage({
      title: demonstration.title,
      subject,
      generatedAt: new Date(systemClock.now()).toISOString().slice(0, 16).replace("T", " "),
      device: deviceName,
      assurance: "in-device, since capture",
      sealedObjects: judged.length,
      verifiedObjects: verified,
      exhibits: forgeries.exhibits,
      roundTrips: rewrites.roundTrips,
    });
    await writeFile(join(out, "index.html"), page);
    print(judged.length, verified, [...forgeries.judged, ...rewrites.judged], join(out, "index.html"));
    const caught = forgeries.judged.every(({ decision }) => decision.disposition === "held");
    const quiet = rewrites.judged.every(({ decision }) => decision.disposition === "delivered");
    if (caught && quiet && verified === judged.length) return 0;
    reportProblem("a verdict is not the one that was expected: see the table");
    return 1;
  } finally {
    await verifier.close();
  }
}

async function judgeForgeries(
  { out, spot }: Demonstration,
  path: string,
  verifier: FileVerifier,
): Promise<{ exhibits: Exhibit[]; judged: Judged[] }> {
  return withFile(path, async (source) => {
    const object = await readDicom(source);
    const image = await TargetImage.of(object, spot);
    const exhibits: Exhibit[] = [];
    const judged: Judged[] = [];
    for (const forgery of await forgeriesOf(object, image, spot.name)) {
      const file = join(out, "forged", `${forgery.name}.dcm`);
      const bytes = await forge(object, forgery);
      await writeFile(file, bytes);
      const { decision } = await verifier.verify(file);
      exhibits.push(await exhibitOf(forgery, object, bytes, image, decision));
      judged.push({ path: file, decision });
    }
    return { exhibits, judged };
  });
}

async function judgeRewrites(
  out: string,
  path: string,
  verifier: FileVerifier,
): Promise<{ roundTrips: RoundTrip[]; judged: Judged[] }> {
  const folder = join(out, "rewritten");
  const rewritten = await withFile(path, async (source) =>
    roundTripsOf(await readDicom(source), path, folder),
  );
  const roundTrips: RoundTrip[] = [];
  const judged: Judged[] = [];
  for (const { name, operation, note } of rewritten) {
    const file = join(folder, `${name}.dcm`);
    const { decision } = await verifier.verify(file);
    roundTrips.push({ operation, note, verdict: decision.verdict });
    judged.push({ path: file, decision });
  }
  return { roundTrips, judged };
}

function print(sealed: number, verified: number, judged: readonly Judged[], page: string): void {
  const lines = [
    `${sealed} ${sealed === 1 ? "object" : "objects"} sealed; unchanged, ${verified} of ${sealed} verified.`,
    "",
    ...verdictTable(judged, paletteFor(process.stdout, process.env), process.stdout.columns),
    "",
    `Side by side, offline: open ${page}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
