/** The port for cryptography as a browser has it: digests that answer at once are JavaScript, signatures are Web Crypto's. */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { shake256 } from "@noble/hashes/sha3.js";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import type { Crypto, HashName, LegacyHashName } from "../../src/foundation/crypto.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { signatureFromDer } from "../../src/invisible-watermark/ecdsa-signature.ts";

const hashes = { "SHA-256": sha256, "SHA-384": sha384, "SHA-512": sha512 } as const;

function hashNamed(name: HashName | LegacyHashName): (typeof hashes)[HashName] {
  const hash = Object.hasOwn(hashes, name) ? hashes[name as HashName] : undefined;
  if (hash === undefined) throw new ScansealError("unsupported", "a digest that is not accepted");
  return hash;
}

export const browserCrypto: Crypto = {
  createHash(name) {
    const hash = hashNamed(name).create();
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
  },
  hash: (name, bytes) => hashNamed(name)(bytes),
  shake256: (bytes, length) => shake256(bytes, { dkLen: length }),
  hmacSha256: (key, bytes) => hmac(sha256, key, bytes),
  createSignatureCheck(spki, hash) {
    const parts: Bytes[] = [];
    return {
      update: (bytes) => void parts.push(bytes.slice()),
      async verify(der) {
        // Web Crypto takes r || s.
        const signature = signatureFromDer(der);
        if (signature === undefined) return false;
        const { subtle } = globalThis.crypto;
        const algorithm = { name: "ECDSA", namedCurve: "P-256" };
        const key = await subtle.importKey("spki", new Uint8Array(spki), algorithm, false, ["verify"]);
        const message = new Uint8Array(concatBytes(parts));
        return subtle.verify({ name: "ECDSA", hash }, key, new Uint8Array(signature), message);
      },
    };
  },
  async verifyEd25519(publicKey, message, signature) {
    const { subtle } = globalThis.crypto;
    try {
      const key = await subtle.importKey("raw", new Uint8Array(publicKey), "Ed25519", false, ["verify"]);
      return await subtle.verify("Ed25519", key, new Uint8Array(signature), new Uint8Array(message));
    } catch {
      return false;
    }
  },
};
