/** The extensions of RFC 5280 4.2 that path validation looks at; all others are named. */
import type { Bytes } from "../../foundation/bytes.ts";
import { latin1 } from "../../foundation/bytes.ts";
import {
  booleanOf,
  type DerReader,
  type DerValue,
  derTag,
  namedBitsOf,
  oidOf,
  readerOf,
  refuse,
  serialOf,
  smallIntegerOf,
} from "./der.ts";
import { type DistinguishedName, readName } from "./distinguished-name.ts";
import { extensionOid, ocspOid } from "./object-identifiers.ts";

/** RFC 5280 4.2.1.3, in bit order. */
const keyUsageNames = [
  "digitalSignature",
  "contentCommitment",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

export type KeyUsage = (typeof keyUsageNames)[number];

export interface BasicConstraints {
  readonly isAuthority: boolean;
  /** Number of intermediates that may follow. */
  readonly pathLength: number | undefined;
}

export interface AuthorityKeyIdentifier {
  readonly keyIdentifier: Bytes | undefined;
  /** Issuer and serial number of the issuer's certificate; both or none. */
  readonly issuer: DistinguishedName | undefined;
  readonly serial: string | undefined;
}

/** Absent extensions are undefined; `critical` lists the identifiers of all critical ones. */
export interface CertificateExtensions {
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: readonly KeyUsage[] | undefined;
  /** Extended key usages as dotted decimals. */
  readonly keyPurposes: readonly string[] | undefined;
  readonly subjectKeyIdentifier: Bytes | undefined;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  readonly hasNameConstraints: boolean;
  /** RFC 6960 4.2.2.2.1: of an OCSP responder, whose revocation nobody is to ask for. */
  readonly hasOcspNoCheck: boolean;
  /** URIs of full names; other forms are left out. */
  readonly crlDistributionPoints: readonly string[];
  readonly critical: readonly string[];
  /** Critical ones this reader does not understand: RFC 5280 4.2 says to refuse such a certificate. */
  readonly unknownCritical: readonly string[];
}

export interface Extension {
  readonly oid: string;
  readonly isCritical: boolean;
  readonly value: DerReader;
  readonly offset: number;
}

/** Real certificates have about ten. */
const extensionsMax = 64;
/** Lists inside an extension (purposes, distribution points). */
const listMax = 64;

/**
 * The items of an `Extensions` value: of a certificate, a CRL or a CRL entry. A repeated one is refused (RFC 5280 4.2).
 * The values are read by the caller.
 */
export function readExtensionList(items: DerReader): Map<string, Extension> {
  const found = new Map<string, Extension>();
  if (items.isDone) refuse("the list of extensions is empty");
  while (!items.isDone) {
    const item = items.read("extension", derTag.sequence);
    const reader = readerOf(item);
    const oid = oidOf(reader.read("extension", derTag.oid));
    const flag = reader.optional("critical", derTag.boolean);
    const isCritical = flag !== undefined && booleanOf(flag);
    // X.690 11.5: a default value is not encoded.
    if (flag !== undefined && !isCritical) refuse("critical FALSE is written out", flag.offset);
    const value = readerOf(reader.read("extension", derTag.octetString));
    reader.end("extension");
    if (found.has(oid)) refuse("an extension occurs twice", item.offset);
    if (found.size >= extensionsMax) refuse("there are too many extensions", item.offset);
    found.set(oid, { oid, isCritical, value, offset: item.offset });
  }
  return found;
}

/** @param wrapper the content of [3] */
export function readExtensions(wrapper: DerReader): CertificateExtensions {
  const list = readExtensionList(wrapper.enter("extensions"));
  wrapper.end("extensions");
  const take = <T>(oid: string, read: (reader: DerReader) => T): T | undefined => {
    const extension = list.get(oid);
    if (extension === undefined) return undefined;
    const result = read(extension.value);
    extension.value.end("an extension");
    return result;
  };
  const critical = [...list.values()].filter((extension) => extension.isCritical).map(({ oid }) => oid);
  return {
    basicConstraints: take(extensionOid.basicConstraints, readBasicConstraints),
    keyUsage: take(extensionOid.keyUsage, readKeyUsage),
    keyPurposes: take(extensionOid.extendedKeyUsage, readKeyPurposes),
    subjectKeyIdentifier: take(extensionOid.subjectKeyIdentifier, readKeyIdentifier),
    authorityKeyIdentifier: take(extensionOid.authorityKeyIdentifier, readAuthorityKeyIdentifier),
    hasNameConstraints: list.has(extensionOid.nameConstraints),
    hasOcspNoCheck: take(ocspOid.noCheck, (reader) => reader.read("no check", derTag.nil)) !== undefined,
    crlDistributionPoints: take(extensionOid.crlDistributionPoints, readDistributionPoints) ?? [],
    critical,
    unknownCritical: critical.filter((oid) => !understood.has(oid)),
  };
}

/** Subject alternative names say nothing a Scanseal signer is judged by; name constraints are refused apart. */
const understood: ReadonlySet<string> = new Set([
  extensionOid.basicConstraints,
  extensionOid.keyUsage,
  extensionOid.extendedKeyUsage,
  extensionOid.subjectKeyIdentifier,
  extensionOid.authorityKeyIdentifier,
  extensionOid.subjectAltName,
  extensionOid.nameConstraints,
]);

/** RFC 5280 4.2.1.9 */
function readBasicConstraints(reader: DerReader): BasicConstraints {
  const body = reader.enter("basic constraints");
  const flag = body.optional("cA", derTag.boolean);
  const isAuthority = flag !== undefined && booleanOf(flag);
  if (flag !== undefined && !isAuthority) refuse("cA FALSE is written out", flag.offset);
  const length = body.optional("path length", derTag.integer);
  body.end("basic constraints");
  return { isAuthority, pathLength: length === undefined ? undefined : smallIntegerOf(length) };
}

function readKeyUsage(reader: DerReader): KeyUsage[] {
  return namedBitsOf(reader.read("key usage", derTag.bitString)).map((bit) => {
    const name = keyUsageNames[bit];
    return name ?? refuse("key usage has an unknown bit");
  });
}

function readKeyPurposes(reader: DerReader): string[] {
  const items = reader.enter("extended key usage");
  const purposes: string[] = [];
  while (!items.isDone) {
    if (purposes.length >= listMax) refuse("there are too many key purposes");
    purposes.push(oidOf(items.read("key purpose", derTag.oid)));
  }
  if (purposes.length === 0) refuse("extended key usage is empty");
  return purposes;
}

function readKeyIdentifier(reader: DerReader): Bytes {
  return requireKeyIdentifier(reader.read("key identifier", derTag.octetString));
}

/** Digests in practice: 20 or 32 octets. */
function requireKeyIdentifier(value: DerValue): Bytes {
  if (value.content.length === 0 || value.content.length > 64) {
    refuse("a key identifier has an unexpected length", value.offset);
  }
  return value.content;
}

/** RFC 5280 4.2.1.1: [0] key identifier, [1] GeneralNames, [2] serial number */
export function readAuthorityKeyIdentifier(reader: DerReader): AuthorityKeyIdentifier {
  const body = reader.enter("authority key identifier");
  const id = body.optional("key identifier", 0x80);
  const names = body.optional("issuer", 0xa1);
  const serial = body.optional("serial number", 0x82);
  body.end("authority key identifier");
  if ((names === undefined) !== (serial === undefined)) refuse("issuer and serial number go together");
  return {
    keyIdentifier: id === undefined ? undefined : requireKeyIdentifier(id),
    issuer: names === undefined ? undefined : readDirectoryName(readerOf(names)),
    serial: serial === undefined ? undefined : serialOf(serial),
  };
}

/** The one GeneralName [4] directoryName; other forms of naming an issuer are not compared, so they are refused. */
function readDirectoryName(names: DerReader): DistinguishedName {
  const wrapper = names.enter("issuer", 0xa4);
  names.end("issuer");
  const name = readName(wrapper, "issuer");
  wrapper.end("issuer");
  return name;
}

/** RFC 5280 4.2.1.13. Only shown to people: nothing is fetched. */
function readDistributionPoints(reader: DerReader): string[] {
  const points = reader.enter("distribution points");
  const uris: string[] = [];
  while (!points.isDone) {
    const point = points.enter("distribution point");
    const name = point.optional("distribution point name", 0xa0);
    if (name === undefined) continue;
    const full = readerOf(name).optional("full name", 0xa0);
    if (full === undefined) continue;
    const names = readerOf(full);
    while (!names.isDone) {
      const value = names.read("general name");
      if (uris.length >= listMax) refuse("there are too many distribution points", value.offset);
      // [6] uniformResourceIdentifier, IA5String
      if (value.tag === 0x86) uris.push(latin1(value.content));
    }
  }
  return uris;
}
