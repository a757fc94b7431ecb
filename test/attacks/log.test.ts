/** Scenario 43: a log forked, an inclusion that is stale or left out, a proof that is somebody else's. Judged as a verifier judges the object. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { type Bytes, toHex } from "../../src/foundation/bytes.ts";
import { createTrustStore } from "../../src/keys/trust/trust-store.ts";
import { nodeCrypto, systemClock } from "../../src/platform/node/crypto.ts";
import { openManifest } from "../../src/provenance/manifest/check.ts";
import { lateEvidenceElement } from "../../src/provenance/manifest/containers.ts";
import { checkpointText } from "../../src/provenance/transparency-log/proof/checkpoint.ts";
import { entryOf, sealPlaces, sealsContent } from "../../src/provenance/transparency-log/proof/log-entry.ts";
import { formatProof } from "../../src/provenance/transparency-log/proof/log-proof.ts";
import { encodeSealProof } from "../../src/provenance/transparency-log/proof/seal-proof.ts";
import { formatNote } from "../../src/provenance/transparency-log/proof/signed-note.ts";
import { TreeReader } from "../../src/provenance/transparency-log/proof/tree-reader.ts";
import type { WitnessPolicy } from "../../src/provenance/transparency-log/proof/witness-policy.ts";
import { collectEvidence } from "../../src/zero-trust/evidence/collect.ts";
import { TrustJudge } from "../../src/zero-trust/evidence/trust-check.ts";
import { decide, type Policy } from "../../src/zero-trust/policy/decide.ts";
import { newSite, type Site, trustContentOf } from "../evaluation/fixture.ts";
import {
  bothWitnesses,
  hasher,
  logKey,
  policyOf,
  sampleEntry,
  type TestKey,
  testKey,
  tilesIn,
  witnessA,
  witnessB,
} from "../transparency-log/memory-log.ts";
import expected from "../vectors/expected.json" with { type: "json" };
import { image } from "../watermark/marked-objects.ts";
import { logScenarios } from "./log-scenarios.ts";

/** Seconds since 1970. */
const now = Math.floor(Date.now() / 1000);
const witnessed = policyOf(bothWitnesses);
const unwitnessed = policyOf([`log ${logKey.vkey}`, "quorum none"]);
const demanding: Policy = { mode: "enforce", loggedWithinMs: 0 };

interface Logged {
  readonly digest: Bytes;
  readonly salt: Bytes;
  /** Others in the series. */
  readonly siblings?: readonly Bytes[];
  readonly key?: TestKey;
  readonly witnesses?: readonly TestKey[];
  /** Entries before it. */
  readonly before?: number;
}

/** The proof of one seal in a log of sample entries. */
async function proofOf(logged: Logged): Promise<Bytes> {
  const { digest, salt, siblings = [], key = logKey, witnesses = [witnessA, witnessB], before = 5 } = logged;
  const digests = [...siblings, digest];
  const entry = entryOf({ kind: "seals", salt, content: sealsContent(digests, hasher) }, nodeCrypto);
  const entries = [...Array.from({ length: before }, (_, n) => sampleEntry(n)), entry, sampleEntry(99)];
  const reader = new TreeReader(entries.length, tilesIn(entries), hasher);
  const text = checkpointText(key.key.name, { size: entries.length, root: await reader.root() });
  const cosigned = witnesses.map((witness) => witness.cosign(text, now));
  const checkpoint = formatNote({ text, signatures: [key.sign(text), ...cosigned] });
  const proof = formatProof({ index: before, path: await reader.inclusionPath(before), checkpoint });
  return encodeSealProof({ salt, place: sealPlaces(digests, hasher).at(-1)!, proof });
}

describe("scenario 43: the log", () => {
  let site: Site;
  let sealed: Bytes;
  let digest: Bytes;
  const salt = new Uint8Array(32).fill(9);
  const stranger = new Uint8Array(32).fill(3);

  beforeAll(async () => {
    site = newSite();
    sealed = await site.seal(image());
    const manifest = await openManifest(await readDicom(new MemorySource(sealed)), nodeCrypto);
    digest = nodeCrypto.hash("SHA-256", manifest!.envelope.payload);
  });
  afterAll(() => site.close());

  const embedding = async (proof: Bytes): Promise<Bytes> => {
    const object = await readDicom(new MemorySource(sealed));
    const { containers } = (await openManifest(object, nodeCrypto))!;
    const element = lateEvidenceElement(containers.creatorTag, [{ type: "log-proof", bytes: proof }]);
    return writeToBytes(object, [{ kind: "put", element }]);
  };

  const judge = async (
    bytes: Bytes,
    logPolicy: WitnessPolicy | undefined,
    policy: Policy = { mode: "enforce" },
    detached: readonly Bytes[] = [],
  ) => {
    const evidence = await collectEvidence(new MemorySource(bytes), {
      crypto: nodeCrypto,
      trust: new TrustJudge(
        createTrustStore(trustContentOf(site.authority, [site.device]), nodeCrypto),
        nodeCrypto,
        systemClock.now(),
      ),
      logPolicy,
      records: {
        about: async () => [],
        lateEvidence: async (name) =>
          name === toHex(digest) ? detached.map((one) => ({ type: "log-proof" as const, bytes: one })) : [],
        firstSeen: async () => undefined,
        counterUses: async () => [],
      },
    });
    const { verdict, findings } = decide(evidence, policy);
    return {
      verdict,
      codes: findings.filter(({ severity }) => severity === "error").map(({ code }) => code),
      log: evidence.log!,
    };
  };

  it("a proof that holds is told, in the object or beside it, by whoever cosigned", async () => {
    const proof = await proofOf({ digest, salt, siblings: [stranger, salt] });
    const inside = await judge(await embedding(proof), witnessed, demanding);
    expect(inside).toMatchObject({
      verdict: "verified",
      log: { state: "proven", witnessed: true, index: 5 },
    });
    expect(inside.log.at).toBe(new Date(now * 1000).toISOString());
    const beside = await judge(sealed, unwitnessed, demanding, [proof]);
    expect(beside).toMatchObject({ verdict: "verified", log: { state: "proven", witnessed: false } });
    expect(beside.log.at).toBeUndefined();
  });

  it("left out: a seal that had to be logged and has no proof", async () => {
    expect(await judge(sealed, witnessed)).toMatchObject({ verdict: "verified", codes: [] });
    expect(await judge(sealed, witnessed, demanding)).toMatchObject({
      verdict: "untrusted",
      codes: ["log-missing"],
    });
    const patient: Policy = { mode: "enforce", loggedWithinMs: 3_600_000 };
    expect(await judge(sealed, witnessed, patient)).toMatchObject({ verdict: "verified" });
  });

  it("forked: the log's own signature without the witnesses, or by one of two", async () => {
    for (const witnesses of [[], [witnessA]]) {
      const proof = await proofOf({ digest, salt, witnesses });
      expect(await judge(await embedding(proof), witnessed)).toMatchObject({
        verdict: "untrusted",
        codes: ["log-proof-invalid"],
        log: { state: "invalid", fault: "witness-quorum" },
      });
      expect(await judge(sealed, witnessed, demanding, [proof])).toMatchObject({
        verdict: "untrusted",
        codes: ["log-missing"],
      });
    }
  });

  it("another seal's proof, another key under the log's name, a log of somebody", async () => {
    const foreign = await proofOf({ digest: stranger, salt });
    expect(await judge(await embedding(foreign), witnessed)).toMatchObject({
      verdict: "untrusted",
      log: { fault: "inclusion" },
    });
    const renamed: TestKey = testKey("other.example", 1);
    const forged = { ...renamed, key: { ...renamed.key, name: logKey.key.name } };
    const signed = { ...forged, sign: (text: string) => ({ ...renamed.sign(text), name: logKey.key.name }) };
    const proof = await proofOf({ digest, salt, key: signed });
    expect(await judge(await embedding(proof), witnessed)).toMatchObject({
      verdict: "untrusted",
      log: { fault: "log-signature" },
    });
    const elsewhere = await proofOf({ digest, salt, key: testKey("log.elsewhere.example", 1) });
    const told = await judge(await embedding(elsewhere), witnessed);
    expect(told).toMatchObject({ verdict: "verified", log: { state: "unknown-log" } });
    expect(await judge(await embedding(elsewhere), witnessed, demanding)).toMatchObject({
      verdict: "untrusted",
    });
  });

  it("a false proof in the object is told even where a good one lies beside it", async () => {
    const good = await proofOf({ digest, salt });
    const bad = await proofOf({ digest: stranger, salt });
    expect(await judge(await embedding(bad), witnessed, demanding, [good])).toMatchObject({
      verdict: "untrusted",
      codes: ["log-proof-invalid"],
      log: { state: "proven", fault: "inclusion" },
    });
  });

  it.each(logScenarios)("$what", async ({ what }) => {
    const made = {
      "a checkpoint that the witnesses did not cosign": () =>
        proofOf({ digest, salt, witnesses: [] }).then(embedding),
      "inclusion left out": async () => sealed,
      "another seal's inclusion": () => proofOf({ digest: stranger, salt }).then(embedding),
    };
    const policy = what === "inclusion left out" ? demanding : undefined;
    const { verdict, codes } = await judge(await made[what](), witnessed, policy);
    const row = expected.scenarios.find((one) => one.scenario === 43 && one.what === what);
    expect({ verdict, code: codes[0] }).toEqual({ verdict: row?.verdict, code: row?.code });
  });

  it("every byte of a proof changed: never proven, and always told", async () => {
    const proof = await proofOf({ digest, salt, siblings: [stranger] });
    for (let at = 0; at < proof.length; at++) {
      const changed = proof.slice();
      changed[at]! ^= 1 << (at % 8);
      const { verdict, log } = await judge(await embedding(changed), witnessed, demanding);
      expect({ at, verdict, isProven: log.state === "proven" }).toEqual({
        at,
        verdict: "untrusted",
        isProven: false,
      });
    }
  });
});
