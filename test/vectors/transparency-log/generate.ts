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
import { formatProof } from "../../../src/provenance/transparency-log/proof/log-proof.ts";
import {
  formatNote,
  type NoteSignature,
} from "../../../src/provenance/transparency-log/proof/signed-note.ts";
import { TreeReader } from "../../../src/provenance/transparency-log/proof/tree-reader.ts";
import type { LogStep } from "../../../src/provenance/transparency-log/proof/verification.ts";
import { formatWitnessRequest } from "../../../src/provenance/transparency-log/proof/witness-request.ts";
import {
  bothWitnesses,
  hasher,
  logKey,
  origin,
  plainRoot,
  sampleEntry,
  sha256,
  testKey,
  testTime,
  tilesIn,
  witnessA,
  witnessB,
} from "../../transparency-log/memory-log.ts";
import type {
  EntryVector,
  LogVectors,
  ProofVector,
  RefusedText,
  SealsVector,
  WitnessVector,
} from "./vectors.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");
const size = 300;
const index = 70;
const entries = Array.from({ length: size }, (_, n) => sampleEntry(n));
const rootAt = (count: number): Uint8Array =>
  plainRoot(entries.slice(0, count).map((one) => hasher.leaf(one)));
const readerAt = (count: number): TreeReader =>
  new TreeReader(count, tilesIn(entries.slice(0, count)), hasher);
const head = checkpointText(origin, { size, root: rootAt(size) });

function note(body: string, ...signatures: readonly NoteSignature[]): Uint8Array {
  return formatNote({ text: body, signatures });
}

const signed: Uint8Array = note(
  head,
  logKey.sign(head),
  witnessA.cosign(head, testTime),
  witnessB.cosign(head, testTime + 7),
);

async function proofVectors(): Promise<ProofVector[]> {
  const path = await readerAt(size).inclusionPath(index);
  const base = { entry: toHex(entries[index]!), policy: lines(bothWitnesses), now: testTime + 60 };
  const proof = text(formatProof({ index, path, checkpoint: signed }));
  const withNote = (checkpoint: Uint8Array): string => text(formatProof({ index, path, checkpoint }));
  const good = (name: string, changed: Partial<ProofVector>, expected: object): ProofVector =>
    ({ name, ...base, proof, ...changed, expected: { ok: true, index, ...expected } }) as ProofVector;
  const bad = (
    step: LogStep,
    attack: string,
    effect: string,
    changed: Partial<ProofVector>,
  ): ProofVector => ({
    name: attack,
    attack,
    effect,
    ...base,
    proof,
    ...changed,
    expected: { ok: false, step },
  });
  const otherRoot = checkpointText(origin, { size, root: sha256() });
  const stranger = testKey("stranger.example", 4);
  const cosignedBy = (...signatures: NoteSignature[]): string =>
    withNote(note(head, logKey.sign(head), ...signatures));
  return [
    good("entry 70 of 300, cosigned by both witnesses", {}, { protection: "witnessed", time: testTime + 7 }),
    good(
      "the same without witnesses",
      { policy: lines([`log ${logKey.vkey}`, "quorum none"]) },
      { protection: "not protected from site administrators" },
    ),
    good(
      "one of two witnesses is enough for any",
      {
        policy: lines([...bothWitnesses.slice(0, 3), "group one any a b", "quorum one"]),
        proof: cosignedBy(witnessB.cosign(head, testTime)),
      },
      { protection: "witnessed", time: testTime },
    ),
    bad("proof-format", "an extra line", "unauthenticated data beside the proof", {
      proof: proof.replace("\nindex", "\nextra AAAA\nindex"),
    }),
    bad("proof-format", "an index with a leading zero", "two texts for one proof", {
      proof: proof.replace("index 70", "index 070"),
    }),
    bad("proof-format", "a hash of 31 bytes", "a path that is no path", {
      proof: proof.replace(/\n[^\n]{44}\n/, `\n${toBase64(new Uint8Array(31))}\n`),
    }),
    bad("checkpoint-format", "an extension line", "statements no monitor audits", {
      proof: withNote(note(`${head}more\n`, logKey.sign(`${head}more\n`))),
    }),
    bad("checkpoint-format", "an index beyond the log", "a proof of what is not there", {
      proof: proof.replace("index 70", "index 300"),
    }),
    bad("log-signature", "a log of another name", "a log nobody audits", {
      proof: proof.replaceAll(origin, "other.example/log"),
    }),
    bad("log-signature", "a checkpoint the log did not sign", "a forged list", {
      proof: withNote(note(head, witnessA.cosign(head, testTime), witnessB.cosign(head, testTime))),
    }),
    bad("log-signature", "a signature moved to another root", "a forged list", {
      proof: withNote(
        note(
          otherRoot,
          logKey.sign(head),
          witnessA.cosign(otherRoot, testTime),
          witnessB.cosign(otherRoot, testTime),
        ),
      ),
    }),
    bad("witness-quorum", "one witness of two", "a list that only the site's accomplice saw", {
      proof: cosignedBy(witnessA.cosign(head, testTime)),
    }),
    bad("witness-quorum", "one witness twice", "a quorum of one", {
      proof: cosignedBy(witnessA.cosign(head, testTime), witnessA.cosign(head, testTime + 1)),
    }),
    bad("witness-quorum", "a stranger's cosignature", "a quorum of anybody", {
      proof: cosignedBy(witnessA.cosign(head, testTime), stranger.cosign(head, testTime)),
    }),
    bad("witness-quorum", "a cosignature from the future", "a time that has not come", {
      proof: cosignedBy(witnessA.cosign(head, testTime), witnessB.cosign(head, testTime + 1000)),
    }),
    bad("witness-quorum", "a cosignature of another checkpoint", "a split view", {
      proof: cosignedBy(witnessA.cosign(head, testTime), witnessB.cosign(otherRoot, testTime)),
    }),
    bad("inclusion", "another entry", "an entry that was never logged", { entry: toHex(sampleEntry(71)) }),
    bad("inclusion", "another index", "an entry at another place", {
      proof: proof.replace("index 70", "index 71"),
    }),
    bad("inclusion", "a path that is one too long", "a node taken for an entry", {
      proof: text(formatProof({ index, path: [...path, path[0]!], checkpoint: signed })),
    }),
    bad("inclusion", "a path that is one too short", "a node taken for an entry", {
      proof: text(formatProof({ index, path: path.slice(0, -1), checkpoint: signed })),
    }),
  ];
}

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
    proofs: await proofVectors(),
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
