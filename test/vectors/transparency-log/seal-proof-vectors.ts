/** Proofs of one seal, as objects carry them: good and damaged, each with what a verifier must find. */
import type { Bytes } from "../../../src/foundation/bytes.ts";
import { concatBytes, toHex } from "../../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { checkpointText } from "../../../src/provenance/transparency-log/proof/checkpoint.ts";
import {
  entryOf,
  sealPlaces,
  sealsContent,
} from "../../../src/provenance/transparency-log/proof/log-entry.ts";
import { formatProof } from "../../../src/provenance/transparency-log/proof/log-proof.ts";
import {
  encodeSealProof,
  type SealProof,
} from "../../../src/provenance/transparency-log/proof/seal-proof.ts";
import { TreeReader } from "../../../src/provenance/transparency-log/proof/tree-reader.ts";
import {
  bothWitnesses,
  hasher,
  logKey,
  origin,
  sampleEntry,
  sha256,
  signedCheckpoint,
  testKey,
  testTime,
  tilesIn,
  witnessA,
} from "../../transparency-log/memory-log.ts";
import { lines, note } from "./proof-vectors.ts";
import type { SealProofVector } from "./vectors.ts";

/** The series: five seals; the third is proven. */
const digests = Array.from({ length: 5 }, (_, n) => sha256(Uint8Array.of(n)));
const proven = 2;
const salt = sha256(new TextEncoder().encode("salt"));
const entry = entryOf({ kind: "seals", salt, content: sealsContent(digests, hasher) }, nodeCrypto);
/** The log: 299 sample entries, the series' among them. */
const size = 300;
const index = 70;
const entries: Bytes[] = Array.from({ length: size }, (_, n) => (n === index ? entry : sampleEntry(n)));

type Expected = SealProofVector["expected"];

export async function sealProofVectors(): Promise<SealProofVector[]> {
  const reader = new TreeReader(size, tilesIn(entries), hasher);
  const root = await reader.root();
  const path = await reader.inclusionPath(index);
  const proofUnder = (checkpoint: Bytes): Bytes => formatProof({ index, path, checkpoint });
  const { payloadDigest: _, ...place } = sealPlaces(digests, hasher)[proven]!;
  const good: SealProof = { salt, place, proof: proofUnder(signedCheckpoint(size, root)) };
  const base = {
    payloadDigest: toHex(digests[proven]!),
    policy: lines(bothWitnesses),
    now: testTime + 60,
  };
  const vector = (
    name: string,
    proof: Bytes | Partial<SealProof>,
    expected: Expected,
    changed: Partial<SealProofVector> = {},
  ): SealProofVector => {
    const bytes = proof instanceof Uint8Array ? proof : encodeSealProof({ ...good, ...proof });
    return { name, proof: toHex(bytes), ...base, ...changed, expected };
  };
  const invalid = (step: string): Expected => ({ state: "invalid", step, origin });
  const whole = encodeSealProof(good);
  const text = checkpointText(origin, { size, root });
  const stranger = testKey("log.elsewhere.example", 1);
  const elsewhere = checkpointText(stranger.key.name, { size, root });
  const witnessed: Expected = {
    state: "proven",
    origin,
    index,
    witnessed: true,
    at: "2026-01-01T00:00:07.000Z",
  };
  const shape: Expected = { state: "invalid", step: "proof-format" };
  return [
    vector("the third seal of five, in entry 70 of 300, cosigned by both witnesses", {}, witnessed),
    vector(
      "the same under a policy without witnesses",
      {},
      { state: "proven", origin, index, witnessed: false },
      { policy: lines([`log ${logKey.vkey}`, "quorum none"]) },
    ),
    vector("the object of another seal of the series", {}, invalid("inclusion"), {
      payloadDigest: toHex(digests[0]!),
    }),
    vector("an object of another series", {}, invalid("inclusion"), { payloadDigest: toHex(sha256()) }),
    vector("another salt", { salt: sha256() }, invalid("inclusion")),
    vector("another index", { place: { ...place, index: 3 } }, invalid("inclusion")),
    vector("another number of seals", { place: { ...place, count: 6 } }, invalid("inclusion")),
    vector("an index that is none", { place: { ...place, index: 5 } }, invalid("entry")),
    vector("a path that is too short", { place: { ...place, path: place.path.slice(1) } }, invalid("entry")),
    vector(
      "a log of two witnesses' policy, cosigned by one",
      { proof: proofUnder(note(text, logKey.sign(text), witnessA.cosign(text, testTime))) },
      invalid("witness-quorum"),
    ),
    vector(
      "a log that the policy does not name",
      { proof: proofUnder(note(elsewhere, stranger.sign(elsewhere))) },
      { state: "unknown-log", origin: stranger.key.name },
    ),
    vector("another version", Uint8Array.of(2, ...whole.subarray(1)), shape),
    vector("21 hashes", { place: { ...place, path: Array.from({ length: 21 }, () => salt) } }, shape),
    vector("nothing behind the path", { proof: new Uint8Array() }, shape),
    vector("a byte more", concatBytes([whole, Uint8Array.of(10)]), shape),
    vector("cut off", whole.subarray(0, 60), shape),
    vector("nothing", new Uint8Array(), shape),
  ];
}
