/** Whom a verifier trusts: a value made by its holder, never from an object or a bundle. */
import type { Bytes } from "../../foundation/bytes.ts";
import { toHex, utf8 } from "../../foundation/bytes.ts";
import type { Crypto, HashName } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { KeyType } from "./algorithms.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { anchorProblem } from "./path-validation.ts";
import { decodePem, encodePem } from "./pem.ts";
import { type Crl, parseCrl } from "./revocation.ts";
import { type Role, roles } from "./roles.ts";

/** What an anchor's signers may be; an absent list limits nothing. */
export interface AnchorLimits {
  /** Values of the subject's O. */
  readonly organizations?: readonly string[];
  /** Values of the subject's AE title. */
  readonly aeTitles?: readonly string[];
  readonly roles?: readonly Role[];
}

export interface Anchor {
  readonly certificate: Certificate;
  /** The holder's own name for it. */
  readonly label: string;
  readonly limits: AnchorLimits;
}

/** A device this site knows. What it says replaces what the certificate says; a contradiction is refused. */
export interface DeviceRecord {
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  /**
   * SHA-256 of its SubjectPublicKeyInfo. With it the record holds for every certificate of the key: an ECDSA signature can be
   * rewritten (r, n - s) without the issuer, which gives the same certificate another fingerprint.
   */
  readonly keyFingerprint?: string;
  readonly name: string;
  readonly aeTitle: string;
  readonly serialNumber: string;
  readonly roles: readonly Role[];
  readonly keyType: KeyType;
  readonly hash: HashName;
  /** 1 for the first key of the device, one more for each that follows. */
  readonly keyEpoch: number;
  /** When it was enrolled with that key, in milliseconds since 1970. */
  readonly issuedAt?: number;
}

export interface TrustStore {
  /** SHA-256 over all content: cached verdicts name it. */
  readonly version: string;
  readonly anchors: readonly Anchor[];
  readonly intermediates: readonly Certificate[];
  readonly crls: readonly Crl[];
  /** By certificate fingerprint. */
  readonly devices: ReadonlyMap<string, DeviceRecord>;
}

/** The same as bytes; this is what is kept and exchanged. */
export interface TrustStoreContent {
  readonly anchors: readonly {
    readonly certificate: Bytes;
    readonly label: string;
    readonly limits?: AnchorLimits;
  }[];
  readonly intermediates?: readonly Bytes[];
  readonly crls?: readonly Bytes[];
  readonly devices?: readonly DeviceRecord[];
}

/** Far above the partners of any site; a path search looks at all of them. */
const entriesMax = 1000;

/**
 * @throws ScansealError `certificate-invalid` for an anchor that could never validate anything, `usage` for a record that
 *   contradicts another
 */
export function createTrustStore(content: TrustStoreContent, crypto: Crypto): TrustStore {
  const intermediates = content.intermediates ?? [];
  const crls = content.crls ?? [];
  const devices = content.devices ?? [];
  if (Math.max(content.anchors.length, intermediates.length, crls.length) > entriesMax) {
    throw new ScansealError(
      "usage",
      `a trust store holds at most ${entriesMax} anchors, intermediates and CRLs`,
    );
  }
  const anchors = content.anchors.map(({ certificate, label, limits }) => {
    const parsed = parseCertificate(certificate, crypto);
    const problem = anchorProblem(parsed);
    if (problem !== undefined) {
      throw new ScansealError("certificate-invalid", `the certificate cannot be an anchor: ${problem}`);
    }
    return { certificate: parsed, label, limits: limits ?? {} };
  });
  const records = new Map<string, DeviceRecord>();
  for (const device of devices) {
    requireSound(device);
    if (records.has(device.fingerprint))
      throw new ScansealError("usage", "a device certificate is recorded twice");
    records.set(device.fingerprint, device);
  }
  const store = {
    anchors,
    intermediates: intermediates.map((der) => parseCertificate(der, crypto)),
    crls: crls.map((der) => parseCrl(der, crypto)),
    devices: records,
  };
  return { version: versionOf(store, crypto), ...store };
}

function requireSound(device: DeviceRecord): void {
  const isSound =
    /^[0-9a-f]{64}$/.test(device.fingerprint) &&
    /^[0-9a-f]{64}$/.test(device.keyFingerprint ?? device.fingerprint) &&
    device.roles.length > 0 &&
    device.roles.every((role) => roles.includes(role)) &&
    ["EC-P256", "EC-P384", "RSA"].includes(device.keyType) &&
    ["SHA-256", "SHA-384", "SHA-512"].includes(device.hash) &&
    Number.isSafeInteger(device.keyEpoch) &&
    device.keyEpoch >= 1;
  if (!isSound) throw new ScansealError("usage", "a device record is incomplete");
}

function versionOf(store: Omit<TrustStore, "version">, crypto: Crypto): string {
  const content = JSON.stringify([
    store.anchors.map(({ certificate, label, limits }) => [
      certificate.fingerprint,
      label,
      limits.organizations ?? null,
      limits.aeTitles ?? null,
      limits.roles ?? null,
    ]),
    store.intermediates.map((certificate) => certificate.fingerprint),
    store.crls.map((crl) => crl.fingerprint),
    [...store.devices.values()].map((d) => [
      d.fingerprint,
      d.keyFingerprint ?? null,
      d.name,
      d.aeTitle,
      d.serialNumber,
      d.roles,
      d.keyType,
      d.hash,
      d.keyEpoch,
      d.issuedAt ?? null,
    ]),
  ]);
  return toHex(crypto.hash("SHA-256", utf8(content)));
}

/** What `scanseal trust export` prints: each anchor's label and fingerprint as a comment, then its PEM. */
export function anchorsToPem(store: TrustStore): string {
  return store.anchors
    .map(({ certificate, label }) => {
      const title = label.replace(/[^\x20-\x7e]|-{3,}/g, "?");
      return `# ${title}\n# SHA-256 ${certificate.fingerprint}\n${encodePem("CERTIFICATE", certificate.der)}`;
    })
    .join("");
}

/**
 * The certificates of a PEM text that can be anchors. The caller shows the fingerprints to a person before trusting them.
 * @throws ScansealError `usage` when there is none, `certificate-invalid` when one cannot be an anchor
 */
export function anchorsFromPem(text: string, crypto: Crypto): Certificate[] {
  const ders = decodePem("CERTIFICATE", text);
  if (ders.length === 0) throw new ScansealError("usage", "there is no certificate in the PEM text");
  const anchors = ders.map((certificate) => ({ certificate, label: "" }));
  return createTrustStore({ anchors }, crypto).anchors.map(({ certificate }) => certificate);
}
