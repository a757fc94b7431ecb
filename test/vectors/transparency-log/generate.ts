/** Makes vectors.json: `node test/vectors/transparency-log/generate.ts`. Keys come from their names, so that it is the same every time. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { toBase64, toHex } from "../../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { checkpointText } from "../../../src/provenance/transparency-log/proof/checkpoint.ts";
import {
  entryKinds,
  entryOf,
  sealsContent,
} from "../../../src/provenance/transparency-log/proof/log-entry.ts";
import { TreeReader } from "../../../src/provenance/transparency-log/proof/tree-reader.ts";
import { formatWitnessRequest } from "../../../src/provenance/transparency-log/proof/witness-request.ts";
import {
  bothWitnesses,
  hasher,
  logKey,
  origin,
  plainRoot,
  sampleEntry,
  sha256,
  tilesIn,
  witnessA,
  witnessB,
} from "../../transparency-log/memory-log.ts";
import { lines, note, ProofVectors, text } from "./proof-vectors.ts";
import { sealProofVectors } from "./seal-proof-vectors.ts";
import type { EntryVector, LogVectors, RefusedText, SealsVector, WitnessVector } from "./vectors.ts";

const size = 300;
const index = 70;
const entries = Array.from({ length: size }, (_, n) => sampleEntry(n));
const rootAt = (count: number): Uint8Array =>
  plainRoot(entries.slice(0, count).map((one) => hasher.leaf(one)));
const readerAt = (count: number): TreeReader =>
  new TreeReader(count, tilesIn(entries.slice(0, count)), hasher);
const head = checkpointText(origin, { size, root: rootAt(size) });

const proofs: ProofVectors = new ProofVectors({
  size,
  root: rootAt(size),
  entry: entries[index]!,
  index,
  path: await readerAt(size).inclusionPath(index),
});
const { signed } = proofs;

function entryVectors(): EntryVector[] {
  return entryKinds.map((kind, n) => {
    const content = new TextEncoder().encode(`statement ${n}`);
    const salt = sha256(content);
    const entry = toHex(entryOf({ kind, salt, content }, nodeCrypto));
    return { name: `an entry of kind ${kind}`, kind, salt: toHex(salt), content: toHex(content), entry };
  });
}

async function sealsVector(): Promise<SealsVector> {
  const digests = Array.from({ length: 5 }, (_, n) => sha256(Uint8Array.of(n)));
  // Five leaves are one tile: the small tree is read as any other.
  const tile = Buffer.concat(digests.map((digest) => hasher.leaf(digest)));
  const path = await new TreeReader(5, async () => tile, hasher).inclusionPath(3);
  return {
    payloadDigests: digests.map(toHex),
    content: toHex(sealsContent(digests, hasher)),
    index: 3,
    path: path.map(toHex),
  };
}

function refusedTexts(): RefusedText[] {
  const body = text(signed);
  const one = (format: RefusedText["format"], name: string, bad: string): RefusedText => ({
    name,
    format,
    text: bad,
  });
  return [
    one("note", "a carriage return", body.replace("\n", "\r\n")),
    one("note", "no signature", `${head}\n`),
    one("note", "a hyphen for the dash", body.replaceAll("\u2014", "-")),
    one("note", "unused bits in base64", "text\n\n\u2014 name AAAAAAB=\n"),
    one("checkpoint", "a size with a leading zero", body.replace("\n300\n", "\n0300\n")),
    one("checkpoint", "a size of 2^53", body.replace("\n300\n", "\n9007199254740992\n")),
    one("checkpoint", "no origin", body.replace(origin, "")),
    one("proof", "another version", "c2sp.org/tlog-proof@v2\nindex 0\n\n"),
    one("policy", "no quorum", `log ${logKey.vkey}\n`),
    one(
      "policy",
      "a witness in two groups",
      lines([...bothWitnesses.slice(1, 2), "group g any a", "group h any a", "quorum g"]),
    ),
    one("witness-request", "no old size", `${toBase64(sha256())}\n\n${body}`),
    one("witness-request", "64 hashes", `old 1\n${`${toBase64(sha256())}\n`.repeat(64)}\n${body}`),
    one("verifier-key", "an ID that is not its own", logKey.vkey.replace(/\+[0-9a-f]{8}\+/, "+00000000+")),
    one("verifier-key", "a space in the name", logKey.vkey.replace("log.", "log .")),
  ];
}

async function witnessVectors(): Promise<WitnessVector[]> {
  const path = await readerAt(size).consistencyPath(100);
  const remembered = { size: 100, root: toHex(rootAt(100)) };
  const nothing = { size: 0, root: "" };
  const ask = (old: number, hashes: readonly Uint8Array[], checkpoint: Uint8Array): string =>
    text(formatWitnessRequest(old, hashes, checkpoint));
  const forked = checkpointText(origin, { size, root: sha256() });
  const other = checkpointText("other.example", { size, root: rootAt(size) });
  const same = checkpointText(origin, { size: 100, root: sha256() });
  return [
    { name: "the first checkpoint", ...nothing, request: ask(0, [], signed), status: 200 },
    { name: "a log that grew", ...remembered, request: ask(100, path, signed), status: 200 },
    {
      name: "an unknown log",
      ...remembered,
      request: ask(100, path, note(other, logKey.sign(other))),
      status: 404,
    },
    {
      name: "a signature that does not fit",
      ...remembered,
      request: ask(100, path, note(head, logKey.sign(forked))),
      status: 403,
    },
    {
      name: "no signature of the log",
      ...remembered,
      request: ask(100, path, note(head, witnessA.cosign(head, 1))),
      status: 403,
    },
    { name: "an old size above the new one", ...remembered, request: ask(301, path, signed), status: 400 },
    { name: "garbage", ...remembered, request: "old", status: 400 },
    { name: "another old size", ...remembered, request: ask(99, path, signed), status: 409 },
    {
      name: "the same size with another root: a split view",
      ...remembered,
      request: ask(100, [], note(same, logKey.sign(same))),
      status: 409,
    },
    {
      name: "another history: a split view",
      ...remembered,
      request: ask(100, path, note(forked, logKey.sign(forked))),
      status: 422,
    },
    { name: "a path from zero", ...nothing, request: ask(0, path, signed), status: 422 },
  ];
}

export async function makeVectors(): Promise<LogVectors> {
  return {
    about:
      "Scanseal transparency log: spec/transparency-log.md. Entries of the tree are the openings `statement N` with salt SHA-256 of that text, kinds in turn.",
    log: logKey.vkey,
    witnesses: [witnessA.vkey, witnessB.vkey],
    tree: [0, 1, 2, 3, 7, 8, 255, 256, 257, 300].map((count) => ({
      size: count,
      root: toHex(rootAt(count)),
    })),
    entries: entryVectors(),
    seals: await sealsVector(),
    proofs: proofs.all(),
    sealProofs: await sealProofVectors(),
    refused: refusedTexts(),
    witness: await witnessVectors(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const vectors = { $schema: "vectors.schema.json", ...(await makeVectors()) };
  writeFileSync(
    fileURLToPath(new URL("vectors.json", import.meta.url)),
    `${JSON.stringify(vectors, null, 1)}\n`,
  );
}
