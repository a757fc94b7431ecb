/**
 * What the log costs a seal: remembering it, and feeding its series to the site's own log until each seal has its proof.
 *
 *   node bench/log-feed.ts [SEALS]
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fromHex } from "../src/foundation/bytes.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../src/platform/node/crypto.ts";
import { decodeSealProof, entryOfSeal } from "../src/provenance/transparency-log/proof/seal-proof.ts";
import { verifyLogProof } from "../src/provenance/transparency-log/proof/verification.ts";
import { feedLog, queueSeries, queueStatement } from "../src/site/provenance/log-feed.ts";
import { SiteLog } from "../src/site/provenance/site-log.ts";
import { openProvenanceJournal } from "../src/store/provenance/open-provenance-journal.ts";
import type { SealRecord } from "../src/store/provenance/provenance-journal.ts";

const seals = Number(process.argv[2] ?? 300);
/** Entries in the log before. The next one has a path of eleven hashes, as long as they get at this size but one. */
const olderEntries = 4_094;
const folder = mkdtempSync(join(tmpdir(), "scanseal-log-feed-"));

/** P-256's sizes. */
function sealOf(n: number): SealRecord {
  return {
    payloadDigest: createHash("sha256").update(`seal ${n}`).digest("hex"),
    sopInstanceUid: `2.25.3.${n}`,
    seriesInstanceUid: "2.25.2",
    studyInstanceUid: "2.25.1",
    device: "bench",
    keyFingerprint: "ab".repeat(32),
    keyEpoch: "1",
    counter: n,
    sealedAt: Date.now(),
    instanceNumber: n,
    signature: new Uint8Array(randomBytes(64)),
    certificate: new Uint8Array(randomBytes(600)),
  };
}

function say(what: string, ms: number, per = ""): void {
  process.stdout.write(`${what}: ${ms.toFixed(ms < 10 ? 3 : 0)} ms${per}\n`);
}

async function timed<T>(body: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const start = performance.now();
  const value = await body();
  return { ms: performance.now() - start, value };
}

const home = join(folder, "home");
const log = new SiteLog(home);
await log.create("ab".repeat(32));
const journal = await openProvenanceJournal(join(home, "provenance.sqlite"));
const parts = { journal, clock: systemClock, random: nodeRandom };
const feed = async (): Promise<{ readonly logged: number; readonly proven: number }> => {
  const target = await log.open();
  try {
    return await feedLog(parts, target);
  } finally {
    await target.close();
  }
};
try {
  for (let n = 0; n < olderEntries; n++)
    await queueStatement(parts, `older ${n}`, { kind: "policy", n }, "older");
  const older = await timed(feed);
  say(`${olderEntries} entries of one statement each, logged and proven`, older.ms);

  const each: number[] = [];
  for (let n = 1; n <= seals; n++) each.push((await timed(() => journal.addSeal(sealOf(n)))).ms);
  each.sort((a, b) => a - b);
  say(`remembering a seal, one after another, median of ${seals}`, each[Math.floor(seals / 2)]!);
  say(`nine in ten take at most`, each[Math.floor(seals * 0.9)]!);

  const queued = await timed(() => queueSeries(parts, "2.25.2"));
  say(`queueing the series of ${queued.value}`, queued.ms);
  const fed = await timed(feed);
  say(
    `its place and its proofs (${fed.value.logged} entry)`,
    fed.ms,
    `, ${((fed.ms + queued.ms) / seals).toFixed(3)} ms a seal`,
  );

  const proofs: Uint8Array[] = [];
  for (let n = 1; n <= seals; n++)
    proofs.push(...(await journal.lateEvidence(sealOf(n).payloadDigest)).map(({ bytes }) => bytes));
  const sizes = proofs.map((proof) => proof.length).sort((a, b) => a - b);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  process.stdout.write(
    `proofs of ${proofs.length} seals: ${sizes[0]} to ${sizes.at(-1)} bytes, ${total} together, ${gzipSync(Buffer.concat(proofs)).length} compressed\n`,
  );

  const target = await log.open();
  const trust = { policy: target.policy, crypto: nodeCrypto, now: Math.floor(Date.now() / 1000) };
  const digests = Array.from({ length: seals }, (_, n) => fromHex(sealOf(n + 1).payloadDigest));
  const checked = await timed(async () => {
    for (const [n, digest] of digests.entries()) {
      const proof = decodeSealProof(proofs[n]!);
      const result = await verifyLogProof(proof.proof, entryOfSeal(proof, digest, nodeCrypto), trust);
      if (!result.ok) throw new Error(`a proof does not hold: ${result.step}`);
    }
  });
  say("checking a proof", checked.ms / seals);
  await target.close();
} finally {
  await journal.close();
  rmSync(folder, { recursive: true, force: true });
}
