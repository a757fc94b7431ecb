/**
 * What the index costs the gate: the same CT slices sent to a gate without and with an index, until all are judged, and indexed.
 * `npx node bench/index-admission.ts [slices] [rounds]`; Linux; needs `npm run build`
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { plainTextOf } from "../src/dicom/elements.ts";
import { readDicom } from "../src/dicom/read.ts";
import { tags } from "../src/dicom/tags.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { openSqliteIndexedJournal } from "../src/store/index/indexed-journal.ts";
import { freePorts } from "../test/cli/gateway-run.ts";
import { sendAll } from "../test/gateway/network.ts";
import { projectRoot } from "../test/peers.ts";

const slices = Number(process.argv[2] ?? 300);
const rounds = Number(process.argv[3] ?? 3);
const bin = join(projectRoot, "dist/cli/bin.js");
const slice = readFileSync(join(projectRoot, "../shared/corpus/ct-series/lidc-0314-nodule/inst104.dcm"));

/** Each under a UID of its own, of the same length. */
async function copies(): Promise<Uint8Array[]> {
  const { elements } = await readDicom(new MemorySource(slice));
  const uid = plainTextOf(elements, tags.sopInstanceUid)!;
  const text = slice.toString("latin1");
  return Array.from({ length: slices }, (_, n) =>
    Buffer.from(text.replaceAll(uid, `${uid.slice(0, -6)}${100_000 + n}`), "latin1"),
  );
}

interface Round {
  readonly acknowledged: number;
  readonly done: number;
  readonly cpu: number;
}

/** In seconds, of the process and its threads. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function oneRound(index: boolean, files: readonly Uint8Array[]): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-bench-admission-"));
  const ports = await freePorts();
  const start = async () => {
    const args = [bin, "start", "--port", String(ports.dicom), "--http-port", String(ports.http)];
    const isNew = !readable(join(folder, "scanseal-data/gateway.yaml"));
    const child = spawn(process.execPath, isNew ? args : [bin, "start"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    await new Promise<void>((resolve) => {
      child.stdout.on("data", (chunk: Buffer) => {
        output += output.length < 10_000 ? String(chunk) : "";
        if (output.includes("One line for each object")) resolve();
      });
    });
    return child;
  };
  let child = await start();
  try {
    if (index) {
      const path = join(folder, "scanseal-data/gateway.yaml");
      child.kill("SIGTERM");
      await once(child, "exit");
      writeFileSync(path, `index: true\n${readFileSync(path, "utf8")}`);
      child = await start();
    }
    const { journal, index: known } = await openSqliteIndexedJournal(
      join(folder, "scanseal-data/gateway/journal.sqlite"),
    );
    const cpu = cpuOf(child.pid!);
    const began = performance.now();
    await sendAll(ports.dicom, files, { calledAeTitle: "SCANSEAL" });
    const acknowledged = (performance.now() - began) / 1_000;
    for (;;) {
      const { objects } = await journal.counts();
      const { instances } = await known.counts();
      if (objects.admitted === slices && (!index || instances === slices)) break;
      await pause(50);
    }
    const done = (performance.now() - began) / 1_000;
    const used = cpuOf(child.pid!) - cpu;
    await journal.close();
    return { acknowledged: slices / acknowledged, done: slices / done, cpu: (used * 1_000) / slices };
  } finally {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
}

function readable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

const files = await copies();
const found: Record<string, Round[]> = { without: [], with: [] };
for (let round = 0; round < rounds; round++) {
  found.without!.push(await oneRound(false, files));
  found.with!.push(await oneRound(true, files));
}
const middle = (list: readonly Round[], of: keyof Round): string =>
  list
    .map((round) => round[of])
    .toSorted((a, b) => a - b)
    [list.length >> 1]!.toFixed(of === "cpu" ? 2 : 0);
console.log(
  `${slices} CT slices of ${(slice.length / 1e6).toFixed(2)} MB, one association, medians of ${rounds}, load average ${loadavg()[0]!.toFixed(1)}\n`,
);
console.log("| index | acknowledged/s | judged (and indexed)/s | CPU ms per object |");
console.log("| --- | ---: | ---: | ---: |");
for (const [name, list] of Object.entries(found))
  console.log(
    `| ${name} | ${middle(list, "acknowledged")} | ${middle(list, "done")} | ${middle(list, "cpu")} |`,
  );
