/** DSSE envelope with the signer's certificate, container xx00: spec/capture-manifest.md. */
import { type Bytes, concatBytes, fromBase64, fromLatin1, toBase64, toHex } from "../../foundation/bytes.ts";
import type { Crypto, HashName, Signer } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { envelopeBytesMax } from "./containers.ts";
import { isArray, isObject, type JsonValue, parseJson } from "./strict-json.ts";

const payloadType = "application/vnd.in-toto+json";
/** One by the device key, and room for a post-quantum one. */
const signaturesMax = 2;

export interface EnvelopeSignature {
  /** SHA-256 of the DER certificate, hexadecimal. */
  readonly keyId: string;
  /** DER `ECDSA-Sig-Value` or PKCS#1 v1.5. */
  readonly signature: Bytes;
}

export interface Envelope {
  readonly payload: Bytes;
  /** One or two. The first is the device's. */
  readonly signatures: readonly EnvelopeSignature[];
  /** DER; the first is the device's. */
  readonly certificates: readonly Bytes[];
}

/** Outcome of one signature. `key-unusable`: its certificate is not in the envelope or holds no key that can be used. */
export type SignatureOutcome = "valid" | "invalid" | "key-unusable";

/** "DSSEv1", length and type, length and body: the bytes that are signed. */
export function preAuthenticationEncoding(payload: Bytes): Bytes {
  return concatBytes([fromLatin1(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload]);
}

export function keyIdOf(crypto: Crypto, certificate: Bytes): string {
  return toHex(crypto.hash("SHA-256", certificate));
}

/** Signs a payload. The signature is DER where the key is EC, as in X.509 and in DICOM. */
export async function sealPayload(crypto: Crypto, signer: Signer, payload: Bytes): Promise<Envelope> {
  const operation = signer.start();
  operation.update(preAuthenticationEncoding(payload));
  const signature = await operation.sign();
  const keyId = keyIdOf(crypto, signer.certificate);
  return { payload, signatures: [{ keyId, signature }], certificates: [signer.certificate] };
}

/** @throws ScansealError `limit-length` above 64 KiB */
export function encodeEnvelope(envelope: Envelope): Bytes {
  const bytes = fromLatin1(JSON.stringify(documentOf(envelope)));
  if (bytes.length > envelopeBytesMax) throw new ScansealError("limit-length", "the envelope is too long");
  return bytes;
}

function documentOf({ payload, signatures, certificates }: Envelope): JsonValue {
  return documentOfTexts({
    payload: toBase64(payload),
    signatures: signatures.map(({ keyId, signature }) => ({ keyId, text: toBase64(signature) })),
    certificates: certificates.map(toBase64),
  });
}

/** The envelope in base64. */
interface EnvelopeTexts {
  readonly payload: string;
  readonly signatures: readonly { readonly keyId: string; readonly text: string }[];
  readonly certificates: readonly string[];
}

function documentOfTexts({ payload, signatures, certificates }: EnvelopeTexts): JsonValue {
  return {
    dsse: {
      payloadType,
      payload,
      signatures: signatures.map(({ keyId, text }) => ({ keyid: keyId, sig: text })),
    },
    certificates,
  };
}

/**
 * Reads an envelope; the bytes must be exactly what `encodeEnvelope` writes.
 * @throws ScansealError `seal-structure`
 */
export function decodeEnvelope(bytes: Bytes): Envelope {
  if (bytes.length > envelopeBytesMax) bad();
  const { text: written, value: document } = parseJson(bytes);
  if (!isObject(document) || !isObject(document.dsse)) bad();
  const { payload, signatures } = document.dsse;
  const { certificates } = document;
  if (!isArray(signatures) || !isArray(certificates)) bad();
  if (signatures.length < 1 || signatures.length > signaturesMax) bad();
  if (certificates.length < 1 || certificates.length > signaturesMax) bad();
  const texts: EnvelopeTexts = {
    payload: textOf(payload),
    signatures: signatures.map((entry) => {
      if (!isObject(entry) || typeof entry.keyid !== "string" || !/^[0-9a-f]{64}$/.test(entry.keyid)) bad();
      return { keyId: entry.keyid, text: textOf(entry.sig) };
    }),
    certificates: certificates.map(textOf),
  };
  // Unknown or repeated keys, another payload type, white space and other spellings all differ here; base64 has one spelling.
  if (written !== JSON.stringify(documentOfTexts(texts))) bad();
  return {
    payload: base64(texts.payload),
    signatures: texts.signatures.map(({ keyId, text }) => ({ keyId, signature: base64(text) })),
    certificates: texts.certificates.map(base64),
  };
}

/**
 * Checks every signature under the certificate it names. `hash` is the statement's; `spkiOf` reads a certificate's key.
 * Whether a certificate is trusted is judged elsewhere.
 */
export async function checkSignatures(
  crypto: Crypto,
  envelope: Envelope,
  hash: HashName,
  spkiOf: (certificate: Bytes) => Bytes,
): Promise<SignatureOutcome[]> {
  const message = preAuthenticationEncoding(envelope.payload);
  const outcomes: SignatureOutcome[] = [];
  for (const { keyId, signature } of envelope.signatures) {
    const certificate = envelope.certificates.find((der) => keyIdOf(crypto, der) === keyId);
    outcomes.push(
      certificate ? await checkOne(crypto, certificate, hash, spkiOf, message, signature) : "key-unusable",
    );
  }
  return outcomes;
}

async function checkOne(
  crypto: Crypto,
  certificate: Bytes,
  hash: HashName,
  spkiOf: (certificate: Bytes) => Bytes,
  message: Bytes,
  signature: Bytes,
): Promise<SignatureOutcome> {
  try {
    const check = crypto.createSignatureCheck(spkiOf(certificate), hash);
    check.update(message);
    return (await check.verify(signature)) ? "valid" : "invalid";
  } catch (error) {
    if (error instanceof ScansealError) return "key-unusable";
    throw error;
  }
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" && value !== "" ? value : bad();
}

function base64(text: string): Bytes {
  try {
    return fromBase64(text);
  } catch {
    bad();
  }
}

function bad(): never {
  throw new ScansealError("seal-structure", "the manifest envelope is not as specified");
}

/** "2.25." and the first 128 bits of the payload's SHA-256 as a decimal number (PS3.5 annex B.2): the Digital Signature UID that binds both. */
export function signatureUidOf(crypto: Crypto, payload: Bytes): string {
  return `2.25.${BigInt(`0x${toHex(crypto.hash("SHA-256", payload).subarray(0, 16))}`)}`;
}
