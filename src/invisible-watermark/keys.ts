/** Everything derived from keys (spec/invisible-watermark.md, Keys). */
import { type Bytes, concatBytes, fromLatin1 } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import type { KeyStream } from "./recovery/hidden-recovery.ts";

export const keyIdBytes = 8;
export const siteKeyBytes = 32;

/** What the payload says of its signer: the first bytes of SHA-256 of the certificate in DER. */
export function keyIdOf(certificate: Bytes, crypto: Crypto): Bytes {
  return crypto.hash("SHA-256", certificate).slice(0, keyIdBytes);
}

/**
 * K1. The key of one frame's tile tags.
 * @param locatorKey the site's K_loc, 32 bytes
 * @param context the frame's 32 bytes of context
 */
export function tagKey(locatorKey: Bytes, context: Bytes, crypto: Crypto): Bytes {
  return deriveKey(locatorKey, context, "mtw-tag", crypto);
}

/** K2. Encrypts and decrypts what one frame hides for its recovery. @param recoveryKey the site's K_rec, 32 bytes */
export function recoveryKeyStream(recoveryKey: Bytes, context: Bytes, crypto: Crypto): KeyStream {
  const key = deriveKey(recoveryKey, context, "mtw-rec", crypto);
  const seed = concatBytes([key, fromLatin1("mtw-rec-stream")]);
  return (bytes) => crypto.shake256(seed, bytes);
}

/** HKDF-SHA256 (RFC 5869) with an output of 32 bytes: one block. */
function deriveKey(key: Bytes, salt: Bytes, info: string, crypto: Crypto): Bytes {
  const pseudoRandomKey = crypto.hmacSha256(salt, key);
  return crypto.hmacSha256(pseudoRandomKey, concatBytes([fromLatin1(info), Uint8Array.of(1)]));
}
