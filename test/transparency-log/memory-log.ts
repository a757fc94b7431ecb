/** A log in memory, made with the plainest code there is: what the product's parts are compared with. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { checkpointText } from "../../src/provenance/transparency-log/proof/checkpoint.ts";
import { encodeBundle } from "../../src/provenance/transparency-log/proof/entry-bundle.ts";
import { entryKinds, entryOf } from "../../src/provenance/transparency-log/proof/log-entry.ts";
import { formatProof } from "../../src/provenance/transparency-log/proof/log-proof.ts";
import {
  cosignedMessage,
  encodeCosignature,
  formatNote,
  type NoteSignature,
} from "../../src/provenance/transparency-log/proof/signed-note.ts";
import type { TileName } from "../../src/provenance/transparency-log/proof/tile.ts";
import { TreeHasher } from "../../src/provenance/transparency-log/proof/tree-hasher.ts";
import { type ReadTile, TreeReader } from "../../src/provenance/transparency-log/proof/tree-reader.ts";
import {
  formatVerifierKey,
  type KeyKind,
  type VerifierKey,
  verifierKey,
} from "../../src/provenance/transparency-log/proof/verifier-key.ts";
import {
  parsePolicy,
  type WitnessPolicy,
} from "../../src/provenance/transparency-log/proof/witness-policy.ts";
import type { NoteSigner } from "../../src/provenance/transparency-log/sequencer/sequencer-parts.ts";

export const hasher: TreeHasher = new TreeHasher(nodeCrypto);

export function sha256(...parts: readonly Bytes[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** The same entry for the same number. */
export function sampleEntry(n: number): Bytes {
  const content = new TextEncoder().encode(`statement ${n}`);
  return entryOf({ kind: entryKinds[n % 5]!, salt: sha256(content), content }, nodeCrypto);
}

/** RFC 6962 section 2.1, word for word. */
export function plainRoot(leafHashes: readonly Bytes[]): Bytes {
  if (leafHashes.length === 0) return sha256();
  if (leafHashes.length === 1) return leafHashes[0]!;
  let split = 1;
  while (split * 2 < leafHashes.length) split *= 2;
  const sides = [plainRoot(leafHashes.slice(0, split)), plainRoot(leafHashes.slice(split))];
  return sha256(Uint8Array.of(1), ...sides);
}

/** Tiles of the first `size` entries, computed from all leaves at once. */
export function tilesIn(entries: readonly Bytes[]): ReadTile {
  const leaves = entries.map((entry) => hasher.leaf(entry));
  return async ({ level, index, width }: TileName) => {
    if (level === "entries") return encodeBundle(entries.slice(index * 256, index * 256 + width));
    const span = 256 ** level;
    const hashes = Array.from({ length: width }, (_, i) => {
      const from = (index * 256 + i) * span;
      if (from + span > leaves.length) throw new Error("a tile beyond the log");
      return plainRoot(leaves.slice(from, from + span));
    });
    return Buffer.concat(hashes);
  };
}

export interface TestKey {
  readonly key: VerifierKey;
  readonly vkey: string;
  readonly signer: NoteSigner;
  sign(text: string): NoteSignature;
  cosign(text: string, time: number): NoteSignature;
}

/** RFC 8410 section 7: a private key from its seed. */
function privateKeyOf(seed: Bytes): KeyObject {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

export function testKey(name: string, kind: KeyKind): TestKey {
  const secret = privateKeyOf(sha256(new TextEncoder().encode(`test key ${name}`)));
  const spki = createPublicKey(secret).export({ format: "der", type: "spki" });
  const key = verifierKey(name, kind, new Uint8Array(spki.subarray(-32)), nodeCrypto);
  const line = (signature: Bytes): NoteSignature => ({ name, keyId: key.keyId, signature });
  return {
    key,
    vkey: formatVerifierKey(key),
    signer: { key, sign: async (message) => new Uint8Array(sign(null, message, secret)) },
    sign: (text) => line(sign(null, Buffer.from(text), secret)),
    cosign: (text, time) => line(encodeCosignature(time, sign(null, cosignedMessage(text, time), secret))),
  };
}

export const origin = "log.hospital.example/scanseal";
export const logKey: TestKey = testKey(origin, 1);
export const witnessA: TestKey = testKey("witness-a.example", 4);
export const witnessB: TestKey = testKey("witness-b.example", 4);
/** 2026-01-01T00:00:00Z */
export const testTime = 1_767_225_600;

export function policyOf(lines: readonly string[]): WitnessPolicy {
  return parsePolicy(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")), nodeCrypto);
}

export const bothWitnesses: readonly string[] = [
  `log ${logKey.vkey}`,
  `witness a ${witnessA.vkey}`,
  `witness b ${witnessB.vkey}`,
  "group both all a b",
  "quorum both",
];

/** Signed by the log and both witnesses. */
export function signedCheckpoint(size: number, root: Bytes, name: string = origin): Bytes {
  const text = checkpointText(name, { size, root });
  const signatures = [
    logKey.sign(text),
    witnessA.cosign(text, testTime),
    witnessB.cosign(text, testTime + 7),
  ];
  return formatNote({ text, signatures });
}

/** A whole, good proof of one entry of a log of `size` sample entries. */
export async function sampleProof(index: number, size: number): Promise<{ entry: Bytes; proof: Bytes }> {
  const entries = Array.from({ length: size }, (_, n) => sampleEntry(n));
  const reader = new TreeReader(size, tilesIn(entries), hasher);
  const checkpoint = signedCheckpoint(size, await reader.root());
  const path = await reader.inclusionPath(index);
  return { entry: entries[index]!, proof: formatProof({ index, path, checkpoint }) };
}
