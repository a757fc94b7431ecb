/** What an authority signs for a device: the certificate, and what its ledger says of it. */
import type { KeyObject } from "node:crypto";
import { type Bytes, toBase64 } from "../../foundation/bytes.ts";
import type { Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { type Certificate, parseCertificate } from "../trust/certificate.ts";
import { nameAttribute } from "../trust/distinguished-name.ts";
import { attributeOid, keyEpochOid } from "../trust/object-identifiers.ts";
import type { Role } from "../trust/roles.ts";
import type { DeviceRecord } from "../trust/trust-store.ts";
import type { IssuedEntry, Ledger } from "./authority-ledger.ts";
import type { CertificateRequest } from "./certificate-request.ts";
import { type DeviceName, deviceSubject } from "./device-name.ts";
import { signerHashOf } from "./private-key.ts";
import { buildCertificate, buildName, randomSerial } from "./structure-builder.ts";

export const dayMs = 86_400_000;
/** dcmsign compares a local wall clock with the certificate's UTC: a day back covers every time zone. */
export const backdatingMs: number = dayMs;
/** Long enough for a service interval, short enough that a forgotten device ends. */
const deviceDaysDefault = 1096;

/** An opened authority. */
export interface Issuer {
  readonly certificate: Certificate;
  readonly key: KeyObject;
  readonly random: Random;
}

export interface NewDeviceCertificate {
  readonly device: DeviceName;
  readonly keyEpoch: number;
  readonly roles: readonly Role[];
  readonly request: CertificateRequest;
  readonly now: number;
  readonly daysValid?: number | undefined;
}

/** RFC 7093 2 (1): the first 160 bits of SHA-256 over the key's bits. */
export function keyIdentifierOf(spki: Bytes): Bytes {
  return nodeCrypto.hash("SHA-256", spki).slice(0, 20);
}

/** @returns DER, and the ledger's entry */
export function issueDeviceCertificate(
  issuer: Issuer,
  wanted: NewDeviceCertificate,
): { readonly der: Bytes; readonly entry: IssuedEntry } {
  const { device, keyEpoch, roles, request, now, daysValid = deviceDaysDefault } = wanted;
  const { certificate } = issuer;
  const organization = nameAttribute(certificate.subject, attributeOid.organization);
  const der = buildCertificate(
    {
      serial: randomSerial(issuer.random),
      issuer: certificate.subject.der,
      subject: buildName(deviceSubject(device, keyEpoch, organization)),
      notBefore: now - backdatingMs,
      notAfter: Math.min(now + daysValid * dayMs, certificate.notAfter),
      spki: request.key.spki,
      subjectKeyIdentifier: keyIdentifierOf(request.key.spki),
      authorityKeyIdentifier: certificate.extensions.subjectKeyIdentifier!,
      use: { kind: "signer", roles },
    },
    issuer.key,
  );
  return { der, entry: entryOf(der, wanted) };
}

function entryOf(der: Bytes, { device, keyEpoch, roles, now }: NewDeviceCertificate): IssuedEntry {
  const { fingerprint, keyFingerprint, serial, notAfter, key } = parseCertificate(der, nodeCrypto);
  if (key.type === "other") throw new ScansealError("internal", "issued to a key of another kind");
  const { name, aeTitle, serialNumber } = device;
  const hash = signerHashOf(key.type);
  const named = { fingerprint, name, aeTitle, serialNumber };
  const record: DeviceRecord = { ...named, roles, keyType: key.type, hash, keyEpoch };
  return { ...record, serial, keyFingerprint, issuedAt: now, notAfter, certificate: toBase64(der) };
}

/** The epoch the request states; a key serves one device and one epoch, epochs only rise, and no TLS key seals. */
export function requireNewKey(
  ledger: Ledger,
  name: string,
  request: CertificateRequest,
  authority: Certificate,
): number {
  const known = [authority, ...ledger.issued, ...ledger.tls].some(
    (one) => one.keyFingerprint === request.keyFingerprint,
  );
  if (known) throw new ScansealError("usage", "this key has a certificate already: make a new one");
  const stated = nameAttribute(request.subject, keyEpochOid) ?? "1";
  const epoch = /^[1-9]\d{0,8}$/.test(stated) ? Number(stated) : 0;
  const last = Math.max(0, ...ledger.issued.filter((one) => one.name === name).map((one) => one.keyEpoch));
  if (epoch <= last) throw new ScansealError("usage", "the key epoch of the request is not a new one");
  return epoch;
}
