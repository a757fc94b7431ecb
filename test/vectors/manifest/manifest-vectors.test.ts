/** The vectors hold: for what is written now, and for what was written when they were made. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromBase64, fromHex, fromLatin1, latin1, toBase64, toHex } from "../../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { decodeLeafTable } from "../../../src/provenance/disclosure/leaf-table.ts";
import { attributeLeaves } from "../../../src/provenance/manifest/attribute-leaves.ts";
import { buildManifest } from "../../../src/provenance/manifest/build.ts";
import { checkManifest, type ManifestFacts, openManifest } from "../../../src/provenance/manifest/check.ts";
import { itWithPeer, peerPath } from "../../peers.ts";
import vectorsJson from "./capture-manifest.json" with { type: "json" };
import { makeVectors } from "./generate.ts";
import { dsseVerifies, read, sampleRequest, signerOf, withManifest } from "./sealing.ts";
import type { ManifestVectors, RefusedVector } from "./vectors.ts";

const vectors: ManifestVectors = vectorsJson as ManifestVectors;
const { expected } = vectors;
const certificate = fromBase64(vectors.certificate);
const spkiOf = (der: Uint8Array): Uint8Array =>
  new Uint8Array(new X509Certificate(der).publicKey.export({ type: "spki", format: "der" }));

async function factsOf(file: string): Promise<ManifestFacts> {
  const object = await read(fromBase64(file));
  const opened = (await openManifest(object, nodeCrypto))!;
  const bindings = [{ uid: expected.signatureUid, certificate }];
  return checkManifest(object, opened, bindings, { crypto: nodeCrypto, spkiOf });
}

describe("capture-manifest.json", () => {
  it("is what sealing gives today, byte for byte", async () => {
    const object = await read(fromBase64(vectors.object));
    const built = await buildManifest(
      { object, ...sampleRequest },
      {
        crypto: nodeCrypto,
        random: { bytes: () => fromHex(vectors.seed) },
        clock: { now: () => vectors.sealedAt },
        signer: signerOf(certificate, () => fromBase64(vectors.signature)),
      },
    );
    expect(latin1(built.payload)).toBe(expected.payload);
    expect(built.signatureUid).toBe(expected.signatureUid);
    expect(latin1(built.contents.envelope)).toBe(expected.envelope);
    expect(toBase64(built.contents.table!)).toBe(expected.table);
    expect(toBase64(await withManifest(object, built))).toBe(expected.sealedObject);
  });

  it("is what its generator makes, attacks and all", async () => {
    const key = { certificate, sign: () => fromBase64(vectors.signature) };
    expect(await makeVectors(key)).toEqual(vectors);
  });

  it("lists every leaf with its value and commitment", async () => {
    const object = await read(fromBase64(vectors.object));
    const values = new Map((await attributeLeaves(object)).map(({ path, value }) => [path, value]));
    for (const leaf of expected.leaves.filter(({ value }) => value !== undefined)) {
      const value = values.get(leaf.path);
      expect(value instanceof Uint8Array ? toHex(value) : undefined, leaf.path).toBe(leaf.value);
    }
    const table = decodeLeafTable(fromBase64(expected.table));
    expect(table.map(({ path, vr, commitment }) => [path, vr, toHex(commitment)])).toEqual(
      expected.leaves.map(({ path, vr, commitment }) => [path, vr, commitment]),
    );
    expect(JSON.parse(expected.payload).subject[0].digest.scansealRoot).toBe(expected.root);
  });

  it("is signed, also to somebody who has only DSSE", () => {
    expect(dsseVerifies(expected.payload, fromBase64(vectors.signature), spkiOf(certificate))).toBe(true);
    const digest = toHex(nodeCrypto.hash("SHA-256", fromLatin1(expected.payload))).slice(0, 32);
    expect(expected.signatureUid).toBe(`2.25.${BigInt(`0x${digest}`)}`);
  });

  itWithPeer("openssl", "is signed for OpenSSL too, as the specification shows", () => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-vectors-"));
    try {
      const at = (name: string): string => join(folder, name);
      const type = "application/vnd.in-toto+json";
      writeFileSync(
        at("pae"),
        `DSSEv1 ${type.length} ${type} ${expected.payload.length} ${expected.payload}`,
      );
      writeFileSync(at("cert.der"), certificate);
      writeFileSync(at("sig"), fromBase64(vectors.signature));
      const run = (...words: readonly string[]): string =>
        execFileSync(peerPath("openssl"), words, { cwd: folder, encoding: "utf8" });
      writeFileSync(at("key.pem"), run("x509", "-in", "cert.der", "-inform", "DER", "-pubkey", "-noout"));
      expect(run("dgst", "-sha256", "-verify", "key.pem", "-signature", "sig", "pae")).toBe("Verified OK\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is wholly proven", async () => {
    expect(await factsOf(expected.sealedObject)).toMatchObject({
      signatures: ["valid"],
      deviceNamed: true,
      boundBy: [0],
      sameDevice: true,
      seed: "fits",
      table: "fits",
      rootBy: "table",
      comparison: {
        matched: expected.leaves.length,
        changed: [],
        added: [],
        removed: [],
        frames: { matched: 2 },
      },
    });
  });

  it.each(vectors.refused.map((vector) => [vector.name, vector] as const))(
    "refuses %s",
    async (_, vector) => {
      expect(await outcomeOf(vector)).toMatchObject(vector.expected);
    },
  );

  it("has attacks of every kind", () => {
    expect(vectors.refused.length).toBeGreaterThanOrEqual(19);
    for (const { attack, effect } of vectors.refused) expect(attack !== "" && effect !== "").toBe(true);
  });
});

async function outcomeOf({ object }: RefusedVector): Promise<object> {
  try {
    const { comparison, ...facts } = await factsOf(object);
    return { ...facts, ...comparison, framesChanged: comparison?.frames.changed };
  } catch (error) {
    return { error: (error as { code?: string }).code };
  }
}
