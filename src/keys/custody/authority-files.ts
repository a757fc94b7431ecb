/**
 * An authority's folder, as far as it is read without its key.
 *
 *     AUTHORITY/authority.pem    its certificate: the anchor others are given
 *     AUTHORITY/key.pem          encrypted PKCS#8
 *     AUTHORITY/ledger.json      codes (hashed), certificates, revocations
 *     AUTHORITY/crl.pem          the current CRL
 */
import { join } from "node:path";
import { type Bytes, tryUtf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { fileExists, readPublicFile } from "../../platform/node/private-files.ts";
import { type Certificate, parseCertificate } from "../trust/certificate.ts";
import { decodePem, type PemLabel } from "../trust/pem.ts";
import { parseCrl } from "../trust/revocation.ts";
import {
  type IssuedEntry,
  ledgerPath,
  type RevokedEntry,
  readLedger,
  type TlsEntry,
} from "./authority-ledger.ts";
import { keyFileBytesMax } from "./private-key.ts";

/** PEM is four thirds of the DER and its line ends. */
const crlPemBytesMax: number = 6 * 1024 * 1024;

export interface AuthorityPaths {
  readonly certificate: string;
  readonly key: string;
  readonly ledger: string;
  readonly crl: string;
  readonly lock: string;
}

export function authorityPaths(folder: string): AuthorityPaths {
  return {
    certificate: join(folder, "authority.pem"),
    key: join(folder, "key.pem"),
    ledger: ledgerPath(folder),
    crl: join(folder, "crl.pem"),
    lock: join(folder, "authority.lock"),
  };
}

/** What everyone may know, without the key. @throws ScansealError `key-unusable`, `certificate-invalid`, `io` */
export function authorityCertificate(folder: string): Certificate {
  const der = onlyBlock("CERTIFICATE", authorityPaths(folder).certificate, keyFileBytesMax);
  if (!der) throw new ScansealError("key-unusable", `the authority's certificate is damaged: ${restore}`);
  return parseCertificate(der, nodeCrypto);
}

/** The current CRL as DER, without the key. @throws ScansealError `key-unusable`, `io` */
export function authorityCrl(folder: string): Bytes {
  const { crl } = authorityPaths(folder);
  const der = fileExists(crl) ? onlyBlock("X509 CRL", crl, crlPemBytesMax) : undefined;
  if (!der) {
    throw new ScansealError(
      "key-unusable",
      "the authority's revocation list is missing or damaged: make it anew with scanseal authority renew-crl",
    );
  }
  return der;
}

const restore = "restore it from a backup";

/** Undefined when the file holds anything but one block. @throws ScansealError `io` */
function onlyBlock(label: PemLabel, path: string, bytesMax: number): Bytes | undefined {
  const text = tryUtf8(readPublicFile(path, bytesMax)) ?? "";
  try {
    const blocks = decodePem(label, text);
    return blocks.length === 1 ? blocks[0] : undefined;
  } catch {
    return undefined;
  }
}

/** The devices it issued to, for a trust store; without the key. @throws ScansealError `key-unusable`, `io` */
export function authorityDevices(folder: string): readonly IssuedEntry[] {
  return readLedger(folder).issued;
}

/** What it revoked, oldest first. @throws ScansealError `key-unusable`, `io` */
export function authorityRevocations(folder: string): readonly RevokedEntry[] {
  return readLedger(folder).revoked;
}

export interface TlsCertificate extends TlsEntry {
  readonly isRevoked: boolean;
}

/** The TLS certificates it issued; without the key. @throws ScansealError `key-unusable`, `io` */
export function authorityTls(folder: string): readonly TlsCertificate[] {
  const { tls, revoked } = readLedger(folder);
  const serials = new Set(revoked.map((entry) => entry.serial));
  return tls.map((entry) => ({ ...entry, isRevoked: serials.has(entry.serial) }));
}

/** 0 when there is no readable list. */
export function publishedCrlNumber(folder: string): number {
  const { crl } = authorityPaths(folder);
  const der = fileExists(crl) ? onlyBlock("X509 CRL", crl, crlPemBytesMax) : undefined;
  if (!der) return 0;
  try {
    return Number.parseInt(parseCrl(der, nodeCrypto).number ?? "0", 16);
  } catch {
    return 0;
  }
}
