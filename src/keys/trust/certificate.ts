/** A certificate of RFC 5280 as plain data, read strictly. Nothing here decides whether it is trusted. */
import type { Bytes } from "../../foundation/bytes.ts";
import { equalBytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { type PublicKey, publicKeyOf, type SignatureAlgorithm, signatureAlgorithmOf } from "./algorithms.ts";
import { type CertificateExtensions, readExtensions } from "./certificate-extensions.ts";
import {
  bitStringBytesOf,
  DerReader,
  type DerValue,
  derTag,
  readerOf,
  refuse,
  serialOf,
  timeOf,
} from "./der.ts";
import { type DistinguishedName, readName } from "./distinguished-name.ts";

/** Device and authority certificates take 0.5 to 2 KiB; larger ones are refused before anything is read. */
export const certificateBytesMax: number = 16 * 1024;

export interface Certificate {
  readonly der: Bytes;
  /** The signed part. */
  readonly tbs: Bytes;
  /** SHA-256 of `der`, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal: stays when a certificate is renewed. */
  readonly keyFingerprint: string;
  /** Lower-case hexadecimal of the positive serial number, without leading zero octets. */
  readonly serial: string;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  /** Milliseconds since 1970; valid from `notBefore` until before `notAfter`. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly key: PublicKey;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Bytes;
  readonly extensions: CertificateExtensions;
}

/** What a signed structure of RFC 5280 (certificate, CRL) is made of. */
export interface SignedStructure {
  readonly tbs: DerValue;
  readonly algorithm: DerValue;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Bytes;
}

/** SEQUENCE { tbs, AlgorithmIdentifier, BIT STRING } and nothing after it */
export function readSigned(der: Bytes, what: string, bytesMax: number): SignedStructure {
  if (der.length > bytesMax) refuse(`${what} is larger than ${bytesMax} bytes`);
  const file = new DerReader(der);
  const outer = file.enter(what);
  file.end(what);
  const tbs = outer.read(what, derTag.sequence);
  const algorithm = outer.read("signature algorithm", derTag.sequence);
  const signature = bitStringBytesOf(outer.read("signature", derTag.bitString));
  outer.end(what);
  return { tbs, algorithm, signatureAlgorithm: signatureAlgorithmOf(algorithm), signature };
}

/** RFC 5280 4.1.1.2, 5.1.1.2: the algorithm inside the signed part is the one outside. */
export function requireSameAlgorithm(reader: DerReader, signed: SignedStructure): void {
  const inner = reader.read("signature algorithm", derTag.sequence);
  if (!equalBytes(inner.whole, signed.algorithm.whole)) {
    refuse("the signature algorithms inside and outside differ", inner.offset);
  }
}

/**
 * One DER certificate, version 3, without unique identifiers, trailing bytes or repeated extensions.
 * The result keeps references into `der`.
 * @throws ScansealError `certificate-invalid` with the offset of what does not fit
 */
export function parseCertificate(der: Bytes, crypto: Crypto): Certificate {
  const signed = readSigned(der, "the certificate", certificateBytesMax);
  const tbs = readerOf(signed.tbs);
  requireVersion3(tbs);
  const serial = serialOf(tbs.read("serial number", derTag.integer));
  requireSameAlgorithm(tbs, signed);
  const issuer = readName(tbs, "the issuer");
  const validity = tbs.enter("validity");
  const notBefore = timeOf(validity.read("not before"));
  const notAfter = timeOf(validity.read("not after"));
  validity.end("validity");
  const subject = readName(tbs, "the subject");
  const key = publicKeyOf(tbs.read("public key", derTag.sequence));
  // [1] and [2] unique identifiers: RFC 5280 4.1.2.8 forbids making them; anything but [3] ends here.
  const extensions = readExtensions(tbs.enter("extensions", 0xa3));
  tbs.end("the signed part");
  return {
    der,
    tbs: signed.tbs.whole,
    fingerprint: toHex(crypto.hash("SHA-256", der)),
    keyFingerprint: toHex(crypto.hash("SHA-256", key.spki)),
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    key,
    signatureAlgorithm: signed.signatureAlgorithm,
    signature: signed.signature,
    extensions,
  };
}

/** [0] EXPLICIT INTEGER 2 */
function requireVersion3(tbs: DerReader): void {
  if (tbs.nextTag !== 0xa0) refuse("the certificate is not of version 3");
  const version = tbs.enter("version", 0xa0);
  const value = version.read("version", derTag.integer);
  version.end("version");
  if (value.content.length !== 1 || value.content[0] !== 2) {
    refuse("the certificate is not of version 3", value.offset);
  }
}
