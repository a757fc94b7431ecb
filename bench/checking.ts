/** Checking sealed objects against hashing their bytes once, which is the least that any proof of them can cost. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ByteSource, chunkBytes, MemorySource } from "../src/foundation/byte-source.ts";
import { nodeCrypto } from "../src/platform/node/crypto.ts";
import { FileVerifier } from "../src/site/verification.ts";
import { collectEvidence } from "../src/zero-trust/evidence/collect.ts";
import { TrustJudge } from "../src/zero-trust/evidence/trust-check.ts";
import { decide } from "../src/zero-trust/policy/decide.ts";
import { benchSite, bytesOf, sealedSlices } from "./bench-site.ts";
import { type Benchmark, type Candidate, compare } from "./compare.ts";
import { frameBytes, writeLargeObject } from "./large-object.ts";

const now = Date.now();

async function checker(deep: boolean): Promise<(source: ByteSource) => Promise<void>> {
  const site = await benchSite();
  const ports = { crypto: nodeCrypto, trust: new TrustJudge(site.home.trust(), nodeCrypto, now), deep };
  return async (source) => {
    const evidence = await collectEvidence(source, ports);
    const route = evidence.content?.route;
    if (decide(evidence, { mode: "enforce" }).verdict !== "verified" || (route === "signature") === deep)
      throw new Error("not proven, or not by the route that is measured");
  };
}

async function sliceCandidates(): Promise<Candidate[]> {
  const slices = (await sealedSlices()).map(bytesOf);
  const quick = await checker(false);
  const deep = await checker(true);
  const bytes = slices[0]!.length;
  /** Each candidate goes through all slices; in one round all are at different ones, so that none finds its bytes in the cache. */
  const next = (first: number): (() => Uint8Array) => {
    let turn = first;
    return () => slices[turn++ % slices.length]!;
  };
  const [forHash, forQuick, forDeep] = [next(0), next(9), next(18)];
  return [
    { name: "SHA-256 (createHash)", bytes, run: () => createHash("sha256").update(forHash()).digest() },
    { name: "check, quick route", bytes, run: () => quick(new MemorySource(forQuick())) },
    { name: "check, every leaf (--deep)", bytes, run: () => deep(new MemorySource(forDeep())) },
  ];
}

export const checkingSlices: Benchmark = {
  name: "checking-slices",
  about:
    "A sealed CT slice of 0.53 MB in memory (28 in turn), one thread. Target: quick route at 0.55 or more of SHA-256 alone on the same bytes.",
  measure: async () => compare(await sliceCandidates(), 2000),
};

const buffer = new Uint8Array(chunkBytes);

/** As plainly as it can be done: no thread waits for another. */
function hashFile(path: string): void {
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  for (let n = readSync(file, buffer); n > 0; n = readSync(file, buffer)) hash.update(buffer.subarray(0, n));
  closeSync(file);
  hash.digest();
}

async function largeCandidates(frames: number): Promise<Candidate[]> {
  const site = await benchSite();
  const folder = site.subfolder(`large-${frames}`);
  const original = join(folder, "original.dcm");
  writeLargeObject(original, frames);
  const path = await site.seal(original, folder);
  const content = bytesOf(path);
  const bytes = statSync(path).size;
  const quick = await checker(false);
  const verifier = new FileVerifier(site.home.trust(), { deep: false });
  return [
    { name: "SHA-256 in memory, one call", bytes, run: () => createHash("sha256").update(content).digest() },
    { name: "check in memory", bytes, run: () => quick(new MemorySource(content)) },
    { name: "SHA-256 of the file, page cache, readSync by 1 MiB", bytes, run: () => hashFile(path) },
    { name: "check of the file, page cache", bytes, run: () => verifier.verify(path) },
  ];
}

function large(frames: number, rounds: number): Benchmark {
  const megabytes = Math.round((frames * frameBytes) / 1e6);
  return {
    name: `checking-${megabytes}`,
    about: `A sealed native object of ${megabytes} MB (${frames} frames), quick route. Targets: 0.93 in memory and 0.75 from the page cache, of SHA-256 in memory.`,
    measure: async () => compare(await largeCandidates(frames), rounds),
  };
}

export const checkingLarge: readonly Benchmark[] = [large(100, 15), large(1000, 5)];
