/** OCSP responses for tests, built octet by octet: good ones, and each kind of bad. */
import { createHash, type KeyObject, sign } from "node:crypto";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import {
  der,
  derBits,
  derGeneralizedTime,
  derNamedBits,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derTime,
  derTrue,
} from "../../src/keys/custody/der-writer.ts";
import { spkiOf } from "../../src/keys/custody/private-key.ts";
import {
  algorithmOf,
  authoritySpec,
  build,
  type CertificateSpec,
  commonName,
  day,
  type Extension,
  extension,
  judgedAt,
  type KeyKind,
  keyIdentifier,
  keyOf,
  oids,
  purposes,
  type SignatureChoice,
} from "./forged-chains.ts";

export const ocspOids = {
  basic: "1.3.6.1.5.5.7.48.1.1",
  nonce: "1.3.6.1.5.5.7.48.1.2",
  noCheck: "1.3.6.1.5.5.7.48.1.5",
  signing: "1.3.6.1.5.5.7.3.9",
} as const;

/** Everything of one answer, free to be wrong. Byte fields are whole DER values. */
export interface AnswerSpec {
  hash: "sha1" | "sha256" | "sha512";
  issuerName: Bytes;
  issuerKey: KeyObject;
  serial: Bytes;
  state: Bytes;
  thisUpdate: Bytes;
  nextUpdate: Bytes | undefined;
  extensions: Extension[];
}

export interface ResponseSpec {
  status: number;
  type: string;
  version: Bytes | undefined;
  responder: Bytes;
  producedAt: Bytes;
  answers: AnswerSpec[];
  extensions: Extension[];
  algorithm: SignatureChoice;
  key: KeyObject;
  certificates: Bytes[];
  finish: (whole: Bytes) => Bytes;
}

export const good: Bytes = der(0x80);
export const unknown: Bytes = der(0x82);

/** CertStatus `revoked`. @param reason as RFC 5280 5.3.1 numbers it */
export function revokedAt(at: number, reason?: number): Bytes {
  const code = reason === undefined ? [] : [der(0xa0, der(0x0a, Uint8Array.of(reason)))];
  return der(0xa1, derGeneralizedTime(at), ...code);
}

export const byName = (name: Bytes): Bytes => der(0xa1, name);
export const byKey = (key: KeyObject): Bytes => der(0xa2, derOctets(digestOf("sha1", keyBits(key))));

/** A good answer of the issuer itself about a certificate of `goodChain`, an hour old. */
export function goodResponse(certificate: CertificateSpec, issuer: CertificateSpec): ResponseSpec {
  return {
    status: 0,
    type: ocspOids.basic,
    version: undefined,
    responder: byName(issuer.subject),
    producedAt: derGeneralizedTime(judgedAt - 3_600_000),
    answers: [
      {
        hash: "sha1",
        issuerName: issuer.subject,
        issuerKey: issuer.key,
        serial: certificate.serial,
        state: good,
        thisUpdate: derGeneralizedTime(judgedAt - 3_600_000),
        nextUpdate: derGeneralizedTime(judgedAt + day),
        extensions: [],
      },
    ],
    extensions: [],
    algorithm: "sha256",
    key: issuer.key,
    certificates: [],
    finish: (whole) => whole,
  };
}

/** A responder that the issuer named, as RFC 6960 4.2.2.2 wants it. */
export function delegateOf(issuer: CertificateSpec, kind: KeyKind = "P-256"): CertificateSpec {
  const spec = authoritySpec("OCSP", "Root", kind);
  const key = keyOf(kind, "OCSP responder");
  return {
    ...spec,
    key,
    signer: issuer.key,
    issuer: issuer.subject,
    subject: commonName("OCSP responder"),
    extensions: [
      extension(oids.keyUsage, true, derNamedBits([0])),
      extension(oids.eku, false, purposes(ocspOids.signing)),
      extension(ocspOids.noCheck, false, derNull()),
      extension(oids.ski, false, derOctets(keyIdentifier(key))),
      extension(oids.aki, false, derSequence(der(0x80, keyIdentifier(issuer.key)))),
    ],
    notBefore: derTime(judgedAt - 2 * day),
    notAfter: derTime(judgedAt + 2 * day),
  };
}

/** The response as its delegate gives it. */
export function delegated(response: ResponseSpec, delegate: CertificateSpec): ResponseSpec {
  return {
    ...response,
    responder: byName(delegate.subject),
    key: delegate.key,
    certificates: [build(delegate)],
  };
}

function keyBits(key: KeyObject): Bytes {
  const spki = spkiOf(key);
  // Of these keys the BIT STRING is the last value, and no other value ends where it does.
  for (let at = 2; at < spki.length; at++) {
    if (spki[at] !== 0x03) continue;
    const head = spki[at + 1]! < 0x80 ? 2 : 2 + (spki[at + 1]! & 0x7f);
    const length = spki.subarray(at + (head === 2 ? 1 : 2), at + head).reduce((n, byte) => n * 256 + byte, 0);
    if (at + head + length === spki.length) return spki.subarray(at + head + 1);
  }
  throw new Error("a key without its bits");
}

function digestOf(name: string, bytes: Bytes): Bytes {
  return new Uint8Array(createHash(name).update(bytes).digest());
}

const digestOids = {
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha512: "2.16.840.1.101.3.4.2.3",
};

function encodeExtensions(list: readonly Extension[]): Bytes[] {
  if (list.length === 0) return [];
  const items = list.map(({ oid, isCritical, value }) =>
    derSequence(derOid(oid), ...(isCritical ? [derTrue()] : []), derOctets(value)),
  );
  return [der(0xa1, derSequence(...items))];
}

function encodeAnswer(spec: AnswerSpec): Bytes {
  return derSequence(
    derSequence(
      derSequence(derOid(digestOids[spec.hash]), derNull()),
      derOctets(digestOf(spec.hash, spec.issuerName)),
      derOctets(digestOf(spec.hash, keyBits(spec.issuerKey))),
      spec.serial,
    ),
    spec.state,
    spec.thisUpdate,
    ...(spec.nextUpdate ? [der(0xa0, spec.nextUpdate)] : []),
    ...encodeExtensions(spec.extensions),
  );
}

export function buildResponse(spec: ResponseSpec): Bytes {
  const data = derSequence(
    ...(spec.version ? [spec.version] : []),
    spec.responder,
    spec.producedAt,
    derSequence(...spec.answers.map(encodeAnswer)),
    ...encodeExtensions(spec.extensions),
  );
  const signature = new Uint8Array(
    sign(spec.algorithm === "ed25519" ? null : spec.algorithm, data, spec.key),
  );
  const basic = derSequence(
    data,
    algorithmOf(spec.algorithm, spec.key),
    derBits(signature),
    ...(spec.certificates.length > 0 ? [der(0xa0, derSequence(...spec.certificates))] : []),
  );
  const bytes = derSequence(derOid(spec.type), derOctets(basic));
  return spec.finish(derSequence(der(0x0a, Uint8Array.of(spec.status)), der(0xa0, bytes)));
}

/** A response that answers nothing. */
export function errorResponse(status: number): Bytes {
  return derSequence(der(0x0a, Uint8Array.of(status)));
}

export function nonceExtension(nonce: Bytes, isCritical = false): Extension {
  return extension(ocspOids.nonce, isCritical, derOctets(nonce));
}

/** `count` SEQUENCEs, each within the next. */
export function nested(count: number): Bytes {
  let inner: Bytes = derNull();
  for (let i = 0; i < count; i++) inner = derSequence(inner);
  return concatBytes([inner]);
}
