/** Ports for cryptography, randomness and time. `platform/node` implements them; a browser will. */
import type { Bytes } from "./bytes.ts";

/** FIPS 180-4 functions the product accepts. */
export type HashName = "SHA-256" | "SHA-384" | "SHA-512";

/** Recognised so that old signatures can be named; never accepted. */
export type LegacyHashName = "MD5" | "SHA-1" | "RIPEMD-160";

/** A synchronous, incremental digest. `digest` ends it. */
export interface Hash {
  update(bytes: Bytes): void;
  digest(): Bytes;
}

/** A signature check that hashes as it goes; nothing of the message is kept. */
export interface SignatureCheck {
  update(bytes: Bytes): void;
  /** True when the signature fits. ECDSA signatures are DER `ECDSA-Sig-Value`, RSA is PKCS#1 v1.5 (RFC 8017 section 8.2). Garbage is false, not an error. */
  verify(signature: Bytes): Promise<boolean>;
}

export interface Crypto {
  createHash(name: HashName | LegacyHashName): Hash;
  /** One-shot digest: several times faster than `createHash` on short input. */
  hash(name: HashName, bytes: Bytes): Bytes;
  /** FIPS 202 SHAKE256 with an output of `length` bytes. */
  shake256(bytes: Bytes, length: number): Bytes;
  hmacSha256(key: Bytes, bytes: Bytes): Bytes;
  /**
   * Starts a check under a DER SubjectPublicKeyInfo (EC P-256, P-384 or RSA).
   * @throws ScansealError `key-unusable` when the key cannot be read or is of another kind
   */
  createSignatureCheck(spki: Bytes, hash: HashName | LegacyHashName): SignatureCheck;
  /** RFC 8032 Ed25519, of whole messages. @param publicKey 32 bytes. Garbage is false, not an error. */
  verifyEd25519(publicKey: Bytes, message: Bytes, signature: Bytes): Promise<boolean>;
}

/** Signing is injected: a key file, a PKCS#11 token, or a fixed answer in golden vectors. */
export interface Signer {
  readonly keyType: "EC-P256" | "EC-P384" | "RSA";
  /** Modulus bits for RSA, field bits for EC. */
  readonly keyBits: number;
  readonly hash: HashName;
  /** DER X.509 certificate of the key. */
  readonly certificate: Bytes;
  /** Upper bound of a signature's length in bytes: space is reserved before signing. */
  readonly signatureBytesMax: number;
  start(): SigningOperation;
}

export interface SigningOperation {
  update(bytes: Bytes): void;
  /** DER `ECDSA-Sig-Value` for EC, PKCS#1 v1.5 for RSA. */
  sign(): Promise<Bytes>;
}

export interface Random {
  bytes(length: number): Bytes;
}

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}
