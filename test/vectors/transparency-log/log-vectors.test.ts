/** The vectors hold: for what is written now, and for what was written when they were made. */
import { describe, expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "../../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { parseCheckpoint } from "../../../src/provenance/transparency-log/proof/checkpoint.ts";
import {
  contentOfPlace,
  type EntryKind,
  entryOf,
  kindOf,
  sealsContent,
} from "../../../src/provenance/transparency-log/proof/log-entry.ts";
import { parseProof } from "../../../src/provenance/transparency-log/proof/log-proof.ts";
import { parseNote } from "../../../src/provenance/transparency-log/proof/signed-note.ts";
import { TreeBuilder } from "../../../src/provenance/transparency-log/proof/tree-builder.ts";
import { verifyLogProof } from "../../../src/provenance/transparency-log/proof/verification.ts";
import { parseVerifierKey } from "../../../src/provenance/transparency-log/proof/verifier-key.ts";
import { parsePolicy } from "../../../src/provenance/transparency-log/proof/witness-policy.ts";
import { parseWitnessRequest } from "../../../src/provenance/transparency-log/proof/witness-request.ts";
import { checkLogProofs } from "../../../src/zero-trust/evidence/log-check.ts";
import { hasher, sampleEntry } from "../../transparency-log/memory-log.ts";
import { makeVectors } from "./generate.ts";
import vectorsJson from "./vectors.json" with { type: "json" };
import schema from "./vectors.schema.json" with { type: "json" };
import type { LogVectors, RefusedText } from "./vectors.ts";

const { $schema: _, ...vectorsOnly } = vectorsJson;
const vectors = vectorsOnly as unknown as LogVectors;

describe("vectors.json", () => {
  it("is what is made today, byte for byte", async () => {
    expect(JSON.parse(JSON.stringify(await makeVectors()))).toEqual(vectorsOnly);
  });

  it("has the form of its schema", () => {
    expect(Object.keys(vectorsJson).filter((key) => !(key in schema.properties))).toEqual([]);
    for (const [name, rows] of [
      ["proof", vectors.proofs],
      ["sealProof", vectors.sealProofs],
      ["refused", vectors.refused],
      ["witness", vectors.witness],
      ["entry", vectors.entries],
    ] as const) {
      const { required, properties } = schema.$defs[name];
      for (const row of rows) {
        expect(Object.keys(row)).toEqual(expect.arrayContaining(required));
        expect(Object.keys(row).filter((key) => !(key in properties))).toEqual([]);
      }
    }
  });

  it("roots of trees", () => {
    const builder = new TreeBuilder(hasher);
    for (const { size, root } of vectors.tree) {
      while (builder.size < size) builder.add(hasher.leaf(sampleEntry(builder.size)));
      expect(toHex(builder.root())).toBe(root);
    }
  });

  it.each(vectors.entries)("$name", ({ kind, salt, content, entry }) => {
    const opening = { kind: kind as EntryKind, salt: fromHex(salt), content: fromHex(content) };
    expect(toHex(entryOf(opening, nodeCrypto))).toBe(entry);
    expect(kindOf(fromHex(entry))).toBe(kind);
  });

  it("seals of a series", () => {
    const { payloadDigests, content, index, path } = vectors.seals;
    const digests = payloadDigests.map(fromHex);
    expect(toHex(sealsContent(digests, hasher))).toBe(content);
    const place = { payloadDigest: digests[index]!, index, count: digests.length, path: path.map(fromHex) };
    expect(toHex(contentOfPlace(place, hasher)!)).toBe(content);
  });

  it.each(vectors.proofs)("proof: $name", async ({ proof, entry, policy, now, expected }) => {
    const trust = { policy: parsePolicy(utf8(policy), nodeCrypto), crypto: nodeCrypto, now };
    expect(await verifyLogProof(utf8(proof), fromHex(entry), trust)).toMatchObject(expected);
  });

  it.each(vectors.sealProofs)("proof of a seal: $name", async (row) => {
    const { proof, payloadDigest, policy, now, expected } = row;
    const found = await checkLogProofs({
      crypto: nodeCrypto,
      policy: parsePolicy(utf8(policy), nodeCrypto),
      now: now * 1000,
      payloadDigest,
      embedded: [{ type: "log-proof", bytes: fromHex(proof) }],
      detached: [],
    });
    expect(found).toEqual({
      ...expected,
      ...(expected.state === "invalid" ? { fault: expected.step } : {}),
    });
  });

  const parsers: Readonly<Record<RefusedText["format"], (bytes: Uint8Array) => unknown>> = {
    note: parseNote,
    checkpoint: parseCheckpoint,
    proof: parseProof,
    policy: (bytes) => parsePolicy(bytes, nodeCrypto),
    "witness-request": parseWitnessRequest,
    "verifier-key": (bytes) => parseVerifierKey(Buffer.from(bytes).toString(), nodeCrypto),
  };
  it.each(vectors.refused)("refused $format: $name", ({ format, text }) => {
    expect(() => parsers[format](utf8(text))).toThrow(expect.objectContaining({ code: "log-structure" }));
  });
});
