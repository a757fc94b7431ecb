/**
 * TLS certificates from the site's authority: another key than any that seals (DESIGN 3), another list in the ledger than the devices', no
 * role, and so never a signer of images.
 */
import type { KeyObject } from "node:crypto";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { type Certificate, parseCertificate } from "../trust/certificate.ts";
import { nameAttribute } from "../trust/distinguished-name.ts";
import { attributeOid, commonKeyPurposeOid } from "../trust/object-identifiers.ts";
import { encodePem } from "../trust/pem.ts";
import type { Authority } from "./authority.ts";
import type { Ledger, TlsEntry, TlsKind } from "./authority-ledger.ts";
import type { CertificateRequest } from "./certificate-request.ts";
import { requireFolderName } from "./device-name.ts";
import { hostNames } from "./host-name.ts";
import { backdatingMs, dayMs, type Issuer, keyIdentifierOf } from "./issuance.ts";
import { generateKey, spkiOf } from "./private-key.ts";
import { buildCertificate, buildName, buildRequest, randomSerial } from "./structure-builder.ts";

/** What browsers and operating systems accept at most (398), less a day. */
const tlsDays = 397;

export interface TlsOwner {
  readonly kind: TlsKind;
  /** The site's own name for the machine; CN of the certificate. */
  readonly name: string;
  /** Of a server: DNS names and IP addresses its clients connect to. Of a client: none. */
  readonly hosts: readonly string[];
}

export interface IssuedTls {
  readonly der: Bytes;
  readonly entry: TlsEntry;
}

/** @throws ScansealError `usage` for a name or host that does not fit */
export function requireTlsOwner({ kind, name, hosts }: TlsOwner): void {
  requireFolderName(name);
  if (kind === "tls-server") hostNames(hosts);
  else if (hosts.length > 0) throw new ScansealError("usage", "a client's certificate names no hosts");
}

/**
 * A certificate for the request's key. Names are the caller's, never the request's.
 * @throws ScansealError `usage` for an owner that does not fit or a key that is another's, `certificate-invalid` when the authority may
 *   not issue such certificates
 */
export function issueTlsCertificate(
  issuer: Issuer,
  ledger: Ledger,
  owner: TlsOwner,
  request: CertificateRequest,
  now: number,
): IssuedTls {
  requireTlsOwner(owner);
  requireTlsIssuer(issuer.certificate, owner.kind);
  requireTlsKey(issuer.certificate, ledger, owner, request.keyFingerprint);
  const { kind, name, hosts } = owner;
  const { subject, extensions, notAfter } = issuer.certificate;
  const organization = nameAttribute(subject, attributeOid.organization);
  const notBefore = now - backdatingMs;
  const der = buildCertificate(
    {
      serial: randomSerial(issuer.random),
      issuer: subject.der,
      subject: buildName([
        ...(organization === undefined ? [] : [{ oid: attributeOid.organization, value: organization }]),
        { oid: attributeOid.commonName, value: name },
      ]),
      notBefore,
      notAfter: Math.min(notBefore + tlsDays * dayMs, notAfter),
      spki: request.key.spki,
      subjectKeyIdentifier: keyIdentifierOf(request.key.spki),
      authorityKeyIdentifier: extensions.subjectKeyIdentifier!,
      use: kind === "tls-server" ? { kind, hosts: hostNames(hosts) } : { kind },
    },
    issuer.key,
  );
  const made = parseCertificate(der, nodeCrypto);
  const { fingerprint, keyFingerprint, serial } = made;
  const entry = { kind, name, hosts, fingerprint, keyFingerprint, serial, issuedAt: now };
  return { der, entry: { ...entry, notAfter: made.notAfter } };
}

/** RFC 5280 4.2.1.12: an imported authority that lists purposes may issue for those only. */
function requireTlsIssuer({ extensions }: Certificate, kind: TlsKind): void {
  const { any, tlsServer, tlsClient } = commonKeyPurposeOid;
  const allowed = extensions.keyPurposes;
  if (allowed === undefined || allowed.includes(any)) return;
  if (!allowed.includes(kind === "tls-server" ? tlsServer : tlsClient)) {
    throw new ScansealError("certificate-invalid", "the authority's certificate is not for TLS");
  }
}

/** No key of a device or of the authority; one that has a TLS certificate may renew it, until that is revoked. */
function requireTlsKey(
  authority: Certificate,
  ledger: Ledger,
  { kind, name }: TlsOwner,
  fingerprint: string,
): void {
  const isRevoked = (serial: string): boolean => ledger.revoked.some((one) => one.serial === serial);
  const isSealing = [authority, ...ledger.issued].some((one) => one.keyFingerprint === fingerprint);
  const isOthers = ledger.tls
    .filter((one) => one.keyFingerprint === fingerprint)
    .some((one) => one.kind !== kind || one.name !== name || isRevoked(one.serial));
  if (isSealing || isOthers) {
    throw new ScansealError("usage", "this key has a certificate for another use already: make a new key");
  }
}

export interface LocalTls extends IssuedTls {
  /** Key in clear (PKCS#8): TLS endpoints start unattended. Whoever writes it gives the file mode 0600. */
  readonly keyPem: string;
  readonly certificatePem: string;
}

/** Key and certificate in one step, on the authority's machine. @throws ScansealError as `Authority.issueTls` */
export async function issueTlsLocally(authority: Authority, owner: TlsOwner): Promise<LocalTls> {
  requireTlsOwner(owner);
  const key: KeyObject = generateKey("EC-P256");
  const subject = buildName([{ oid: attributeOid.commonName, value: owner.name }]);
  const issued = await authority.issueTls(owner, buildRequest(subject, spkiOf(key), key));
  return {
    ...issued,
    keyPem: key.export({ type: "pkcs8", format: "pem" }).toString(),
    certificatePem: encodePem("CERTIFICATE", issued.der),
  };
}
