/** PKCS#10 requests (RFC 2986), read strictly and checked for possession of the key. */
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { acceptedHash, type PublicKey, publicKeyOf, signerKeyWeakness } from "../trust/algorithms.ts";
import { readSigned } from "../trust/certificate.ts";
import { derTag, readerOf, refuse, smallIntegerOf } from "../trust/der.ts";
import { type DistinguishedName, readName } from "../trust/distinguished-name.ts";

/** A request holds a name and a key. */
const requestBytesMax = 16 * 1024;

export interface CertificateRequest {
  readonly subject: DistinguishedName;
  readonly key: PublicKey;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal: what a person compares. */
  readonly keyFingerprint: string;
}

/**
 * @param weaknessOf why a key is below the floor: that of signers, unless the certificate is for something else
 * @throws ScansealError `certificate-invalid` for a malformed request or one whose key did not sign it, `key-unusable` for a key
 *   below the floor
 */
export async function readRequest(
  der: Bytes,
  crypto: Crypto,
  weaknessOf: (key: PublicKey) => string | undefined = signerKeyWeakness,
): Promise<CertificateRequest> {
  const signed = readSigned(der, "the request", requestBytesMax);
  const body = readerOf(signed.tbs);
  if (smallIntegerOf(body.read("version", derTag.integer)) !== 0) refuse("the request is not of version 1");
  const subject = readName(body, "the subject");
  const key = publicKeyOf(body.read("public key", derTag.sequence));
  // [0] attributes: nothing that is asked for there is granted.
  body.optional("attributes", 0xa0);
  body.end("the request");
  const weakness = weaknessOf(key);
  if (weakness !== undefined) throw new ScansealError("key-unusable", weakness);
  const accepted = acceptedHash(signed.signatureAlgorithm, key);
  if ("weakness" in accepted) throw new ScansealError("key-unusable", `the request is ${accepted.weakness}`);
  const check = crypto.createSignatureCheck(key.spki, accepted.hash);
  check.update(signed.tbs.whole);
  if (!(await check.verify(signed.signature))) refuse("the request is not signed by its own key");
  return { subject, key, keyFingerprint: toHex(crypto.hash("SHA-256", key.spki)) };
}
