/** Whose marks are known: an object or image whose seal was removed carries no certificate. */
import { type Bytes, toHex } from "../foundation/bytes.ts";
import { keyIdOf } from "../invisible-watermark/keys.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";

/**
 * @param certificates in DER
 * @returns the certificate by the 16 hexadecimal digits of its key id; undefined where there is none at all
 */
export function markSignerOf(
  certificates: readonly Bytes[],
): ((keyId: string) => Bytes | undefined) | undefined {
  if (certificates.length === 0) return undefined;
  const byKeyId = new Map(certificates.map((der) => [toHex(keyIdOf(der, nodeCrypto)), der]));
  return (keyId) => byKeyId.get(keyId);
}
