/** The crypto ports on node:crypto. */
import {
  createHash,
  createHmac,
  createPublicKey,
  createVerify,
  hash as hashOnce,
  type KeyObject,
  randomBytes,
  verify,
} from "node:crypto";
import type { Bytes } from "../../foundation/bytes.ts";
import type { Clock, Crypto, HashName, LegacyHashName, Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";

export const nodeHashNames: Readonly<Record<HashName | LegacyHashName, string>> = {
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
  MD5: "md5",
  "SHA-1": "sha1",
  "RIPEMD-160": "ripemd160",
};

/** Public keys are few and objects many: the parsed key of a device is kept, by its DER bytes. */
const parsedKeysMax = 256;
const parsedKeys = new Map<string, KeyObject>();

function publicKeyOf(spki: Bytes): KeyObject {
  const name = Buffer.from(spki.buffer, spki.byteOffset, spki.length).toString("latin1");
  const known = parsedKeys.get(name);
  if (known) return known;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (cause) {
    throw new ScansealError("key-unusable", "the public key cannot be read", { cause });
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const usable = key.asymmetricKeyType === "rsa" || curve === "prime256v1" || curve === "secp384r1";
  if (!usable) throw new ScansealError("key-unusable", "the public key is neither RSA, P-256 nor P-384");
  if (parsedKeys.size >= parsedKeysMax) parsedKeys.clear();
  parsedKeys.set(name, key);
  return key;
}

/** RFC 8410 section 4: what stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo. */
const ed25519Prefix = Buffer.from("302a300506032b6570032100", "hex");

export const nodeCrypto: Crypto = {
  createHash(name) {
    const h = createHash(nodeHashNames[name]);
    return { update: (bytes) => void h.update(bytes), digest: () => new Uint8Array(h.digest()) };
  },
  hash: (name, bytes) => hashOnce(nodeHashNames[name], bytes, "buffer"),
  shake256: (bytes, length) =>
    hashOnce("shake256", bytes, { outputEncoding: "buffer", outputLength: length }),
  hmacSha256: (key, bytes) => createHmac("sha256", key).update(bytes).digest(),
  createSignatureCheck(spki, hash) {
    const key = publicKeyOf(spki);
    const check = createVerify(nodeHashNames[hash]);
    return {
      update: (bytes) => void check.update(bytes),
      async verify(signature) {
        try {
          // The key alone: with options beside it Node reads the key anew for each signature. DER and PKCS#1 v1.5 are its defaults.
          return check.verify(key, signature);
        } catch {
          return false;
        }
      },
    };
  },
  async verifyEd25519(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    try {
      const spki = Buffer.concat([ed25519Prefix, publicKey]);
      const key = createPublicKey({ key: spki, format: "der", type: "spki" });
      return verify(null, message, key, signature);
    } catch {
      return false;
    }
  },
};

export const nodeRandom: Random = { bytes: (length) => new Uint8Array(randomBytes(length)) };

export const systemClock: Clock = { now: () => Date.now() };
