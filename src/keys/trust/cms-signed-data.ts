/**
 * CMS SignedData (RFC 5652) in the one form that time-stamp tokens have: one signer, named by issuer and serial number, signed
 * attributes, nothing unsigned beside certificates. Strict DER; nothing here decides whether it is trusted.
 */
import type { Bytes } from "../../foundation/bytes.ts";
import type { HashName } from "../../foundation/crypto.ts";
import { type SignatureAlgorithm, signatureAlgorithmOf } from "./algorithms.ts";
import { certificateBytesMax } from "./certificate.ts";
import { DerReader, type DerValue, derTag, oidOf, readerOf, refuse, serialOf } from "./der.ts";
import { type DistinguishedName, readName } from "./distinguished-name.ts";
import { cmsOid, digestOid, keyOid } from "./object-identifiers.ts";

/** Signer, two authorities and their cross certificates. */
const certificatesMax = 8;
/** Tokens seen in the wild have 3 to 6. */
const attributesMax = 16;

export interface SignedData {
  readonly contentType: string;
  readonly content: DerValue;
  /** DER certificates, in the order of the token. */
  readonly certificates: readonly Bytes[];
  readonly signer: SignerInfo;
}

export interface SignerInfo {
  readonly issuer: DistinguishedName;
  readonly serial: string;
  /** Of the content and, for plain `rsaEncryption`, of the signature. Undefined: none that is accepted. */
  readonly digest: HashName | undefined;
  /** By type; each occurs once and has one value. */
  readonly attributes: ReadonlyMap<string, DerValue>;
  /** What the signature is over: DER of the attributes as a SET (RFC 5652 5.4). */
  readonly signedBytes: Bytes;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Bytes;
}

const hashByOid: ReadonlyMap<string, HashName> = new Map([
  [digestOid.sha256, "SHA-256"],
  [digestOid.sha384, "SHA-384"],
  [digestOid.sha512, "SHA-512"],
]);

/** AlgorithmIdentifier of a digest: RFC 5754 2, parameters absent or NULL. Undefined for one that is not accepted. */
export function digestOf(value: DerValue): HashName | undefined {
  const reader = readerOf(value);
  const oid = oidOf(reader.read("digest algorithm", derTag.oid));
  const nil = reader.optional("digest parameters", derTag.nil);
  if (nil !== undefined && nil.content.length !== 0) refuse("a NULL has content", nil.offset);
  reader.end("digest algorithm");
  return hashByOid.get(oid);
}

/** @throws ScansealError `certificate-invalid` with the offset of what does not fit */
export function readSignedData(der: Bytes): SignedData {
  const file = new DerReader(der);
  const info = file.enter("the token");
  file.end("the token");
  const type = info.read("content type", derTag.oid);
  if (oidOf(type) !== cmsOid.signedData) refuse("the token is not SignedData", type.offset);
  const wrapper = info.enter("signed data", 0xa0);
  info.end("the token");
  const body = wrapper.enter("signed data");
  wrapper.end("signed data");
  // RFC 5652 5.1: 3, since the content is not plain data.
  requireNumber(body.read("version", derTag.integer), 3);
  const digests = body.read("digest algorithms", derTag.set);
  const content = readContent(body.enter("content"));
  const certificates = readCertificates(body.optional("certificates", 0xa0));
  if (body.nextTag === 0xa1) refuse("the token carries revocation lists");
  const signers = body.enter("signers", derTag.set);
  body.end("signed data");
  const signer = readSigner(signers.enter("signer"), digests);
  signers.end("signers");
  return { ...content, certificates, signer };
}

function requireNumber(value: DerValue, number: number): void {
  if (value.content.length !== 1 || value.content[0] !== number) refuse("unexpected version", value.offset);
}

function readContent(reader: DerReader): Pick<SignedData, "contentType" | "content"> {
  const contentType = oidOf(reader.read("content type", derTag.oid));
  const wrapper = reader.enter("content", 0xa0);
  reader.end("content");
  const content = wrapper.read("content", derTag.octetString);
  wrapper.end("content");
  return { contentType, content };
}

/** They are read where they are needed: a strange one that nothing needs does no harm. */
function readCertificates(list: DerValue | undefined): Bytes[] {
  if (list === undefined) return [];
  const reader = readerOf(list);
  const found: Bytes[] = [];
  while (!reader.isDone) {
    const { whole, offset } = reader.read("certificate", derTag.sequence);
    if (found.length >= certificatesMax) refuse("there are too many certificates", offset);
    if (whole.length > certificateBytesMax) refuse("a certificate is too large", offset);
    found.push(whole);
  }
  return found;
}

function readSigner(reader: DerReader, digests: DerValue): SignerInfo {
  // RFC 5652 5.3: 1, for a signer named by issuer and serial number.
  requireNumber(reader.read("version", derTag.integer), 1);
  const sid = reader.enter("signer");
  const issuer = readName(sid, "the issuer");
  const serial = serialOf(sid.read("serial number", derTag.integer));
  sid.end("signer");
  const digestAlgorithm = reader.read("digest algorithm", derTag.sequence);
  const digest = digestOf(digestAlgorithm);
  requireOnly(digests, digestAlgorithm);
  const set = reader.read("signed attributes", 0xa0);
  const signedBytes = set.whole.slice();
  signedBytes[0] = derTag.set;
  const attributes = readAttributes(readerOf(set), set.offset);
  const signatureAlgorithm = signerAlgorithmOf(reader.read("signature algorithm", derTag.sequence), digest);
  const signature = reader.read("signature", derTag.octetString).content;
  // Also no unsigned attributes: whatever they say, anybody could have added it.
  reader.end("signer");
  return { issuer, serial, digest, attributes, signedBytes, signatureAlgorithm, signature };
}

/** The one signer's digest is the only one; written with NULL or without, in both places. */
function requireOnly(digests: DerValue, used: DerValue): void {
  const reader = readerOf(digests);
  const only = reader.read("digest algorithm", derTag.sequence);
  reader.end("digest algorithms");
  const [a, b] = [only, used].map((one) => oidOf(readerOf(one).read("digest algorithm", derTag.oid)));
  digestOf(only);
  if (a !== b) refuse("the digest algorithms differ", only.offset);
}

/** RFC 3370 3.2: `rsaEncryption` is PKCS#1 v1.5 with the signer's digest. */
function signerAlgorithmOf(value: DerValue, digest: HashName | undefined): SignatureAlgorithm {
  const oid = oidOf(readerOf(value).read("signature algorithm", derTag.oid));
  if (oid !== keyOid.rsa) return signatureAlgorithmOf(value);
  const reader = readerOf(value);
  reader.read("signature algorithm", derTag.oid);
  const nil = reader.optional("signature parameters", derTag.nil);
  if (nil !== undefined && nil.content.length !== 0) refuse("a NULL has content", nil.offset);
  reader.end("signature algorithm");
  return { oid, key: "RSA", hash: digest };
}

function readAttributes(reader: DerReader, offset: number): Map<string, DerValue> {
  const found = new Map<string, DerValue>();
  let previous: Bytes | undefined;
  while (!reader.isDone) {
    const attribute = reader.read("attribute", derTag.sequence);
    // X.690 11.6: a SET OF is in ascending order; the signature is over that form.
    if (previous !== undefined && compare(previous, attribute.whole) >= 0)
      refuse("the signed attributes are not in DER order", attribute.offset);
    previous = attribute.whole;
    const parts = readerOf(attribute);
    const type = oidOf(parts.read("attribute type", derTag.oid));
    const values = parts.enter("attribute values", derTag.set);
    parts.end("attribute");
    const value = values.read("attribute value");
    values.end("attribute values");
    if (found.has(type)) refuse("a signed attribute occurs twice", attribute.offset);
    if (found.size >= attributesMax) refuse("there are too many signed attributes", attribute.offset);
    found.set(type, value);
  }
  if (found.size === 0) refuse("there are no signed attributes", offset);
  return found;
}

/** X.690 11.6: as octets, the shorter one padded with zeros. */
function compare(a: Bytes, b: Bytes): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
