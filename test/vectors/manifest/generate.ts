/**
 * Makes capture-manifest.json: `node test/vectors/manifest/generate.ts`. The key is made for the occasion and thrown away; its signature
 * stays, so that everything else can be made again byte for byte.
 */
import { execFileSync } from "node:child_process";
import { createPrivateKey, createSign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toBase64, toHex } from "../../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { decodeLeafTable } from "../../../src/provenance/disclosure/leaf-table.ts";
import { attributeLeaves } from "../../../src/provenance/manifest/attribute-leaves.ts";
import { buildManifest } from "../../../src/provenance/manifest/build.ts";
import { encodeVariant, variants } from "./encodings.ts";
import { refusals } from "./refusals.ts";
import { sampleElements } from "./sample-object.ts";
import { read, sampleRequest, signerOf, withManifest } from "./sealing.ts";
import type { ManifestVectors } from "./vectors.ts";

const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
const sealedAt = Date.UTC(2026, 0, 31, 12, 0, 0, 250);

export interface VectorKey {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** Thrown away after its one signature. */
export function makeKey(): VectorKey {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-vectors-"));
  try {
    const at = (name: string): string => join(folder, name);
    const subject = ["-subj", "/CN=Scanseal test vector", "-days", "36500"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const out = ["-keyout", at("key.pem"), "-outform", "DER", "-out", at("certificate.der")];
    execFileSync("openssl", ["req", "-x509", ...curve, ...out, ...subject], { stdio: "ignore" });
    const key = createPrivateKey(readFileSync(at("key.pem")));
    return {
      certificate: new Uint8Array(readFileSync(at("certificate.der"))),
      sign: (message) => new Uint8Array(createSign("sha256").update(message).sign(key)),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function makeVectors({ certificate, sign }: VectorKey): Promise<ManifestVectors> {
  let signature = new Uint8Array(0);
  const signer = signerOf(certificate, (message) => {
    signature = new Uint8Array(sign(message));
    return signature;
  });
  const file = encodeVariant(sampleElements(), variants.find(({ name }) => name === "explicit")!);
  const object = await read(file);
  const built = await buildManifest(
    { object, ...sampleRequest },
    { crypto: nodeCrypto, random: { bytes: () => seed }, clock: { now: () => sealedAt }, signer },
  );
  const values = new Map((await attributeLeaves(object)).map(({ path, value }) => [path, value]));
  const sealedFile = await withManifest(object, built);
  return {
    description:
      "One object sealed with a fixed seed, clock and signature: spec/capture-manifest.md, spec/commitments.md.",
    seed: toHex(seed),
    sealedAt,
    certificate: toBase64(certificate),
    signature: toBase64(signature),
    object: toBase64(file),
    expected: {
      leaves: decodeLeafTable(built.contents.table!).map(({ path, vr, commitment }) => {
        const value = values.get(path);
        const shown = value instanceof Uint8Array ? { value: toHex(value) } : {};
        return { path, vr, ...shown, commitment: toHex(commitment) };
      }),
      root: built.statement.root,
      table: toBase64(built.contents.table!),
      payload: new TextDecoder().decode(built.payload),
      signatureUid: built.signatureUid,
      envelope: new TextDecoder().decode(built.contents.envelope),
      sealedObject: toBase64(sealedFile),
    },
    refused: await refusals(sealedFile),
  };
}

if (import.meta.main) {
  const target = fileURLToPath(new URL("capture-manifest.json", import.meta.url));
  writeFileSync(target, `${JSON.stringify(await makeVectors(makeKey()), undefined, 1)}\n`);
}
