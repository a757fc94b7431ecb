/** Sealing for tests: a manifest is built, inserted and read back. No PS3.15 signature is made here. */
import { createSign, createVerify, generateKeyPairSync } from "node:crypto";
import type { DicomObject } from "../../../src/dicom/model.ts";
import type { FrameDecoder } from "../../../src/dicom/pixel-data/decoder.ts";
import { readDicom } from "../../../src/dicom/read.ts";
import { writeToBytes } from "../../../src/dicom/splice.ts";
import { MemorySource } from "../../../src/foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../../../src/foundation/bytes.ts";
import type { Signer } from "../../../src/foundation/crypto.ts";
import { nodeCrypto, nodeRandom } from "../../../src/platform/node/crypto.ts";
import {
  type BuildRequest,
  type BuiltManifest,
  buildManifest,
} from "../../../src/provenance/manifest/build.ts";
import { checkManifest, type ManifestFacts, openManifest } from "../../../src/provenance/manifest/check.ts";

/** A signer whose "certificate" is only its public key: certificates are keys/trust's business. */
export function keySigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificate = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  return signerOf(certificate, (message) => createSign("sha256").update(message).sign(privateKey));
}

export function signerOf(certificate: Bytes, sign: (message: Bytes) => Bytes): Signer {
  return {
    keyType: "EC-P256",
    keyBits: 256,
    hash: "SHA-256",
    certificate,
    signatureBytesMax: 72,
    start() {
      const parts: Bytes[] = [];
      return {
        update: (bytes) => void parts.push(bytes.slice()),
        sign: async () => new Uint8Array(sign(concatBytes(parts))),
      };
    },
  };
}

export const sampleRequest: Omit<BuildRequest, "object"> = {
  type: "capture",
  label: "CT 1",
  epoch: "1",
  counter: 42,
  watermark: { scheme: "none", reason: "digest-only" },
  software: { name: "scanseal", version: "0.1.0" },
};

export function read(file: Bytes): Promise<DicomObject> {
  return readDicom(new MemorySource(file));
}

export interface Sealed extends BuiltManifest {
  readonly file: Bytes;
  readonly certificate: Bytes;
}

export async function seal(
  file: Bytes,
  decoder?: FrameDecoder,
  signer: Signer = keySigner(),
): Promise<Sealed> {
  const object = await read(file);
  const clock = { now: (): number => Date.UTC(2026, 0, 31, 12, 0, 0, 250) };
  const ports = { crypto: nodeCrypto, random: nodeRandom, clock, signer, ...(decoder ? { decoder } : {}) };
  const built = await buildManifest({ object, ...sampleRequest }, ports);
  return { ...built, file: await withManifest(object, built), certificate: signer.certificate };
}

export function withManifest(
  object: DicomObject,
  { elements }: Pick<BuiltManifest, "elements">,
): Promise<Bytes> {
  return writeToBytes(
    object,
    elements.map((element) => ({ kind: "put", element }) as const),
  );
}

/** The facts of a file, bound by a signature with the right UID and certificate unless `bindings` says otherwise. */
export async function check(
  file: Bytes,
  sealed: Pick<Sealed, "signatureUid" | "certificate">,
  decoder?: FrameDecoder,
): Promise<ManifestFacts | undefined> {
  const object = await read(file);
  const opened = await openManifest(object, nodeCrypto);
  if (!opened) return undefined;
  const bindings = [{ uid: sealed.signatureUid, certificate: sealed.certificate }];
  return checkManifest(object, opened, bindings, { crypto: nodeCrypto, spkiOf: (der) => der, decoder });
}

/** Verification without our code: DSSE's pre-authentication encoding written out, and node's own verify. */
export function dsseVerifies(payload: string, signature: Bytes, spki: Bytes): boolean {
  const type = "application/vnd.in-toto+json";
  return createVerify("sha256")
    .update(`DSSEv1 ${type.length} ${type} ${Buffer.byteLength(payload)} ${payload}`)
    .verify({ key: Buffer.from(spki), format: "der", type: "spki" }, signature);
}
