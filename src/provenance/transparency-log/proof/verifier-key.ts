/** Keys of logs and witnesses as text: `NAME+KEYID+BASE64`. https://c2sp.org/signed-note#verifier-keys */
import { type Bytes, concatBytes, toBase64, toHex, utf8 } from "../../../foundation/bytes.ts";
import type { Crypto } from "../../../foundation/crypto.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { malformed, tryBase64 } from "./log-text.ts";

/** 1: Ed25519 over the note's text; 4: cosignature/v1, Ed25519 with a time. */
export type KeyKind = 1 | 4;

export const logKeyKind: KeyKind = 1;
export const witnessKeyKind: KeyKind = 4;

export interface VerifierKey {
  readonly name: string;
  readonly kind: KeyKind;
  /** 32 bytes. */
  readonly publicKey: Bytes;
  /** Eight hexadecimal digits. */
  readonly keyId: string;
}

const ed25519Bytes = 32;

/** Not empty, no Unicode white space, no plus, no control characters. */
export function isKeyName(name: string): boolean {
  return /^[^\s\p{White_Space}\p{Cc}+]+$/u.test(name) && name.isWellFormed();
}

/** @throws ScansealError `usage` for a name that cannot be one */
export function verifierKey(name: string, kind: KeyKind, publicKey: Bytes, crypto: Crypto): VerifierKey {
  if (!isKeyName(name))
    throw new ScansealError("usage", "a key's name has neither spaces nor a plus, and is not empty");
  const hash = crypto.hash("SHA-256", concatBytes([utf8(`${name}\n`), Uint8Array.of(kind), publicKey]));
  return { name, kind, publicKey, keyId: toHex(hash.subarray(0, 4)) };
}

export function formatVerifierKey({ name, kind, publicKey, keyId }: VerifierKey): string {
  return `${name}+${keyId}+${toBase64(concatBytes([Uint8Array.of(kind), publicKey]))}`;
}

/** @throws ScansealError `log-structure`; `unsupported` for a kind of key we do not check */
export function parseVerifierKey(text: string, crypto: Crypto): VerifierKey {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u.exec(text);
  const bytes = tryBase64(match?.[3] ?? "");
  if (!match || !bytes || !isKeyName(match[1]!)) malformed("not a verifier key (NAME+KEYID+BASE64)");
  const kind = bytes[0];
  if (kind !== logKeyKind && kind !== witnessKeyKind)
    throw new ScansealError("unsupported", "a verifier key of another kind than Ed25519 and cosignature/v1");
  if (bytes.length !== 1 + ed25519Bytes) malformed("a verifier key of another length than Ed25519's");
  const key = verifierKey(match[1]!, kind, bytes.slice(1), crypto);
  if (key.keyId !== match[2]) malformed("a verifier key whose ID is not its own");
  return key;
}
