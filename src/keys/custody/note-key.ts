/** Keys of transparency logs and witnesses: Ed25519, made here, encrypted at rest like every other key. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type Bytes, latin1, utf8 } from "../../foundation/bytes.ts";
import type { Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { createFileDurably, readPrivateFile } from "../../platform/node/private-files.ts";
import { decryptKey, encryptKey, keyFileBytesMax, spkiOf } from "./private-key.ts";

export interface NoteKey {
  /** 32 bytes. */
  readonly publicKey: Bytes;
  /** RFC 8032 Ed25519: 64 bytes. */
  sign(message: Bytes): Promise<Bytes>;
}

/** RFC 8410 section 4: the key is the last part of its SubjectPublicKeyInfo. */
const publicKeyBytes = 32;

/** @throws ScansealError `usage` when there is a key already, or for a passphrase too short; `io` */
export function createNoteKey(path: string, passphrase: string, random: Random): NoteKey {
  const secret = generateKeyPairSync("ed25519").privateKey;
  const pem = encryptKey(secret, passphrase, random);
  if (!createFileDurably(path, utf8(pem), { mode: 0o600 }))
    throw new ScansealError("usage", "there is a key already: it is never overwritten");
  return noteKeyOf(secret);
}

/** @throws ScansealError `key-unusable` for a wrong passphrase, another kind of key, or a file open to others; `io` */
export function openNoteKey(path: string, passphrase: string): NoteKey {
  const secret = decryptKey(latin1(readPrivateFile(path, keyFileBytesMax)), passphrase);
  if (secret.asymmetricKeyType !== "ed25519")
    throw new ScansealError("key-unusable", "the key of a log or a witness is Ed25519, and this one is not");
  return noteKeyOf(secret);
}

function noteKeyOf(secret: KeyObject): NoteKey {
  return {
    publicKey: spkiOf(secret).slice(-publicKeyBytes),
    sign: async (message) => new Uint8Array(sign(null, message, secret)),
  };
}
