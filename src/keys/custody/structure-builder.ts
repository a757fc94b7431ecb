/** Certificates, requests and CRLs of our own profile (spec/keys-and-certificates.md, sections 2 to 4 and 6), built and signed. */
import { type KeyObject, sign as signOnce } from "node:crypto";
import { type Bytes, fromHex, utf8 } from "../../foundation/bytes.ts";
import type { HashName, Random } from "../../foundation/crypto.ts";
import { derTag } from "../trust/der.ts";
import type { NameAttribute } from "../trust/distinguished-name.ts";
import { commonKeyPurposeOid, extensionOid } from "../trust/object-identifiers.ts";
import { type Revocation, reasonNumber } from "../trust/revocation.ts";
import { keyPurposeOf, type Role } from "../trust/roles.ts";
import {
  der,
  derBits,
  derGeneralizedTime,
  derInteger,
  derNamedBits,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derTime,
  derTrue,
  derUtf8,
} from "./der-writer.ts";
import type { HostName } from "./host-name.ts";
import { keyTypeOf } from "./private-key.ts";

/** One attribute in each part, UTF8String. */
export function buildName(attributes: readonly NameAttribute[]): Bytes {
  return derSequence(
    ...attributes.map(({ oid, value }) => der(derTag.set, derSequence(derOid(oid), derUtf8(value)))),
  );
}

/** 127 random bits: positive, unguessable (RFC 5280 4.1.2.2 and the forum's rule of 64 bits). */
export function randomSerial(random: Random): Bytes {
  const octets = random.bytes(16);
  octets[0] = (octets[0]! & 0x7f) | 0x40;
  return octets;
}

const nodeHashes: Readonly<Record<HashName, string>> = {
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};

/** The algorithm an authority or a requester signs structures with. */
function structureAlgorithm(key: KeyObject): { readonly hash: HashName; readonly identifier: Bytes } {
  switch (keyTypeOf(key)) {
    case "EC-P256":
      return { hash: "SHA-256", identifier: derSequence(derOid("1.2.840.10045.4.3.2")) };
    case "EC-P384":
      return { hash: "SHA-384", identifier: derSequence(derOid("1.2.840.10045.4.3.3")) };
    case "RSA":
      return { hash: "SHA-256", identifier: derSequence(derOid("1.2.840.113549.1.1.11"), derNull()) };
  }
}

function signStructure(makeBody: (identifier: Bytes) => Bytes, key: KeyObject): Bytes {
  const { hash, identifier } = structureAlgorithm(key);
  const body = makeBody(identifier);
  const signature = signOnce(nodeHashes[hash], body, key);
  return derSequence(body, identifier, derBits(new Uint8Array(signature)));
}

function extension(oid: string, isCritical: boolean, value: Bytes): Bytes {
  return derSequence(derOid(oid), ...(isCritical ? [derTrue()] : []), derOctets(value));
}

export interface CertificateParts {
  readonly serial: Bytes;
  /** DER names. */
  readonly issuer: Bytes;
  readonly subject: Bytes;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Bytes;
  readonly subjectKeyIdentifier: Bytes;
  readonly authorityKeyIdentifier: Bytes;
  readonly use: CertificateUse;
}

/** What the key of a certificate is for: one of these and nothing beside it (DESIGN 3: TLS uses another key). */
export type CertificateUse =
  /** Issues signers and TLS certificates directly. */
  | { readonly kind: "authority" }
  | { readonly kind: "signer"; readonly roles: readonly Role[] }
  | { readonly kind: "tls-server"; readonly hosts: readonly HostName[] }
  | { readonly kind: "tls-client" };

export function buildCertificate(parts: CertificateParts, issuerKey: KeyObject): Bytes {
  const extensions = derSequence(
    ...useExtensions(parts.use),
    extension(extensionOid.subjectKeyIdentifier, false, derOctets(parts.subjectKeyIdentifier)),
    authorityKeyExtension(parts.authorityKeyIdentifier),
  );
  return signStructure(
    (identifier) =>
      derSequence(
        der(0xa0, derInteger(2)),
        derInteger(parts.serial),
        identifier,
        parts.issuer,
        derSequence(derTime(parts.notBefore), derTime(parts.notAfter)),
        parts.subject,
        parts.spki,
        der(0xa3, extensions),
      ),
    issuerKey,
  );
}

function useExtensions(use: CertificateUse): Bytes[] {
  if (use.kind === "authority") {
    return [
      extension(extensionOid.basicConstraints, true, derSequence(derTrue(), derInteger(0))),
      extension(extensionOid.keyUsage, true, derNamedBits([5, 6])),
    ];
  }
  return [
    extension(extensionOid.basicConstraints, true, derSequence()),
    extension(extensionOid.keyUsage, true, derNamedBits([0])),
    extension(extensionOid.extendedKeyUsage, false, derSequence(...keyPurposesOf(use).map(derOid))),
    ...(use.kind === "tls-server"
      ? [extension(extensionOid.subjectAltName, false, derSequence(...use.hosts.map(derHost)))]
      : []),
  ];
}

function keyPurposesOf(use: Exclude<CertificateUse, { kind: "authority" }>): string[] {
  if (use.kind === "signer") return use.roles.map(keyPurposeOf);
  return [use.kind === "tls-server" ? commonKeyPurposeOid.tlsServer : commonKeyPurposeOid.tlsClient];
}

/** RFC 5280 4.2.1.6: dNSName [2], iPAddress [7] */
function derHost(host: HostName): Bytes {
  return host.kind === "dns" ? der(0x82, utf8(host.name)) : der(0x87, host.octets);
}

function authorityKeyExtension(keyIdentifier: Bytes): Bytes {
  return extension(extensionOid.authorityKeyIdentifier, false, derSequence(der(0x80, keyIdentifier)));
}

/** PKCS#10 (RFC 2986 4), signed by the key it is for. */
export function buildRequest(subject: Bytes, spki: Bytes, key: KeyObject): Bytes {
  return signStructure(() => requestBody(subject, spki), key);
}

/** The same for a P-256 key that is not in memory. @param sign DER `ECDSA-Sig-Value` over the SHA-256 of the body */
export function buildTokenRequest(subject: Bytes, spki: Bytes, sign: (body: Bytes) => Bytes): Bytes {
  const body = requestBody(subject, spki);
  return derSequence(body, derSequence(derOid("1.2.840.10045.4.3.2")), derBits(sign(body)));
}

function requestBody(subject: Bytes, spki: Bytes): Bytes {
  return derSequence(derInteger(0), subject, spki, der(0xa0));
}

export interface CrlParts {
  readonly issuer: Bytes;
  readonly authorityKeyIdentifier: Bytes;
  readonly number: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Since when entries are kept past the expiry of their certificates. */
  readonly keepsExpiredSince: number;
  /** By serial number in hexadecimal. */
  readonly revoked: ReadonlyMap<string, Revocation>;
}

export function buildCrl(parts: CrlParts, issuerKey: KeyObject): Bytes {
  const entries = [...parts.revoked].map(([serial, { revokedAt, invalidSince, reason }]) => {
    // RFC 5280 5.3.1: unspecified is left out.
    const extensions = [
      ...(reason === "unspecified"
        ? []
        : [
            extension(
              extensionOid.reasonCode,
              false,
              der(derTag.enumerated, Uint8Array.of(reasonNumber(reason))),
            ),
          ]),
      ...(invalidSince === undefined
        ? []
        : [extension(extensionOid.invalidityDate, false, derGeneralizedTime(invalidSince))]),
    ];
    return derSequence(
      derInteger(fromHex(serial)),
      derTime(revokedAt),
      ...(extensions.length === 0 ? [] : [derSequence(...extensions)]),
    );
  });
  const extensions = derSequence(
    authorityKeyExtension(parts.authorityKeyIdentifier),
    extension(extensionOid.crlNumber, false, derInteger(parts.number)),
    extension(extensionOid.expiredCertsOnCrl, false, derGeneralizedTime(parts.keepsExpiredSince)),
  );
  return signStructure(
    (identifier) =>
      derSequence(
        derInteger(1),
        identifier,
        parts.issuer,
        derTime(parts.thisUpdate),
        derTime(parts.nextUpdate),
        ...(entries.length === 0 ? [] : [derSequence(...entries)]),
        der(0xa0, extensions),
      ),
    issuerKey,
  );
}
