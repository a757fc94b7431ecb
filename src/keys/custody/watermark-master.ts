/**
 * The secret that a site's watermark keys come from. With it tiles are located without the seal, and originals restored; without it a watermark is
 * checked all the same. It signs nothing. Lost, marked images stay provable, but what they were before cannot be restored.
 */
import { type Bytes, concatBytes, fromLatin1, toHex } from "../../foundation/bytes.ts";
import type { Crypto, Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { createFileDurably, fileExists, readPrivateFile } from "../../platform/node/private-files.ts";

const masterBytes = 32;

/** Of one signer's watermarks, 32 bytes each. */
export interface WatermarkKeys {
  /** K_loc: which tiles changed. */
  readonly locatorKey: Bytes;
  /** K_rec: what the pixels were before. */
  readonly recoveryKey: Bytes;
}

/**
 * Reads the file, which is for its owner alone; makes it where there is none.
 * @param random undefined: it has to be there
 * @throws ScansealError `key-unusable`, `io`
 */
export function openWatermarkMaster(path: string, random: Random | undefined): Bytes {
  if (!random && !fileExists(path))
    throw new ScansealError(
      "key-unusable",
      "the site's watermark master is missing: restore it from a backup (a site that never marked an image has none)",
    );
  if (random && !fileExists(path)) createFileDurably(path, random.bytes(masterBytes), { mode: 0o600 });
  // Read back also when it was made just now: another process may have been first.
  const master = readPrivateFile(path, masterBytes);
  if (master.length !== masterBytes)
    throw new ScansealError(
      "key-unusable",
      "the watermark master has not 32 bytes: restore it from a backup",
    );
  return master;
}

/**
 * One pair for each signer's certificate, and so for each device and key epoch.
 * @param keyId as the watermark's payload names its signer
 */
export function watermarkKeysOf(master: Bytes, keyId: Bytes, crypto: Crypto): WatermarkKeys {
  const derive = (use: string): Bytes =>
    hkdf(master, fromLatin1(`scanseal-watermark ${use} ${toHex(keyId)}`), crypto);
  return { locatorKey: derive("locate"), recoveryKey: derive("restore") };
}

/** HKDF-SHA256 (RFC 5869) without salt, one block of output. */
function hkdf(key: Bytes, info: Bytes, crypto: Crypto): Bytes {
  const pseudoRandomKey = crypto.hmacSha256(new Uint8Array(32), key);
  return crypto.hmacSha256(pseudoRandomKey, concatBytes([info, Uint8Array.of(1)]));
}
