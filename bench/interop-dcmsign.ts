/**
 * Every corpus file dcmsign can sign, both directions, P-256 with SHA-256 and RSA-3072 with SHA-512; prints a table and every
 * exception by name. Run: node bench/interop-dcmsign.ts [part of a path]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HashName } from "../src/foundation/crypto.ts";
import { ScansealError } from "../src/foundation/errors.ts";
import {
  checkWithUs,
  makeTestKey,
  signWithPeer,
  signWithUs,
  type TestKey,
  verifyWithPeer,
} from "../test/interop/dcmsign-peer.ts";
import { peerPath } from "../test/peers.ts";

interface Tally {
  signable: number;
  peerThenUs: number;
  usThenPeer: number;
}

const corpus = peerPath("corpus");
const files = readFileSync(join(corpus, "INDEX.tsv"), "utf8")
  .split("\n")
  .slice(1)
  .map((line) => line.split("\t")[0]!)
  .filter((name) => name !== "" && name.includes(process.argv[2] ?? ""));
const folder = mkdtempSync(join(tmpdir(), "scanseal-interop-"));
const exceptions = new Map<string, string[]>();

function except(reason: string, name: string): void {
  exceptions.set(reason, [...(exceptions.get(reason) ?? []), name]);
}

function reasonOf(error: unknown): string {
  if (error instanceof ScansealError) return `${error.code}: ${error.message}`;
  throw error;
}

async function run(key: TestKey, hash: HashName): Promise<Tally> {
  const tally: Tally = { signable: 0, peerThenUs: 0, usThenPeer: 0 };
  const title = `${key.kind}/${hash}`;
  for (const name of files) {
    const input = join(corpus, name);
    const signed = join(folder, "signed.dcm");
    const peer = signWithPeer(input, signed, key, hash);
    if (peer.exitCode !== 0) {
      except(`dcmsign does not sign: exit ${peer.exitCode} ${peer.complaint}`, name);
      continue;
    }
    tally.signable++;
    try {
      const facts = await checkWithUs(readFileSync(signed));
      const results = facts.map(
        (fact) => `${fact.result}${fact.encoding === "as-written" ? "" : ` ${fact.encoding}`}`,
      );
      if (results.length === 1 && results[0] === "valid") tally.peerThenUs++;
      else except(`${title}: dcmsign signed, we find [${results.join(", ")}]`, name);
    } catch (error) {
      except(`dcmsign signed, our reader refuses: ${reasonOf(error)}`, name);
    }
    try {
      writeFileSync(signed, await signWithUs(readFileSync(input), key, hash));
      const verified = verifyWithPeer(signed, key);
      if (verified.exitCode === 0) tally.usThenPeer++;
      else except(`${title}: we signed, dcmsign exits ${verified.exitCode} ${verified.complaint}`, name);
    } catch (error) {
      except(`we do not sign: ${reasonOf(error)}`, name);
    }
  }
  return tally;
}

try {
  console.log("| key and hash | dcmsign signs | we find valid | dcmsign verifies ours |");
  console.log("| --- | --- | --- | --- |");
  for (const [kind, hash] of [
    ["P-256", "SHA-256"],
    ["RSA-3072", "SHA-512"],
  ] as const) {
    const { signable, peerThenUs, usThenPeer } = await run(makeTestKey(kind, folder), hash);
    console.log(
      `| ${kind}, ${hash} | ${signable} of ${files.length} | ${peerThenUs}/${signable} | ${usThenPeer}/${signable} |`,
    );
  }
  for (const [reason, names] of exceptions) {
    const unique = [...new Set(names)];
    console.log(`\n${reason} (${unique.length})`);
    for (const name of unique) console.log(`  ${name}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
