/**
 * `scanseal sweep` of an Orthanc, beside the same objects fetched and not looked at: WADO-RS, four at once, and getscu.
 *
 *   npx node bench/sweep.ts [slices] [rounds]      400 and 3; needs `npm run build`, the corpus, Orthanc with its DICOMweb plug-in and getscu
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { plainTextOf } from "../src/dicom/elements.ts";
import { readDicom } from "../src/dicom/read.ts";
import { tags } from "../src/dicom/tags.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { multipartOf } from "../test/gateway/web-request.ts";
import { DimsePeers } from "../test/interop/dimse-peers.ts";
import { peerPath } from "../test/peers.ts";
import { benchSite } from "./bench-site.ts";
import { makeSlices } from "./gateway-slices.ts";
import { program } from "./processes.ts";
import { asKept, connections, get, post, WebGate } from "./web-gate.ts";

const slices = Number(process.argv[2] ?? 400);
const rounds = Number(process.argv[3] ?? 3);
const host = "127.0.0.1";

const peers = new DimsePeers();
const archive = await peers.orthanc("archive", {
  Plugins: [peerPath("orthanc-dicomweb")],
  DicomWeb: { Enable: true, Root: "/dicom-web/" },
  DicomAlwaysAllowFind: true,
  DicomAlwaysAllowGet: true,
});
const gate = await WebGate.start({ archive });
const { paths, bytes } = await makeSlices(slices);
for (const path of paths) await post(gate.port, multipartOf([new Uint8Array(readFileSync(path))]));
await gate.until("delivered", slices);
const names = await Promise.all(paths.map(nameOf));
const studies = [...new Set(names.map(({ study }) => study))];
gate.close();

const site = await benchSite();
const config = join(site.folder, "web-gate", "gateway.yaml");
const got = join(site.folder, "got");
const ways: Readonly<Record<string, () => unknown>> = {
  "WADO-RS, 4 at once, not looked at": fetched,
  "scanseal sweep, DICOMweb": () => swept(),
  "getscu, not looked at": gotten,
  "scanseal sweep, DIMSE": () => swept("--archive", `ORTHANC@${host}:${archive.dicom}`),
};
const times = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
for (let round = 0; round < rounds; round++)
  for (const [name, run] of Object.entries(ways)) {
    const start = performance.now();
    await run();
    times.get(name)!.push(performance.now() - start);
  }
await peers.close();

const mib = (bytes / slices / 2 ** 20).toFixed(2);
print(
  `${slices} sealed CT slices of ${mib} MiB in Orthanc, whole processes, medians of ${rounds} rounds in turns\n`,
);
print("| | s | objects/s | of its fetch alone |\n| --- | ---: | ---: | ---: |");
const [web = 0, webSweep = 0, dimse = 0, dimseSweep = 0] = [...times.values()].map(median);
for (const [i, ms] of [web, webSweep, dimse, dimseSweep].entries()) {
  const name = [...times.keys()][i];
  const ratio = (i < 2 ? web : dimse) / ms;
  print(
    `| ${name} | ${(ms / 1000).toFixed(2)} | ${((slices * 1000) / ms).toFixed(0)} | ${ratio.toFixed(2)} |`,
  );
}

function swept(...archiveOptions: readonly string[]): void {
  const options = ["sweep", "--config", config, "--again", ...archiveOptions];
  const said = execFileSync(process.execPath, [program, ...options], { encoding: "utf8" });
  if (!said.includes(`${slices} verified`)) throw new Error(said);
}

/** What is there is asked for first, as by whoever walks an archive. */
async function fetched(): Promise<void> {
  for (const study of studies) await get(archive.http, `/studies/${study}/instances?limit=${slices}`, {});
  const left = [...names];
  const lane = async (): Promise<void> => {
    for (let name = left.pop(); name; name = left.pop()) await get(archive.http, name.at, asKept);
  };
  await Promise.all(Array.from({ length: connections }, lane));
}

function gotten(): void {
  for (const study of studies) {
    rmSync(got, { recursive: true, force: true });
    mkdirSync(got);
    const keys = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", `StudyInstanceUID=${study}`];
    const { status } = spawnSync(
      peerPath("getscu"),
      ["-aec", "ORTHANC", ...keys, "+B", "-od", got, host, `${archive.dicom}`],
      { env: { ...process.env, TCP_NODELAY: "1" } },
    );
    if (status !== 0) throw new Error("getscu failed");
  }
}

async function nameOf(path: string): Promise<{ readonly study: string; readonly at: string }> {
  const { elements } = await readDicom(new MemorySource(new Uint8Array(readFileSync(path))));
  const uid = (tag: number): string => plainTextOf(elements, tag)!;
  const study = uid(tags.studyInstanceUid);
  const series = `/studies/${study}/series/${uid(tags.seriesInstanceUid)}`;
  return { study, at: `${series}/instances/${uid(tags.sopInstanceUid)}` };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
