/** Tokens put together by hand: for what no honest authority would sign. */
import { createHash, createSign } from "node:crypto";
import { type Bytes, fromHex } from "../../src/foundation/bytes.ts";
import {
  der,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
} from "../../src/keys/custody/der-writer.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { derTag } from "../../src/keys/trust/der.ts";
import { cmsOid, digestOid } from "../../src/keys/trust/object-identifiers.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";

export interface TokenParts {
  /** DER of the TSTInfo. */
  readonly content: Bytes;
  /** DER and PEM key of the signer (P-256). */
  readonly certificate: Bytes;
  readonly key: string;
  /** The first is the signer's unless said otherwise. */
  readonly certificates?: readonly Bytes[];
  readonly contentType?: string;
  /** Whom signing-certificate-v2 names. */
  readonly named?: Bytes;
  /** Behind the signer's certificate in signing-certificate-v2: issuer and serial number. */
  readonly issuerSerial?: Bytes;
  readonly attributes?: readonly Bytes[];
  readonly isUnsorted?: boolean;
  readonly version?: number;
  readonly signerVersion?: number;
  readonly unsigned?: Bytes;
  readonly lists?: Bytes;
  readonly signers?: 1 | 2;
}

const sha256 = (bytes: Bytes): Bytes => new Uint8Array(createHash("sha256").update(bytes).digest());
const sha256Id = (): Bytes => derSequence(derOid(digestOid.sha256), derNull());

export function attribute(type: string, ...values: readonly Bytes[]): Bytes {
  return derSequence(derOid(type), der(derTag.set, ...values));
}

export function signingCertificate(named: Bytes, issuerSerial: readonly Bytes[] = []): Bytes {
  const id = derSequence(derOctets(sha256(named)), ...issuerSerial);
  return attribute(cmsOid.signingCertificateV2, derSequence(derSequence(id)));
}

/** TimeStampToken (DER), with the signature that its parts ask for. */
export function makeToken(parts: TokenParts): Bytes {
  const { certificate, content, contentType = cmsOid.timeStampInfo } = parts;
  const attributes = parts.attributes ?? [
    attribute(cmsOid.contentType, derOid(contentType)),
    attribute(cmsOid.messageDigest, derOctets(sha256(content))),
    signingCertificate(parts.named ?? certificate, parts.issuerSerial ? [parts.issuerSerial] : []),
  ];
  const sorted = attributes.toSorted((a, b) => Buffer.compare(a, b));
  const set = parts.isUnsorted === true ? sorted.toReversed() : sorted;
  const signature = createSign("sha256")
    .update(der(derTag.set, ...set))
    .sign(parts.key);
  const { issuer, serial } = parseCertificate(certificate, nodeCrypto);
  const signer = derSequence(
    derInteger(parts.signerVersion ?? 1),
    derSequence(issuer.der, derInteger(fromHex(serial))),
    sha256Id(),
    der(0xa0, ...set),
    derSequence(derOid("1.2.840.10045.4.3.2")),
    derOctets(new Uint8Array(signature)),
    ...(parts.unsigned ? [parts.unsigned] : []),
  );
  const data = derSequence(
    derInteger(parts.version ?? 3),
    der(derTag.set, sha256Id()),
    derSequence(derOid(contentType), der(0xa0, derOctets(content))),
    der(0xa0, ...(parts.certificates ?? [certificate])),
    ...(parts.lists ? [parts.lists] : []),
    der(derTag.set, ...(parts.signers === 2 ? [signer, signer] : [signer])),
  );
  return derSequence(derOid(cmsOid.signedData), der(0xa0, data));
}

export interface InfoParts {
  readonly version?: number;
  readonly genTime?: string;
  readonly digest?: Bytes;
  /** Behind the time: accuracy and so on, in DER. */
  readonly rest?: readonly Bytes[];
}

/** TSTInfo (DER) over a message; the time as it is written. */
export function makeInfo(message: Bytes, genTime: string, parts: InfoParts = {}): Bytes {
  return derSequence(
    derInteger(parts.version ?? 1),
    derOid("1.3.6.1.4.1.99999.1"),
    derSequence(sha256Id(), derOctets(parts.digest ?? sha256(message))),
    derInteger(7),
    der(derTag.generalizedTime, Buffer.from(genTime, "latin1")),
    ...(parts.rest ?? []),
  );
}
