/**
 * A gateway process whose data folder is a small file system of its own (tmpfs) that fills up while objects arrive and readers read, and empties
 * again.
 *
 *   sudo node bench/full-disk.ts
 *
 * Linux, and root: the file system is mounted in a mount namespace of this program's own, which goes with it. Needs `npm run build`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SeededRandom } from "../test/evaluation/seeded-random.ts";
import { makeSealedSite } from "../test/gateway/sealed-site.ts";
import { type CrashLoad, makeLoad } from "../test/simulation/crash-objects.ts";
import { pause, until } from "../test/simulation/crash-process.ts";
import { CrashSender } from "../test/simulation/crash-sender.ts";
import { CrashSite, crashTitle, programs } from "../test/simulation/crash-site.ts";
import { HospitalReaders } from "../test/simulation/hospital-readers.ts";
import { readingOfAdmitted } from "../test/simulation/hospital-run.ts";

const namespaceMark = "SCANSEAL_FULL_DISK";
const diskMebibytes = 300;
const objects = 120;
const lines = 4;
/** Without room, and longer than what was read is kept for the next reader. */
const readingMs = 70_000;

/** Everything that is free. */
function fill(path: string): void {
  const file = openSync(path, "w");
  for (let piece: Uint8Array = new Uint8Array(1 << 20); piece.length > 0; ) {
    try {
      writeSync(file, piece);
    } catch {
      // Full for a piece of this size; the last page too.
      piece = piece.subarray(0, piece.length >> 1);
    }
  }
  closeSync(file);
}

function tally(codes: readonly number[]): string {
  const counts = Map.groupBy(codes, (code) => code.toString(16));
  return [...counts].map(([code, all]) => `${all.length} x ${code}`).join(", ");
}

/** @returns all attempts of all senders as one, for the audit */
function together(load: CrashLoad, senders: readonly CrashSender[]): CrashSender {
  const all = new CrashSender(load, lines, crashTitle);
  for (const { acknowledged, attempted } of senders) {
    all.acknowledged.push(...acknowledged);
    all.attempted.push(...attempted);
  }
  return all;
}

/** What the spool had set aside before is used up first; then readers go on for a while. */
async function untilFull(readers: HospitalReaders, send: () => Promise<CrashSender>): Promise<void> {
  await until("a refusal", async () => (await send()).refusals.length > 0);
  await send();
  const { objects: before } = readers.tally();
  await pause(readingMs);
  const given = readers.tally().objects - before;
  process.stdout.write(`full: readers were given ${given} objects in ${readingMs} ms\n`);
}

async function measure(): Promise<boolean> {
  const sealed = await makeSealedSite();
  const data = join(sealed.folder, "disk");
  mkdirSync(data, { mode: 0o700 });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskMebibytes}m,mode=700`, "tmpfs", data]);
  const load = await makeLoad(sealed, objects, new SeededRandom("full disk"));
  const run = await CrashSite.open(sealed, {
    program: programs.built,
    hasArchive: false,
    data,
    readers: "dimse",
  });
  const { dicom, web, sink } = run.ports;
  const readers = new HospitalReaders(load, { dicom, web, sink, aeTitle: crashTitle });
  let reading: Promise<void> | undefined;
  const senders: CrashSender[] = [];
  const send = async (part: CrashLoad, what: string): Promise<CrashSender> => {
    const sender = new CrashSender(part, lines, crashTitle);
    senders.push(sender);
    await sender.send(run.port);
    process.stdout.write(
      `${what}: ${sender.acknowledged.length} of ${part.length} acknowledged; refused: ${tally(sender.refusals) || "none"}\n`,
    );
    return sender;
  };
  try {
    await readers.open();
    await run.start();
    reading = readers.read(new SeededRandom("full disk readers"));
    const third = objects / 3;
    await send(load.slice(0, third), "room");
    const filling = send(load.slice(third, 2 * third), "filling up meanwhile");
    fill(join(data, "ballast"));
    await filling;
    // What the spool had set aside before is used up first.
    await untilFull(readers, () => send(load.slice(third, 2 * third), "full"));
    rmSync(join(data, "ballast"));
    await until("room again", async () => {
      const [first] = load;
      return (await send([first!], "room again?")).acknowledged.length === 1;
    });
    await send(load.slice(2 * third), "room again");
    readers.stop();
    await reading;
    await run.settled(together(load, senders).acknowledged.length);
    const notGiven = await readingOfAdmitted(run, readers);
    const { faults: readFaults, ...reads } = readers.tally();
    process.stdout.write(`readers: ${JSON.stringify(reads)}\n`);
    for (const fault of [...notGiven, ...readFaults]) process.stdout.write(`${fault}\n`);
    const status = await run.gateway.end("SIGTERM");
    const found = await run.audit(together(load, senders));
    process.stdout.write(`exit status ${status}\n${JSON.stringify(found, undefined, 2)}\n`);
    const wrong = found.faults.length + notGiven.length + readFaults.length;
    return status === 0 && found.lost + found.duplicates + found.unverified + wrong === 0;
  } finally {
    readers.stop();
    await readers.close();
    await run.kill();
    run.remove();
    execFileSync("umount", ["-l", data]);
    sealed.remove();
  }
}

if (process.env[namespaceMark] === "1") process.exitCode = (await measure()) ? 0 : 1;
else {
  const self = [process.execPath, fileURLToPath(import.meta.url)];
  const env = { ...process.env, [namespaceMark]: "1" };
  process.exitCode = spawnSync("unshare", ["--mount", ...self], { stdio: "inherit", env }).status ?? 1;
}
