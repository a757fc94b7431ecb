/** The certificate inside a signature: its bytes and its key. Whether it is trusted is judged elsewhere (keys/trust). */
import { type Bytes, equalBytes, toBase64 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { type KeyType, publicKeyOf } from "../keys/trust/algorithms.ts";
import { DerReader, derTag } from "../keys/trust/der.ts";

export type KeyAlgorithm = KeyType | "unsupported";

export interface SignerCertificate {
  /** Without the byte that pads the element to even length. */
  readonly der: Bytes;
  /** `der` in base64. */
  readonly text: string;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Bytes;
  readonly keyAlgorithm: KeyAlgorithm;
  /** Modulus bits for RSA, field bits for EC, 0 when unsupported. */
  readonly keyBits: number;
}

/** [0] EXPLICIT version (RFC 5280 4.1). */
const versionTag = 0xa0;

/** A series has one signer: its certificate is read once. */
let lastRead: { readonly value: Bytes; readonly certificate: SignerCertificate | undefined } | undefined;

/** Undefined when the bytes are not one certificate and at most one pad byte. Only what leads to the key is read. */
export function readSignerCertificate(value: Bytes): SignerCertificate | undefined {
  if (lastRead && equalBytes(lastRead.value, value)) return lastRead.certificate;
  // A copy: the caller's bytes may be reused.
  const copy = value.slice();
  lastRead = { value: copy, certificate: parseSignerCertificate(copy) };
  return lastRead.certificate;
}

function parseSignerCertificate(value: Bytes): SignerCertificate | undefined {
  return parsed(() => {
    const { whole, content } = new DerReader(value).read("certificate", derTag.sequence);
    if (!isPadding(value.subarray(whole.length))) return undefined;
    const fields = new DerReader(content).enter("certificate content");
    fields.optional("version", versionTag);
    fields.read("serial number", derTag.integer);
    for (const what of ["signature algorithm", "issuer", "validity", "subject"])
      fields.read(what, derTag.sequence);
    const { spki, type, bits } = publicKeyOf(fields.read("public key", derTag.sequence));
    const keyAlgorithm = type === "other" ? "unsupported" : type;
    return { der: whole, text: toBase64(whole), publicKey: spki, keyAlgorithm, keyBits: bits };
  });
}

/**
 * A Signature (0400,0120) without its pad byte: ECDSA is cut by its DER length, RSA by the modulus.
 * Undefined when what remains is more than one zero byte, or nothing is there.
 */
export function signatureWithoutPadding(value: Bytes, certificate: SignerCertificate): Bytes | undefined {
  if (certificate.keyAlgorithm === "unsupported") return value.length > 0 ? value : undefined;
  const length =
    certificate.keyAlgorithm === "RSA"
      ? Math.ceil(certificate.keyBits / 8)
      : parsed(() => new DerReader(value).read("signature", derTag.sequence).whole.length);
  if (length === undefined || value.length < length || !isPadding(value.subarray(length))) return undefined;
  return value.subarray(0, length);
}

/** What a stranger wrote may be no DER at all. */
function parsed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ScansealError) return undefined;
    throw error;
  }
}

function isPadding(rest: Bytes): boolean {
  return rest.length === 0 || (rest.length === 1 && rest[0] === 0);
}
