/** The transparency log: durable appends over HTTP, proofs, and reading all of a log of a million entries. `node bench/transparency-log.ts [seconds]` */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { nodeCrypto } from "../src/platform/node/crypto.ts";
import { parseCheckpoint } from "../src/provenance/transparency-log/proof/checkpoint.ts";
import { formatProof } from "../src/provenance/transparency-log/proof/log-proof.ts";
import { TreeHasher } from "../src/provenance/transparency-log/proof/tree-hasher.ts";
import { TreeReader } from "../src/provenance/transparency-log/proof/tree-reader.ts";
import { verifyLogProof } from "../src/provenance/transparency-log/proof/verification.ts";
import { verifyWholeLog } from "../src/provenance/transparency-log/proof/whole-log.ts";
import { createLog, type OpenLog, openLog } from "../src/site/transparency-log/log-folder.ts";
import { serveLog } from "../src/site/transparency-log/log-service.ts";
import { peer } from "../test/peers.ts";
import { startPostgresCluster } from "../test/store/postgres-cluster.ts";
import { submit } from "./log-submitters.ts";

const seconds: number = Number(process.argv[2] ?? 10);
const widths = [1, 16, 256] as const;
const sizes = [1_000, 10_000, 100_000, 1_000_000] as const;
const proofs = 200;
const batch = 4_096;
const hasher: TreeHasher = new TreeHasher(nodeCrypto);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function withLog(journal: string | undefined, body: (log: OpenLog) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-log-"));
  try {
    await createLog(join(folder, "log"), { origin: "log.example/bench", journal });
    const log = await openLog(join(folder, "log"));
    try {
      await body(log);
    } finally {
      await log.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Everything on one machine: the log in this process, its submitters in another. */
async function appends(name: string, journal: string | undefined): Promise<void> {
  await withLog(journal, async (log) => {
    const service = await serveLog(log, {
      host: "127.0.0.1",
      port: 0,
      intervalMs: 1_000,
      token: undefined,
      onProblem: (error) => say(`problem: ${error.message}`),
    });
    for (const width of widths) {
      const cpu = process.cpuUsage();
      const rate = await submit(service.port, width, seconds);
      const { user, system } = process.cpuUsage(cpu);
      const busy = (user + system) / 1e6 / (seconds + 1);
      say(`| ${name} | ${width} | ${Math.round(rate).toLocaleString("en")} | ${busy.toFixed(2)} |`);
    }
    await service.close();
  });
}

interface Sample {
  readonly entry: Uint8Array;
  readonly index: number;
}

async function appendUpTo(log: OpenLog, size: number): Promise<Sample> {
  let sample: Sample | undefined;
  while (log.sequencer.size < size) {
    const count = Math.min(batch, size - log.sequencer.size);
    const entries = Array.from({ length: count }, () =>
      Buffer.concat([Uint8Array.of(1, 1), randomBytes(32)]),
    );
    const places = [0, 1, 2, 3].map((part) => entries.slice((count * part) >> 2, (count * (part + 1)) >> 2));
    await Promise.all(places.filter((part) => part.length > 0).map((part) => log.sequencer.append(part)));
    sample = { entry: entries[0]!, index: log.sequencer.size - count };
  }
  await log.sequencer.publish();
  return sample!;
}

/** Each with nothing read before: what a request for one proof costs. */
async function proofAt(log: OpenLog, size: number, { entry, index }: Sample): Promise<void> {
  const checkpoint = log.sequencer.published!;
  const trust = { policy: log.policy, crypto: nodeCrypto, now: Date.now() / 1000 };
  let bytes: Uint8Array = new Uint8Array(0);
  const made = performance.now();
  for (let i = 0; i < proofs; i++) {
    const reader = new TreeReader(size, (name) => log.tiles.require(name), hasher);
    bytes = formatProof({ index, path: await reader.inclusionPath(index), checkpoint });
  }
  const checked = performance.now();
  let holds = 0;
  for (let i = 0; i < proofs; i++) if ((await verifyLogProof(bytes, entry, trust)).ok) holds++;
  const end = performance.now();
  const [makeMs, checkMs] = [(checked - made) / proofs, (end - checked) / proofs];
  const verdict = holds === proofs ? "" : ` (${proofs - holds} did not hold)`;
  say(
    `| ${size.toLocaleString("en")} | ${bytes.length}${verdict} | ${makeMs.toFixed(2)} | ${checkMs.toFixed(2)} |`,
  );
}

async function wholeLog(log: OpenLog): Promise<void> {
  const head = parseCheckpoint(log.sequencer.published!);
  let seen = 0;
  const start = performance.now();
  await verifyWholeLog(
    head,
    (name) => log.tiles.require(name),
    hasher,
    () => seen++,
  );
  const time = (performance.now() - start) / 1000;
  const memory = Math.round(process.memoryUsage().rss / 1e6);
  say(
    `\nWhole log verified: ${seen.toLocaleString("en")} entries in ${time.toFixed(1)} s, ${memory} MB resident.`,
  );
}

say(`Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}\n`);
say(
  "| journal | submitters | durable appends/s over HTTP | CPUs of the log's process |\n| --- | --- | --- | --- |",
);
await appends("SQLite", undefined);
if (peer("postgres") !== undefined) {
  const cluster = await startPostgresCluster();
  await appends("PostgreSQL", await cluster.createDatabase());
  await cluster.stop();
}
say("\n| entries | proof, bytes | made from tiles on disk, ms | checked, ms |\n| --- | --- | --- | --- |");
await withLog(undefined, async (log) => {
  const start = performance.now();
  for (const size of sizes) await proofAt(log, size, await appendUpTo(log, size));
  say(`\nA million entries and their proofs took ${((performance.now() - start) / 1000).toFixed(0)} s.`);
  await wholeLog(log);
});
