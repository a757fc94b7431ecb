/** Key and signature algorithms, and the floor below which none is accepted. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { HashName, LegacyHashName } from "../../foundation/crypto.ts";
import {
  bitStringBytesOf,
  DerReader,
  type DerValue,
  derTag,
  integerOf,
  oidOf,
  readerOf,
  refuse,
} from "./der.ts";
import { keyOid } from "./object-identifiers.ts";

export type KeyType = "EC-P256" | "EC-P384" | "RSA";

export interface PublicKey {
  /** SubjectPublicKeyInfo, for the crypto port and for fingerprints. */
  readonly spki: Bytes;
  readonly type: KeyType | "other";
  /** Modulus bits for RSA, field bits for EC, 0 for others. */
  readonly bits: number;
}

export interface SignatureAlgorithm {
  readonly oid: string;
  readonly key: "EC" | "RSA" | "other";
  readonly hash: HashName | LegacyHashName | undefined;
}

/** NIST SP 800-57 part 1: 3072 bits are 128 bits of strength, the level of P-256. */
export const signerRsaBitsMin = 3072;
/** Existing hospital authorities are RSA-2048; 112 bits of strength are allowed through 2030 (NIST SP 800-131A). */
const authorityRsaBitsMin = 2048;
/** Checking time grows with the square; nothing real is larger. */
export const rsaBitsMax = 8192;

const signatureAlgorithms: ReadonlyMap<string, Omit<SignatureAlgorithm, "oid">> = new Map([
  ["1.2.840.10045.4.3.2", { key: "EC", hash: "SHA-256" }],
  ["1.2.840.10045.4.3.3", { key: "EC", hash: "SHA-384" }],
  ["1.2.840.10045.4.3.4", { key: "EC", hash: "SHA-512" }],
  ["1.2.840.113549.1.1.11", { key: "RSA", hash: "SHA-256" }],
  ["1.2.840.113549.1.1.12", { key: "RSA", hash: "SHA-384" }],
  ["1.2.840.113549.1.1.13", { key: "RSA", hash: "SHA-512" }],
  // Named so that a refusal can say why; never accepted.
  ["1.2.840.10045.4.1", { key: "EC", hash: "SHA-1" }],
  ["1.2.840.113549.1.1.5", { key: "RSA", hash: "SHA-1" }],
  ["1.2.840.113549.1.1.4", { key: "RSA", hash: "MD5" }],
  ["1.3.36.3.3.1.2", { key: "RSA", hash: "RIPEMD-160" }],
] as const);

/** AlgorithmIdentifier of a signature. */
export function signatureAlgorithmOf(value: DerValue): SignatureAlgorithm {
  const reader = readerOf(value);
  const oid = oidOf(reader.read("signature algorithm", derTag.oid));
  const known = signatureAlgorithms.get(oid);
  if (known === undefined) return { oid, key: "other", hash: undefined };
  // RFC 5758 3.2: none for ECDSA. RFC 4055 5: NULL for RSA, and absent must be accepted.
  if (known.key === "RSA") {
    const nil = reader.optional("signature parameters", derTag.nil);
    if (nil !== undefined && nil.content.length !== 0) refuse("a NULL has content", nil.offset);
  }
  reader.end("signature algorithm");
  return { oid, ...known };
}

/** SubjectPublicKeyInfo of the curve or modulus; keys of another kind are `other`, malformed ones are refused. */
export function publicKeyOf(value: DerValue): PublicKey {
  const spki = value.whole;
  const reader = readerOf(value);
  const algorithm = reader.enter("key algorithm");
  const oid = oidOf(algorithm.read("key algorithm", derTag.oid));
  const key = reader.read("public key", derTag.bitString);
  reader.end("public key");
  if (oid === keyOid.ec) {
    // RFC 5480 2.1.1: named curves only.
    const curve = oidOf(algorithm.read("curve", derTag.oid));
    algorithm.end("curve");
    return ecKeyOf(spki, curve, key);
  }
  if (oid === keyOid.rsa) {
    const nil = algorithm.read("RSA parameters", derTag.nil);
    if (nil.content.length !== 0) refuse("a NULL has content", nil.offset);
    algorithm.end("RSA parameters");
    return rsaKeyOf(spki, key);
  }
  return { spki, type: "other", bits: 0 };
}

function ecKeyOf(spki: Bytes, curve: string, key: DerValue): PublicKey {
  const bits = curve === keyOid.p256 ? 256 : curve === keyOid.p384 ? 384 : 0;
  if (bits === 0) return { spki, type: "other", bits: 0 };
  const point = bitStringBytesOf(key);
  // RFC 5480 2.2: uncompressed is what every implementation takes.
  if (point.length !== 1 + bits / 4 || point[0] !== 4) refuse("an EC point is not uncompressed", key.offset);
  return { spki, type: bits === 256 ? "EC-P256" : "EC-P384", bits };
}

/** RSAPublicKey ::= SEQUENCE { modulus, publicExponent } (RFC 8017 A.1.1) */
function rsaKeyOf(spki: Bytes, key: DerValue): PublicKey {
  const outer = new DerReader(bitStringBytesOf(key), key.offset + key.whole.length - key.content.length + 1);
  const reader = outer.enter("RSA key");
  outer.end("RSA key");
  const modulus = integerOf(reader.read("modulus", derTag.integer));
  const exponent = integerOf(reader.read("exponent", derTag.integer));
  reader.end("RSA key");
  const digits = modulus[0] === 0 ? modulus.subarray(1) : modulus;
  const isSane = modulus[0]! < 0x80 && digits.length > 0 && (digits[digits.length - 1]! & 1) === 1;
  if (!isSane) refuse("an RSA modulus is not a positive odd number", key.offset);
  // FIPS 186-5 5.4 (b): odd, above 2^16; up to 64 bits, since larger ones only cost time.
  const e = exponent.reduce((n, byte) => (n << 8n) | BigInt(byte), 0n);
  const isUsual = exponent[0]! < 0x80 && exponent.length <= 9 && e > 65536n && (e & 1n) === 1n;
  const bits = digits.length * 8 - (Math.clz32(digits[0]!) - 24);
  return isUsual ? { spki, type: "RSA", bits } : { spki, type: "other", bits };
}

/** Why a signer's key may not be used, or undefined. */
export function signerKeyWeakness(key: PublicKey): string | undefined {
  return keyWeakness(key, signerRsaBitsMin);
}

/** Why an authority's key may not be used, or undefined. */
export function authorityKeyWeakness(key: PublicKey): string | undefined {
  return keyWeakness(key, authorityRsaBitsMin);
}

function keyWeakness(key: PublicKey, rsaBitsMin: number): string | undefined {
  if (key.type === "other") return "the key is neither P-256, P-384 nor RSA with a usual exponent";
  if (key.type !== "RSA") return undefined;
  if (key.bits < rsaBitsMin) return `the RSA key has ${key.bits} bits, fewer than ${rsaBitsMin}`;
  if (key.bits > rsaBitsMax) return `the RSA key has ${key.bits} bits, more than ${rsaBitsMax}`;
  return undefined;
}

/** The hash of an accepted signature algorithm that fits the key, or why it is refused. */
export function acceptedHash(
  algorithm: SignatureAlgorithm,
  key: PublicKey,
): { readonly hash: HashName } | { readonly weakness: string } {
  const { hash } = algorithm;
  if (hash === "MD5" || hash === "SHA-1" || hash === "RIPEMD-160") {
    return { weakness: `signed over ${hash}, which can be forged` };
  }
  if (hash === undefined)
    return { weakness: `signed with an algorithm that is not accepted (${algorithm.oid})` };
  const fits = algorithm.key === (key.type === "RSA" ? "RSA" : "EC");
  return fits ? { hash } : { weakness: "the signature algorithm is not of the issuer's key" };
}
