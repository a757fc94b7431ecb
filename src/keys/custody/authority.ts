/**
 * A site's own certificate authority, for those who have none, or an existing one imported. Only the command line opens it; a
 * gateway never does.
 */
import type { KeyObject } from "node:crypto";
import { type Bytes, equalBytes, latin1, utf8 } from "../../foundation/bytes.ts";
import type { Clock, Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import {
  ensurePrivateFolder,
  fileExists,
  readPrivateFile,
  replaceFileDurably,
  withFileLock,
} from "../../platform/node/private-files.ts";
import { authorityKeyWeakness } from "../trust/algorithms.ts";
import { type Certificate, parseCertificate } from "../trust/certificate.ts";
import { attributeOid } from "../trust/object-identifiers.ts";
import { anchorProblem } from "../trust/path-validation.ts";
import { decodePem, encodePem } from "../trust/pem.ts";
import type { RevocationReason } from "../trust/revocation.ts";
import { roles as allRoles, type Role } from "../trust/roles.ts";
import { authorityCertificate, authorityPaths, publishedCrlNumber } from "./authority-files.ts";
import { type Ledger, ledgerFormat, type RevokedEntry, readLedger, writeLedger } from "./authority-ledger.ts";
import { type CertificateRequest, readRequest } from "./certificate-request.ts";
import { type DeviceName, requireDeviceName } from "./device-name.ts";
import { hashCode, makeCode } from "./enrolment-code.ts";
import {
  backdatingMs,
  dayMs,
  type Issuer,
  issueDeviceCertificate,
  keyIdentifierOf,
  requireNewKey,
} from "./issuance.ts";
import { decryptKey, encryptKey, generateKey, keyFileBytesMax, spkiOf } from "./private-key.ts";
import { buildCertificate, buildCrl, buildName, randomSerial } from "./structure-builder.ts";
import { type IssuedTls, issueTlsCertificate, type TlsOwner } from "./tls-certificate.ts";

const authorityDays = 3653;
/** The authority's key is not at hand every day; revoking issues a new list at once. */
const crlDaysDefault = 90;
const codeHoursDefault = 24;

export interface AuthorityEnvironment {
  readonly clock: Clock;
  readonly random: Random;
}

export interface NewDevice extends DeviceName {
  readonly roles: readonly Role[];
  readonly hoursValid?: number;
}

export interface EnrolmentCode {
  /** Shown once; only its hash is kept. */
  readonly code: string;
  readonly expiresAt: number;
}

export interface Enrolment {
  readonly request: Bytes;
  readonly code: string;
  /** The key fingerprint as a person read it at the device: 64 hexadecimal digits; spaces, colons and case do not count. */
  readonly comparedFingerprint: string;
  readonly daysValid?: number;
}

/**
 * Makes an authority: P-256, self-signed, for signers directly below it, ten years.
 * @param name the site, as it appears in every certificate (O)
 * @throws ScansealError `usage` when there is one already, or for a bad name or passphrase, `io`
 */
export async function createAuthority(
  folder: string,
  options: AuthorityEnvironment & { readonly name: string; readonly passphrase: string },
): Promise<Authority> {
  const { name, random, clock } = options;
  // RFC 5280 appendix A.1: ub-organization-name and ub-common-name are 64.
  if (!/^[^\p{C}]{1,40}$/u.test(name) || name.trim() !== name) {
    throw new ScansealError("usage", "a site name has 1 to 40 characters and no space around it");
  }
  const key = generateKey("EC-P256");
  const spki = spkiOf(key);
  const subject = buildName([
    { oid: attributeOid.organization, value: name },
    { oid: attributeOid.commonName, value: `${name} imaging authority` },
  ]);
  const keyIdentifier = keyIdentifierOf(spki);
  const now = clock.now();
  const certificate = buildCertificate(
    {
      serial: randomSerial(random),
      issuer: subject,
      subject,
      notBefore: now - backdatingMs,
      notAfter: now + authorityDays * dayMs,
      spki,
      subjectKeyIdentifier: keyIdentifier,
      authorityKeyIdentifier: keyIdentifier,
      use: { kind: "authority" },
    },
    key,
  );
  return settle(folder, certificate, key, options);
}

/**
 * Takes over an existing authority (a hospital's issuing CA; RSA from 2048 bits or P-256/P-384). Its key is encrypted again
 * under `passphrase` and is never written in clear.
 * @throws ScansealError `key-unusable` for a wrong passphrase or a key of another certificate, `certificate-invalid` when the
 *   certificate cannot be an anchor, `usage`, `io`
 */
export async function importAuthority(
  folder: string,
  options: AuthorityEnvironment & {
    readonly certificatePem: string;
    readonly keyPem: string;
    readonly keyPassphrase: string;
    readonly passphrase: string;
  },
): Promise<Authority> {
  const ders = decodePem("CERTIFICATE", options.certificatePem);
  if (ders.length !== 1)
    throw new ScansealError("usage", "give exactly one certificate: the authority's own");
  const certificate = parseCertificate(ders[0]!, nodeCrypto);
  const problem =
    anchorProblem(certificate) ??
    (certificate.extensions.keyUsage?.includes("cRLSign") ? undefined : "its key may not sign CRLs");
  if (problem !== undefined) {
    throw new ScansealError("certificate-invalid", `the certificate cannot be an anchor: ${problem}`);
  }
  const now = options.clock.now();
  if (certificate.notAfter < now || certificate.notBefore > now) {
    throw new ScansealError(
      "certificate-invalid",
      "the authority's certificate is not valid now: renew it first",
    );
  }
  const key = decryptKey(options.keyPem, options.keyPassphrase);
  return settle(folder, certificate.der, key, options);
}

/** @throws ScansealError `key-unusable` for a wrong passphrase or open permissions, `io` */
export async function openAuthority(
  folder: string,
  options: AuthorityEnvironment & { readonly passphrase: string },
): Promise<Authority> {
  if (!fileExists(authorityPaths(folder).ledger))
    throw new ScansealError("key-unusable", "there is no authority: init first");
  ensurePrivateFolder(folder);
  const pem = latin1(readPrivateFile(authorityPaths(folder).key, keyFileBytesMax));
  const key = decryptKey(pem, options.passphrase);
  const authority = new Authority(folder, authorityCertificate(folder), key, options);
  // A crash may have come between the ledger and the list.
  if (publishedCrlNumber(folder) !== readLedger(folder).lastCrlNumber) authority.renewCrl();
  return authority;
}

async function settle(
  folder: string,
  certificate: Bytes,
  key: KeyObject,
  options: AuthorityEnvironment & { readonly passphrase: string },
): Promise<Authority> {
  const pem = encryptKey(key, options.passphrase, options.random);
  const authority = new Authority(folder, parseCertificate(certificate, nodeCrypto), key, options);
  ensurePrivateFolder(folder);
  withFileLock(authorityPaths(folder).lock, () => {
    if (fileExists(authorityPaths(folder).ledger))
      throw new ScansealError("usage", "there is an authority already");
    replaceFileDurably(authorityPaths(folder).key, utf8(pem), { mode: 0o600 });
    replaceFileDurably(authorityPaths(folder).certificate, utf8(encodePem("CERTIFICATE", certificate)), {
      mode: 0o644,
    });
    // Last: the ledger's presence says that the authority is complete.
    const ledger: Ledger = {
      format: ledgerFormat,
      createdAt: options.clock.now(),
      lastCrlNumber: 0,
      codes: [],
      issued: [],
      tls: [],
      revoked: [],
    };
    writeLedger(folder, ledger);
  });
  authority.renewCrl();
  return authority;
}

/** An opened authority. Each step is durable in the ledger before its result is returned. */
export class Authority {
  readonly certificate: Certificate;
  readonly #folder: string;
  readonly #key: KeyObject;
  readonly #clock: Clock;
  readonly #random: Random;

  /** @throws ScansealError `key-unusable` when key and certificate do not belong together */
  constructor(folder: string, certificate: Certificate, key: KeyObject, environment: AuthorityEnvironment) {
    if (!equalBytes(spkiOf(key), certificate.key.spki)) {
      throw new ScansealError("key-unusable", "the authority's key and certificate do not belong together");
    }
    this.certificate = certificate;
    this.#folder = folder;
    this.#key = key;
    this.#clock = environment.clock;
    this.#random = environment.random;
  }

  /** Step 1 of enrolment: a person names the device and its roles; the code goes to the device by another way than the request. */
  issueCode(device: NewDevice): EnrolmentCode {
    requireDeviceName(device);
    if (device.roles.length === 0 || !device.roles.every((role) => allRoles.includes(role))) {
      throw new ScansealError("usage", `a device has at least one role of ${allRoles.join(", ")}`);
    }
    const code = makeCode(this.#random);
    const now = this.#clock.now();
    const expiresAt = now + (device.hoursValid ?? codeHoursDefault) * 3_600_000;
    const { name, aeTitle, serialNumber } = device;
    const entry = { name, aeTitle, serialNumber, roles: [...new Set(device.roles)], expiresAt };
    this.#change((ledger) => ({
      ...ledger,
      codes: [...ledger.codes.filter((old) => old.expiresAt >= now), { hash: hashCode(code), ...entry }],
    }));
    return { code, expiresAt };
  }

  /** What a person sees before enrolling: the fingerprint to compare with the device's own display. */
  inspect(request: Bytes): Promise<CertificateRequest> {
    return readRequest(request, nodeCrypto);
  }

  /**
   * Step 3 of enrolment: the certificate, directly under the anchor. Names and roles are the code's, never the request's; of the
   * request, the key and its epoch count.
   * @returns DER
   * @throws ScansealError `usage` for a code that is unknown, used or expired, a fingerprint that differs, or a key that has a
   *   certificate; `certificate-invalid`, `key-unusable`, `io`
   */
  async enrol(enrolment: Enrolment): Promise<Bytes> {
    const request = await readRequest(enrolment.request, nodeCrypto);
    requireFingerprint(request, enrolment.comparedFingerprint);
    this.#requireCurrent();
    const hash = hashCode(enrolment.code);
    let issued: Bytes | undefined;
    this.#change((ledger) => {
      const now = this.#clock.now();
      const code = ledger.codes.find((entry) => entry.hash === hash && entry.expiresAt >= now);
      if (code === undefined) throw new ScansealError("usage", "the code is unknown, used or expired");
      const keyEpoch = requireNewKey(ledger, code.name, request, this.certificate);
      const made = issueDeviceCertificate(this.#issuer, {
        device: code,
        keyEpoch,
        roles: code.roles,
        request,
        now,
        daysValid: enrolment.daysValid,
      });
      issued = made.der;
      return {
        ...ledger,
        codes: ledger.codes.filter((other) => other !== code),
        issued: [...ledger.issued, made.entry],
      };
    });
    return issued!;
  }

  /**
   * A TLS certificate, directly under the anchor. Names and hosts are the caller's, never the request's.
   * @param request PKCS#10, DER
   * @param comparedFingerprint the key's, where a person read it at the machine
   * @throws ScansealError `usage` for an owner that does not fit, a key that is another's or a fingerprint that differs;
   *   `certificate-invalid`, `key-unusable`, `io`
   */
  async issueTls(owner: TlsOwner, request: Bytes, comparedFingerprint?: string): Promise<IssuedTls> {
    const read = await readRequest(request, nodeCrypto, authorityKeyWeakness);
    if (comparedFingerprint !== undefined) requireFingerprint(read, comparedFingerprint);
    this.#requireCurrent();
    let issued: IssuedTls | undefined;
    this.#change((ledger) => {
      issued = issueTlsCertificate(this.#issuer, ledger, owner, read, this.#clock.now());
      return { ...ledger, tls: [...ledger.tls, issued.entry] };
    });
    return issued!;
  }

  get #issuer(): Issuer {
    return { certificate: this.certificate, key: this.#key, random: this.#random };
  }

  #requireCurrent(): void {
    if (this.certificate.notAfter < this.#clock.now()) {
      throw new ScansealError("certificate-invalid", "the authority's certificate has ended: renew it");
    }
  }

  /**
   * Revokes a certificate it issued and makes a new CRL. What is revoked already can only become stricter: a theft that is found
   * out later, or an earlier day.
   * @param serial hexadecimal
   * @param invalidSince when the key may have come into other hands, in milliseconds
   * @returns the CRL, DER
   * @throws ScansealError `usage` for a serial it did not issue or has revoked as strictly already, `io`
   */
  revoke(serial: string, reason: RevocationReason, invalidSince?: number): Bytes {
    const wanted = serial.toLowerCase();
    return this.#publish((ledger, now) => {
      if (![...ledger.issued, ...ledger.tls].some((entry) => entry.serial === wanted)) {
        throw new ScansealError("usage", "this authority issued no certificate with that serial number");
      }
      const before = ledger.revoked.find((entry) => entry.serial === wanted);
      const entry = stricterOf({ serial: wanted, revokedAt: now, invalidSince, reason }, before);
      return { ...ledger, revoked: [...ledger.revoked.filter((one) => one !== before), entry] };
    });
  }

  /** A new CRL with the same entries. @returns DER */
  renewCrl(daysValid: number = crlDaysDefault): Bytes {
    return this.#publish((ledger) => ledger, daysValid);
  }

  #publish(change: (ledger: Ledger, now: number) => Ledger, daysValid: number = crlDaysDefault): Bytes {
    let crl: Bytes | undefined;
    const makeList = (old: Ledger): Ledger => {
      const now = this.#clock.now();
      const ledger = change(old, now);
      const number = ledger.lastCrlNumber + 1;
      crl = buildCrl(
        {
          issuer: this.certificate.subject.der,
          authorityKeyIdentifier: this.certificate.extensions.subjectKeyIdentifier!,
          number,
          thisUpdate: now,
          nextUpdate: now + daysValid * dayMs,
          keepsExpiredSince: ledger.createdAt,
          revoked: new Map(ledger.revoked.map((entry) => [entry.serial, entry])),
        },
        this.#key,
      );
      return { ...ledger, lastCrlNumber: number };
    };
    this.#change(makeList, () => {
      const text = utf8(encodePem("X509 CRL", crl!));
      replaceFileDurably(authorityPaths(this.#folder).crl, text, { mode: 0o644 });
    });
    return crl!;
  }

  #change(change: (ledger: Ledger) => Ledger, then?: () => void): void {
    withFileLock(authorityPaths(this.#folder).lock, () => {
      writeLedger(this.#folder, change(readLedger(this.#folder)));
      then?.();
    });
  }
}

/** The first revocation's time stays. @throws ScansealError `usage` when nothing becomes stricter */
function stricterOf(wanted: RevokedEntry, before: RevokedEntry | undefined): RevokedEntry {
  if (before === undefined) return wanted;
  const wasStolen = before.reason === "keyCompromise";
  const isStolen = wanted.reason === "keyCompromise";
  const invalidSince = Math.min(before.invalidSince ?? Infinity, wanted.invalidSince ?? Infinity);
  const isEarlier = invalidSince < Math.min(before.invalidSince ?? Infinity, before.revokedAt);
  if (!isEarlier && (wasStolen || !isStolen))
    throw new ScansealError("usage", "the certificate is revoked already");
  const { serial, revokedAt } = before;
  return {
    serial,
    revokedAt,
    invalidSince: Number.isFinite(invalidSince) ? invalidSince : undefined,
    reason: isStolen ? wanted.reason : before.reason,
  };
}

function requireFingerprint(request: CertificateRequest, compared: string): void {
  if (compared.replace(/[\s:]/g, "").toLowerCase() !== request.keyFingerprint) {
    throw new ScansealError(
      "usage",
      "the fingerprint is not that of the request's key: do not enrol this device",
    );
  }
}
