/** Signing records and opening them again: steps 1 to 4 of spec/records.md, which are the same for every kind. */
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto, HashName, Signer } from "../../foundation/crypto.ts";
import {
  checkSignatures,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  keyIdOf,
  type SignatureOutcome,
  sealPayload,
} from "./envelope.ts";
import type { DetachedRecord, RecordKind } from "./record.ts";
import { type JsonObject, objectAt, oneOf, sha256Pattern, textAt } from "./statement-fields.ts";

/** Who signed a record, as its statement says. */
export interface RecordSigner {
  /** SHA-256 of the DER certificate, hexadecimal. */
  readonly certificate: string;
  readonly hash: HashName;
}

export function signerOf(crypto: Crypto, signer: Signer): RecordSigner {
  return { certificate: keyIdOf(crypto, signer.certificate), hash: signer.hash };
}

export function signerDocument({ certificate, hash }: RecordSigner): JsonObject {
  return { certificate, hash };
}

/** @throws ScansealError `seal-structure` */
export function signerAt(predicate: JsonObject): RecordSigner {
  const signer = objectAt(predicate, "signer");
  return {
    certificate: textAt(signer, "certificate", sha256Pattern),
    hash: oneOf(signer, "hash", ["SHA-256", "SHA-384", "SHA-512"] as const),
  };
}

/** @param payload as its encoder wrote it, naming this signer @throws ScansealError `limit-length`, or what the signer throws */
export async function signRecord(
  kind: RecordKind,
  payload: Bytes,
  opening: Bytes,
  { crypto, signer }: { readonly crypto: Crypto; readonly signer: Signer },
): Promise<DetachedRecord> {
  const envelope = encodeEnvelope(await sealPayload(crypto, signer, payload));
  return { kind, digest: toHex(crypto.hash("SHA-256", payload)), envelope, opening };
}

export interface OpenedRecord<T extends { readonly signer: RecordSigner }> {
  readonly statement: T;
  readonly envelope: Envelope;
  /** SHA-256 of the payload, hexadecimal. */
  readonly digest: string;
  /** One signature, one certificate, and the statement names it; and the signature fits. */
  readonly signature: SignatureOutcome | "signer-not-named";
}

/**
 * @param decode of the payload, strict
 * @throws ScansealError `seal-structure`
 */
export async function openRecord<T extends { readonly signer: RecordSigner }>(
  { envelope: bytes }: Pick<DetachedRecord, "envelope">,
  decode: (payload: Bytes) => T,
  { crypto, spkiOf }: { readonly crypto: Crypto; readonly spkiOf: (certificate: Bytes) => Bytes },
): Promise<OpenedRecord<T>> {
  // 1. The envelope is exactly what its writer writes. 2. So is the statement.
  const envelope = decodeEnvelope(bytes);
  const statement = decode(envelope.payload);
  const digest = toHex(crypto.hash("SHA-256", envelope.payload));
  // 3. One signer, whom the statement names.
  const [certificate] = envelope.certificates;
  const keyId = certificate && keyIdOf(crypto, certificate);
  const isOne = envelope.certificates.length === 1 && envelope.signatures.length === 1;
  const isNamed = envelope.signatures[0]?.keyId === keyId && statement.signer.certificate === keyId;
  if (!isOne || !isNamed) return { statement, envelope, digest, signature: "signer-not-named" };
  // 4. The signature fits.
  const [signature = "invalid"] = await checkSignatures(crypto, envelope, statement.signer.hash, spkiOf);
  return { statement, envelope, digest, signature };
}
