/** Signing and checking one file with DCMTK's dcmsign and with us, under keys made for the occasion. */
import { spawnSync } from "node:child_process";
import { createPrivateKey, createSign, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DicomObject } from "../../src/dicom/model.ts";
import { readDicom, tolerableCodes } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { checkSignatures } from "../../src/digital-signatures/check.ts";
import { type SignatureRequest, signDataSet } from "../../src/digital-signatures/sign.ts";
import type { SignatureFact } from "../../src/digital-signatures/signature-fact.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { HashName, Signer } from "../../src/foundation/crypto.ts";
import { nodeCrypto, nodeHashNames } from "../../src/platform/node/crypto.ts";
import { peerPath } from "../peers.ts";

export type KeyKind = "P-256" | "P-384" | "P-521" | "RSA-1024" | "RSA-2048" | "RSA-3072" | "RSA-4096";

/** A self-signed certificate and its key, on disk for dcmsign and behind our port. */
export interface TestKey {
  readonly kind: KeyKind;
  readonly keyFile: string;
  readonly certificateFile: string;
  signer(hash: HashName): Signer;
}

const caConfiguration = `
[ca]
default_ca = self
[self]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = signer
[any]
commonName = supplied
[signer]
keyUsage = critical, digitalSignature
basicConstraints = critical, CA:FALSE
[req]
distinguished_name = name
[name]
`;

/** Valid from 2020 on: dcmsign compares wall clocks, so a certificate of this very second may be "not yet valid". */
export function makeTestKey(kind: KeyKind, folder: string): TestKey {
  const path = (name: string): string => join(folder, `${kind}-${name}`);
  const keyFile = path("key.pem");
  const certificateFile = path("certificate.pem");
  const algorithm = kind.startsWith("P-")
    ? ["-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${kind}`]
    : ["-algorithm", "RSA", "-pkeyopt", `rsa_keygen_bits:${kind.slice(4)}`];
  openssl(folder, "genpkey", ...algorithm, "-out", keyFile);
  writeFileSync(join(folder, "ca.cnf"), caConfiguration);
  writeFileSync(join(folder, "index.txt"), "");
  const subject = `/CN=Scanseal interop test ${kind}`;
  openssl(
    folder,
    "req",
    "-new",
    "-config",
    "ca.cnf",
    "-key",
    keyFile,
    "-subj",
    subject,
    "-out",
    path("request.pem"),
  );
  openssl(folder, "ca", "-batch", "-notext", "-config", "ca.cnf", "-selfsign", "-keyfile", keyFile, "-in", path("request.pem"), "-out", certificateFile, "-startdate", "20200101000000Z", "-enddate", "20400101000000Z"); // biome-ignore format: one command
  const key = createPrivateKey(readFileSync(keyFile));
  const certificate = new Uint8Array(new X509Certificate(readFileSync(certificateFile)).raw);
  return {
    kind,
    keyFile,
    certificateFile,
    signer: (hash) => ({
      keyType: kind === "P-256" ? "EC-P256" : kind === "P-384" ? "EC-P384" : "RSA",
      keyBits: Number(/\d+/.exec(kind)![0]),
      hash,
      certificate,
      signatureBytesMax: 512,
      start() {
        const operation = createSign(nodeHashNames[hash]);
        return {
          update: (bytes) => void operation.update(bytes),
          sign: async () => new Uint8Array(operation.sign(key)),
        };
      },
    }),
  };
}

function openssl(folder: string, ...args: string[]): void {
  const run = spawnSync(peerPath("openssl"), args, { cwd: folder, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`openssl ${args[0]}: ${run.stderr}`);
}

const macOptions: Readonly<Record<string, string>> = {
  "SHA-256": "+m2",
  "SHA-384": "+m3",
  "SHA-512": "+m5",
  "RIPEMD-160": "+mr",
  "SHA-1": "+ms",
  MD5: "+mm",
};

export interface PeerRun {
  readonly exitCode: number;
  /** First complaint, without paths. */
  readonly complaint: string;
}

function dcmsign(args: readonly string[]): PeerRun {
  const run = spawnSync(peerPath("dcmsign"), args, {
    encoding: "latin1",
    timeout: 60_000,
    maxBuffer: 1 << 26,
    env: { ...process.env, TZ: "UTC" },
  });
  const lines = `${run.stderr}\n${run.stdout}`.split("\n");
  const complaint = lines.find((line) => /^[EF]: /.test(line)) ?? "";
  return { exitCode: run.status ?? -1, complaint: complaint.replace(/\/\S+\//g, "") };
}

/** dcmsign signs the whole data set, or with `extra` options whatever they ask for. */
export function signWithPeer(
  input: string,
  output: string,
  key: TestKey,
  hash: string,
  extra: readonly string[] = [],
): PeerRun {
  const which = extra.includes("+si") ? [] : ["+s", key.keyFile, key.certificateFile];
  return dcmsign([...which, macOptions[hash]!, ...extra, input, output]);
}

/** Exit code 0: every signature fits and its signer is trusted. */
export function verifyWithPeer(file: string, ...keys: readonly TestKey[]): PeerRun {
  return dcmsign(["--verify", "+rg", ...keys.flatMap((key) => ["+cf", key.certificateFile]), file]);
}

/** Real files bend the rules: what may be tolerated at all is tolerated here. */
export function readTolerantly(input: Bytes, bareTransferSyntaxUid?: string): Promise<DicomObject> {
  return readDicom(new MemorySource(input), {
    tolerate: tolerableCodes,
    ...(bareTransferSyntaxUid && { bareTransferSyntaxUid }),
  });
}

export async function signWithUs(
  object: DicomObject,
  key: TestKey,
  hash: HashName,
  request: Partial<SignatureRequest> = {},
): Promise<Bytes> {
  const unique = BigInt(`0x${crypto.randomUUID().replaceAll("-", "")}`);
  const complete = { signatureUid: `2.25.${unique}`, dateTimeMs: Date.now(), ...request };
  const { edits } = await signDataSet(object, complete, key.signer(hash));
  return writeToBytes(object, edits);
}

export async function checkWithUs(
  input: Bytes,
  bareTransferSyntaxUid?: string,
): Promise<readonly SignatureFact[]> {
  return checkSignatures(await readTolerantly(input, bareTransferSyntaxUid), { crypto: nodeCrypto });
}
