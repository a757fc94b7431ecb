/** Keys that operators prove themselves with: a challenge is signed, and only the public key is kept. */
import {
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { type Bytes, utf8 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";

/** NIST SP 800-131A. */
const rsaBitsMin = 2_048;
const pemCharactersMax = 16_384;

/**
 * Of a public key or certificate (PEM). The same key gives the same text, whatever it was wrapped in or how its point was written: who has one
 * key is one person.
 * @throws ScansealError `usage`
 */
export function publicKeyText(pem: string): string {
  if (pem.includes("PRIVATE KEY"))
    throw new ScansealError("usage", "that is a private key: it stays with its person, give the public one");
  let key: KeyObject;
  try {
    if (pem.length > pemCharactersMax) throw new Error("too long");
    key = createPublicKey(pem);
  } catch {
    throw new ScansealError("usage", "the file holds no public key or certificate (PEM)");
  }
  return canonicalText(key);
}

function canonicalText(key: KeyObject): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const isTaken =
    type === "ed25519" ||
    (type === "ec" && ["prime256v1", "secp384r1"].includes(details?.namedCurve ?? "")) ||
    (type === "rsa" && (details?.modulusLength ?? 0) >= rsaBitsMin);
  if (!isTaken)
    throw new ScansealError(
      "usage",
      "an operator's key is Ed25519, EC P-256 or P-384, or RSA of at least 2048 bits",
    );
  // RFC 7638 3.2: the members that are the key, in this order.
  const { crv, e, kty, n, x, y } = key.export({ format: "jwk" });
  return JSON.stringify({ crv, e, kty, n, x, y });
}

/** What is signed: for one person, one command, and once. */
export function challengeBytes(name: string, command: string, nonce: string): Bytes {
  return utf8(`scanseal-operator-challenge-1\n${name}\n${command}\n${nonce}\n`);
}

/** @param passphrase of the key's file, asked for where it is encrypted @throws ScansealError `usage` */
export async function signChallenge(
  challenge: Bytes,
  pem: string,
  passphrase: () => Promise<string>,
): Promise<Bytes> {
  const isEncrypted = /ENCRYPTED/.test(pem);
  const secret = isEncrypted ? await passphrase() : undefined;
  try {
    const key = createPrivateKey({ key: pem, ...(secret === undefined ? {} : { passphrase: secret }) });
    return new Uint8Array(sign(digestOf(key), challenge, key));
  } catch {
    const why = isEncrypted
      ? "the key cannot be opened with this passphrase"
      : "the file holds no private key (PEM)";
    throw new ScansealError("usage", why);
  }
}

/** @param text of `publicKeyText` */
export function isSignedBy(text: string, challenge: Bytes, signature: Bytes): boolean {
  try {
    const key = createPublicKey({ key: JSON.parse(text) as JsonWebKey, format: "jwk" });
    return verify(digestOf(key), challenge, key, signature);
  } catch {
    return false;
  }
}

/** Ed25519 has its own. */
function digestOf({ asymmetricKeyType }: KeyObject): string | null {
  return asymmetricKeyType === "ed25519" ? null : "sha256";
}
