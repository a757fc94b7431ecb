/** Notes: text signed by one or more keys. https://c2sp.org/signed-note */
import {
  type Bytes,
  concatBytes,
  fromHex,
  toBase64,
  toHex,
  tryUtf8,
  utf8,
} from "../../../foundation/bytes.ts";
import type { Crypto } from "../../../foundation/crypto.ts";
import { malformed, tryBase64 } from "./log-text.ts";
import { isKeyName, logKeyKind, type VerifierKey } from "./verifier-key.ts";

/** A checkpoint with 64 witnesses takes 8 KiB. */
export const noteBytesMax: number = 64 * 1024;
/** C2SP asks for 16 at least. */
const signaturesMax = 64;
/** ML-DSA-44 with its time has 2,428 bytes; nobody's is longer than this. */
const signatureCharactersMax = 8192;

export interface NoteSignature {
  readonly name: string;
  /** Eight hexadecimal digits. */
  readonly keyId: string;
  /** What follows the key ID. */
  readonly signature: Bytes;
}

export interface Note {
  /** With its final line feed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** @throws ScansealError `log-structure` */
export function parseNote(bytes: Bytes): Note {
  if (bytes.length > noteBytesMax) malformed("a note is too large");
  const whole = tryUtf8(bytes) ?? malformed("a note is not UTF-8");
  if (/[\u0000-\u0009\u000b-\u001f]/.test(whole)) malformed("a note has a control character");
  const split = whole.lastIndexOf("\n\n");
  if (split < 1 || !whole.endsWith("\n")) malformed("a note without signatures");
  const text = whole.slice(0, split + 1);
  return { text, signatures: parseSignatures(whole.slice(split + 2)) };
}

/** Lines of signatures alone, as a witness answers. @throws ScansealError `log-structure` */
export function parseSignatures(text: string): NoteSignature[] {
  if (!text.endsWith("\n")) malformed("a signature line without its end");
  const lines = text.slice(0, -1).split("\n");
  if (lines.length > signaturesMax) malformed("a note has too many signatures");
  return lines.map(parseSignature);
}

function parseSignature(line: string): NoteSignature {
  const match = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line);
  if (!match || !isKeyName(match[1]!) || match[2]!.length > signatureCharactersMax)
    malformed("not a signature line");
  const bytes = tryBase64(match[2]!);
  if (!bytes || bytes.length < 5) malformed("a signature line without a signature");
  return { name: match[1]!, keyId: toHex(bytes.subarray(0, 4)), signature: bytes.slice(4) };
}

export function formatSignature({ name, keyId, signature }: NoteSignature): string {
  return `\u2014 ${name} ${toBase64(concatBytes([fromHex(keyId), signature]))}\n`;
}

export function formatNote({ text, signatures }: Note): Bytes {
  return utf8(`${text}\n${signatures.map(formatSignature).join("")}`);
}

/** What a witness signs. https://c2sp.org/tlog-cosignature @param time seconds since 1970 */
export function cosignedMessage(text: string, time: number): Bytes {
  return utf8(`cosignature/v1\ntime ${time}\n${text}`);
}

const cosignatureBytes: number = 8 + 64;

/** @param time seconds since 1970 @param signature 64 bytes */
export function encodeCosignature(time: number, signature: Bytes): Bytes {
  const out = new Uint8Array(cosignatureBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(time));
  out.set(signature, 8);
  return out;
}

export interface GoodSignature {
  readonly key: VerifierKey;
  /** Seconds since 1970, of a cosignature. */
  readonly time: number | undefined;
}

export interface NoteCheck {
  readonly good: readonly GoodSignature[];
  /** Known keys whose signature does not fit: then the note is refused. */
  readonly bad: readonly VerifierKey[];
}

/** Lines of unknown keys are ignored, whatever they share with a known one. */
export async function checkSignatures(
  note: Note,
  keys: readonly VerifierKey[],
  crypto: Crypto,
): Promise<NoteCheck> {
  const good: GoodSignature[] = [];
  const bad: VerifierKey[] = [];
  for (const line of note.signatures) {
    const key = keys.find(({ name, keyId }) => name === line.name && keyId === line.keyId);
    if (!key) continue;
    const result = await checkSignature(note.text, line.signature, key, crypto);
    if (result) good.push({ key, time: result.time });
    else bad.push(key);
  }
  return { good, bad };
}

async function checkSignature(
  text: string,
  signature: Bytes,
  { kind, publicKey }: VerifierKey,
  crypto: Crypto,
): Promise<{ readonly time: number | undefined } | undefined> {
  if (kind === logKeyKind) {
    const isGood = await crypto.verifyEd25519(publicKey, utf8(text), signature);
    return isGood ? { time: undefined } : undefined;
  }
  if (signature.length !== cosignatureBytes) return undefined;
  const time = Number(new DataView(signature.buffer, signature.byteOffset).getBigUint64(0));
  if (!Number.isSafeInteger(time)) return undefined;
  const message = cosignedMessage(text, time);
  return (await crypto.verifyEd25519(publicKey, message, signature.subarray(8))) ? { time } : undefined;
}
