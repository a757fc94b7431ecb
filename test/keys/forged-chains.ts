/** Certificate chains for tests: good ones, and each kind of bad, built octet by octet so that nothing refuses to build them. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type Bytes, concatBytes, utf8 } from "../../src/foundation/bytes.ts";
import {
  der,
  derBits,
  derInteger,
  derNamedBits,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derTime,
  derTrue,
  derUtf8,
} from "../../src/keys/custody/der-writer.ts";
import { spkiOf } from "../../src/keys/custody/private-key.ts";
import { keyPurposeOf, type Role } from "../../src/keys/trust/roles.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";

export const judgedAt: number = Date.UTC(2026, 5, 1);
export const day = 86_400_000;

export interface Extension {
  oid: string;
  isCritical: boolean;
  value: Bytes;
}

/** Everything of a certificate, free to be wrong. Byte fields are whole DER values. */
export interface CertificateSpec {
  version: number | undefined;
  serial: Bytes;
  subject: Bytes;
  issuer: Bytes;
  notBefore: Bytes;
  notAfter: Bytes;
  key: KeyObject;
  signer: KeyObject;
  spki: Bytes | undefined;
  algorithm: SignatureChoice;
  innerAlgorithm: SignatureChoice | undefined;
  extensions: Extension[];
  /** Between public key and extensions. */
  extra: Bytes[];
  finish: (der: Bytes) => Bytes;
}

/** From the signer to the anchor. */
export type ChainSpec = CertificateSpec[];

export type SignatureChoice = "md5" | "sha1" | "sha256" | "sha384" | "sha512" | "ed25519";
export type KeyKind =
  | "P-256"
  | "P-384"
  | "P-521"
  | "RSA-1024"
  | "RSA-2048"
  | "RSA-3072"
  | "RSA-e3"
  | "Ed25519";

const keys = new Map<string, KeyObject>();

/** One key for each kind and purpose in a test run: RSA keys are slow to make. */
export function keyOf(kind: KeyKind, purpose: string): KeyObject {
  const name = `${kind} ${purpose}`;
  const known = keys.get(name) ?? makeKey(kind);
  keys.set(name, known);
  return known;
}

/** Of a key this module made. */
export function kindOf(key: KeyObject): KeyKind {
  for (const [name, known] of keys) if (known === key) return name.split(" ")[0] as KeyKind;
  throw new Error("not a key of this module");
}

function makeKey(kind: KeyKind): KeyObject {
  switch (kind) {
    case "P-256":
    case "P-384":
    case "P-521":
      return generateKeyPairSync("ec", { namedCurve: kind }).privateKey;
    case "RSA-e3":
      return generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 }).privateKey;
    case "Ed25519":
      return generateKeyPairSync("ed25519").privateKey;
    default:
      return generateKeyPairSync("rsa", { modulusLength: Number(kind.slice(4)) }).privateKey;
  }
}

export function name(...parts: readonly (readonly [oid: string, text: string])[]): Bytes {
  return derSequence(...parts.map(([oid, text]) => der(0x31, derSequence(derOid(oid), derUtf8(text)))));
}

export function commonName(text: string): Bytes {
  return name(["2.5.4.10", "Example Hospital"], ["2.5.4.3", text]);
}

export function keyIdentifier(key: KeyObject): Bytes {
  return nodeCrypto.hash("SHA-256", spkiOf(key)).slice(0, 20);
}

export function extension(oid: string, isCritical: boolean, value: Bytes): Extension {
  return { oid, isCritical, value };
}

export const oids = {
  ski: "2.5.29.14",
  keyUsage: "2.5.29.15",
  san: "2.5.29.17",
  basic: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  crlPoints: "2.5.29.31",
  policyConstraints: "2.5.29.36",
  aki: "2.5.29.35",
  eku: "2.5.29.37",
} as const;

export const authorityBasics = (pathLength?: number): Bytes =>
  derSequence(derTrue(), ...(pathLength === undefined ? [] : [derInteger(pathLength)]));

export const purposes = (...list: readonly string[]): Bytes => derSequence(...list.map(derOid));

export const rolePurposes = (...roles: readonly Role[]): Bytes => purposes(...roles.map(keyPurposeOf));

function specOf(subject: string, issuer: string, kind: KeyKind, extensions: Extension[]): CertificateSpec {
  const key = keyOf(kind, subject);
  const signer = keyOf(kind, issuer);
  return {
    version: 2,
    serial: derInteger(nodeCrypto.hash("SHA-256", utf8(`${subject}${kind}`)).slice(0, 16)),
    subject: commonName(subject),
    issuer: commonName(issuer),
    notBefore: derTime(judgedAt - 30 * day),
    notAfter: derTime(judgedAt + 300 * day),
    key,
    signer,
    spki: undefined,
    algorithm: "sha256",
    innerAlgorithm: undefined,
    extensions: [
      ...extensions,
      extension(oids.ski, false, derOctets(keyIdentifier(key))),
      extension(oids.aki, false, derSequence(der(0x80, keyIdentifier(signer)))),
    ],
    extra: [],
    finish: (whole) => whole,
  };
}

export function authoritySpec(subject: string, issuer: string, kind: KeyKind): CertificateSpec {
  return specOf(subject, issuer, kind, [
    extension(oids.basic, true, authorityBasics()),
    extension(oids.keyUsage, true, derNamedBits([5, 6])),
  ]);
}

/** A good chain of `length` certificates with keys of one kind. */
export function goodChain(kind: KeyKind, length: 2 | 3 | 4): ChainSpec {
  const issuers = ["Root", "Issuing", "Lower"].slice(0, length - 1).reverse();
  const signer = specOf("CT 1", issuers[0]!, kind, [
    extension(oids.basic, true, derSequence()),
    extension(oids.keyUsage, true, derNamedBits([0])),
    extension(oids.eku, false, rolePurposes("capture")),
  ]);
  return [signer, ...issuers.map((subject, i) => authoritySpec(subject, issuers[i + 1] ?? "Root", kind))];
}

/** Replaces or (undefined) removes an extension. */
export function setExtension(
  spec: CertificateSpec,
  oid: string,
  value: Bytes | undefined,
  isCritical = false,
): void {
  spec.extensions = spec.extensions.filter((one) => one.oid !== oid);
  if (value !== undefined) spec.extensions.unshift(extension(oid, isCritical, value));
}

/** Another key for one certificate of the chain; what names or was signed by the old one follows. */
export function setKey(chain: ChainSpec, index: number, kind: KeyKind): void {
  const spec = chain[index]!;
  const old = spec.key;
  spec.key = keyOf(kind, `replaced ${index}`);
  setExtension(spec, oids.ski, derOctets(keyIdentifier(spec.key)));
  for (const one of chain) {
    if (one.signer !== old) continue;
    one.signer = spec.key;
    if (kind === "Ed25519") one.algorithm = "ed25519";
    setExtension(one, oids.aki, derSequence(der(0x80, keyIdentifier(spec.key))));
  }
}

export function build(spec: CertificateSpec): Bytes {
  const inner = algorithmOf(spec.innerAlgorithm ?? spec.algorithm, spec.signer);
  const extensions = spec.extensions.map(({ oid, isCritical, value }) =>
    derSequence(derOid(oid), ...(isCritical ? [derTrue()] : []), derOctets(value)),
  );
  const body = derSequence(
    ...(spec.version === undefined ? [] : [der(0xa0, derInteger(spec.version))]),
    spec.serial,
    inner,
    spec.issuer,
    derSequence(spec.notBefore, spec.notAfter),
    spec.subject,
    spec.spki ?? spkiOf(spec.key),
    ...spec.extra,
    ...(extensions.length === 0 ? [] : [der(0xa3, derSequence(...extensions))]),
  );
  return spec.finish(signBody(body, spec.algorithm, spec.signer));
}

/** SEQUENCE { body, algorithm, signature } */
export function signBody(body: Bytes, algorithm: SignatureChoice, signer: KeyObject): Bytes {
  const signature = sign(algorithm === "ed25519" ? null : algorithm, body, signer);
  return derSequence(body, algorithmOf(algorithm, signer), derBits(new Uint8Array(signature)));
}

export function algorithmOf(algorithm: SignatureChoice, signer: KeyObject): Bytes {
  if (algorithm === "ed25519") return derSequence(derOid("1.3.101.112"));
  if (signer.asymmetricKeyType === "rsa") {
    const last = { md5: 4, sha1: 5, sha256: 11, sha384: 12, sha512: 13 }[algorithm];
    return derSequence(derOid(`1.2.840.113549.1.1.${last}`), derNull());
  }
  const oid = { md5: "4.1", sha1: "4.1", sha256: "4.3.2", sha384: "4.3.3", sha512: "4.3.4" }[algorithm];
  return derSequence(derOid(`1.2.840.10045.${oid}`));
}

/** The same bytes with one bit changed. */
export function flipped(bytes: Bytes, index: number): Bytes {
  const at = index < 0 ? bytes.length + index : index;
  return concatBytes([bytes.subarray(0, at), Uint8Array.of(bytes[at]! ^ 1), bytes.subarray(at + 1)]);
}
