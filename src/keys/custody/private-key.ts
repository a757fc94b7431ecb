/** Private keys: made here, encrypted on disk, used through node:crypto. */
import {
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  scryptSync,
} from "node:crypto";
import { type Bytes, utf8 } from "../../foundation/bytes.ts";
import type { HashName, Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { KeyType } from "../trust/algorithms.ts";
import { encodePem } from "../trust/pem.ts";
import { derInteger, derOctets, derOid, derSequence } from "./der-writer.ts";

/** What a device key may be made as. */
export type KeyChoice = "EC-P256" | "EC-P384" | "RSA-3072" | "RSA-4096";

/** PEM of an encrypted RSA-8192 key takes 7 KiB. */
export const keyFileBytesMax: number = 16 * 1024;

/** Shorter ones are guessed; the random secret of a site has 43 characters. */
const passphraseCharactersMin = 8;

/**
 * RFC 7914: 16 MiB and about 50 ms a guess. The largest cost OpenSSL's own PKCS#8 reader accepts by default, so that the file
 * stays readable by other tools.
 */
const scrypt = { cost: 16384, blockSize: 8, parallelization: 1 } as const;
const saltBytes = 16;

export function generateKey(choice: KeyChoice): KeyObject {
  switch (choice) {
    case "EC-P256":
      return generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
    case "EC-P384":
      return generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
    case "RSA-3072":
      return generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey;
    case "RSA-4096":
      return generateKeyPairSync("rsa", { modulusLength: 4096 }).privateKey;
  }
}

/** @throws ScansealError `key-unusable` for a key of another kind */
export function keyTypeOf(key: KeyObject): KeyType {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === "rsa") return "RSA";
  if (curve === "prime256v1") return "EC-P256";
  if (curve === "secp384r1") return "EC-P384";
  throw new ScansealError("key-unusable", "the key is neither P-256, P-384 nor RSA");
}

/** The hash a device key signs with: of the strength of the key; SHA-512 for RSA as in the Creator RSA profile's interop runs. */
export function signerHashOf(type: KeyType): HashName {
  return type === "EC-P256" ? "SHA-256" : type === "EC-P384" ? "SHA-384" : "SHA-512";
}

/** DER SubjectPublicKeyInfo of a private key. */
export function spkiOf(key: KeyObject): Bytes {
  return new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }));
}

/** @throws ScansealError `usage` */
export function requirePassphrase(passphrase: string): void {
  if ([...passphrase].length < passphraseCharactersMin) {
    throw new ScansealError("usage", `a passphrase has at least ${passphraseCharactersMin} characters`);
  }
}

/**
 * PKCS#8 EncryptedPrivateKeyInfo (RFC 5958 3), PBES2 with scrypt (RFC 7914 7) and AES-256-CBC, as PEM.
 * @throws ScansealError `usage` for a passphrase too short
 */
export function encryptKey(key: KeyObject, passphrase: string, random: Random): string {
  requirePassphrase(passphrase);
  const salt = random.bytes(saltBytes);
  const iv = random.bytes(16);
  const secret = scryptSync(utf8(passphrase), salt, 32, scrypt);
  const cipher = createCipheriv("aes-256-cbc", secret, iv);
  const plain = key.export({ type: "pkcs8", format: "der" });
  const hidden = Buffer.concat([cipher.update(plain), cipher.final()]);
  plain.fill(0);
  secret.fill(0);
  const derivation = derSequence(
    derOid("1.3.6.1.4.1.11591.4.11"),
    derSequence(
      derOctets(salt),
      derInteger(scrypt.cost),
      derInteger(scrypt.blockSize),
      derInteger(scrypt.parallelization),
    ),
  );
  const encryption = derSequence(derOid("2.16.840.1.101.3.4.1.42"), derOctets(iv));
  const scheme = derSequence(derOid("1.2.840.113549.1.5.13"), derSequence(derivation, encryption));
  return encodePem("ENCRYPTED PRIVATE KEY", derSequence(scheme, derOctets(hidden)));
}

/**
 * Any PEM private key OpenSSL reads; the passphrase is not used for one that is not encrypted.
 * @throws ScansealError `key-unusable` for a wrong passphrase or an unreadable key
 */
export function decryptKey(pem: string, passphrase: string): KeyObject {
  if (pem.length > keyFileBytesMax) throw new ScansealError("key-unusable", "the key file is too large");
  try {
    return createPrivateKey({ key: pem, format: "pem", passphrase });
  } catch {
    // OpenSSL's error is not passed on: it tells padding from parsing.
    throw new ScansealError(
      "key-unusable",
      "the key cannot be opened: wrong passphrase, or not a private key",
    );
  }
}
