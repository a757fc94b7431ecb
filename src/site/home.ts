/**
 * The home folder of a site.
 *
 *     HOME/authority/        the site's own authority (keys/custody)
 *     HOME/devices/NAME/     each device's keys and counter, and the seals it made
 *     HOME/trust.json        authorities of others
 *     HOME/log/              the site's transparency log (site/provenance/site-log.ts)
 *     HOME/time.json         where time stamps come from, and whose are believed
 *     HOME/offices/ROLE/     the site's own keys for receipts and derivations
 *     HOME/archives/         what archives were seen to change, to be approved
 *     HOME/provenance.sqlite what is known of objects beside them
 *     HOME/watermark-master  the secret that watermark keys come from, made when it is first needed
 *     HOME/secret            passphrase of an unattended site, unless SCANSEAL_PASSPHRASE is set
 */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Bytes, equalBytes, fromBase64, toBase64, toHex } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import {
  type Authority,
  createAuthority,
  importAuthority,
  openAuthority,
} from "../keys/custody/authority.ts";
import {
  authorityCertificate,
  authorityCrl,
  authorityDevices,
  authorityPaths,
  authorityRevocations,
  authorityTls,
  type TlsCertificate,
} from "../keys/custody/authority-files.ts";
import type { IssuedEntry, RevokedEntry } from "../keys/custody/authority-ledger.ts";
import type { CaptureCounter } from "../keys/custody/capture-counter.ts";
import {
  deviceCertificates,
  deviceStatus,
  openDeviceCounter,
  openDeviceSigner,
} from "../keys/custody/device-keys.ts";
import { createSiteSecret, sitePassphrase } from "../keys/custody/site-secret.ts";
import { openWatermarkMaster } from "../keys/custody/watermark-master.ts";
import { parseCertificate } from "../keys/trust/certificate.ts";
import { type DistinguishedName, nameText } from "../keys/trust/distinguished-name.ts";
import { type ExpiryWarning, expiryWarnings } from "../keys/trust/expiry.ts";
import { IssuerSignatures } from "../keys/trust/issuer-signature.ts";
import { crlProblem, parseCrl } from "../keys/trust/revocation.ts";
import { isSealingRole, type Role, rolesOf } from "../keys/trust/roles.ts";
import { createTrustStore, type TrustStore, type TrustStoreContent } from "../keys/trust/trust-store.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../platform/node/crypto.ts";
import { ensurePrivateFolder, fileExists } from "../platform/node/private-files.ts";
import type { CaptureType } from "../provenance/manifest/statement.ts";
import type { SealingDevice } from "../sealing/seal.ts";
import type { TrustResult } from "../zero-trust/evidence/evidence.ts";
import { TrustJudge } from "../zero-trust/evidence/trust-check.ts";
import { requireNotCutOff } from "./backup/restored-folder.ts";
import { OpenedProvenance } from "./provenance/opened-provenance.ts";
import { enrolOffices } from "./provenance/record-signers.ts";
import { requireLogName, SiteLog } from "./provenance/site-log.ts";
import { TimeFile, type TimeSettings } from "./provenance/time-file.ts";
import { SealStore } from "./seal-store.ts";
import { TrustFile } from "./trust-file.ts";

const environment = { clock: systemClock, random: nodeRandom } as const;

export interface OpenDevice {
  readonly device: SealingDevice & { readonly type: CaptureType };
  readonly counter: CaptureCounter;
  readonly seals: SealStore;
}

export class SiteHome {
  readonly #folder: string;
  readonly #passphrase: string | undefined;

  /** @param passphrase in place of the secret file's */
  constructor(folder: string, passphrase: string | undefined) {
    this.#folder = folder;
    this.#passphrase = passphrase;
  }

  get folder(): string {
    return this.#folder;
  }

  get #authorityFolder(): string {
    return join(this.#folder, "authority");
  }

  get trustFile(): TrustFile {
    return new TrustFile(join(this.#folder, "trust.json"));
  }

  /** The files that `trustContent` and the devices' certificates are made from: they change when one of these does. */
  trustPaths(): readonly string[] {
    const { certificate, crl, ledger } = authorityPaths(this.#authorityFolder);
    const devices = this.#deviceFolders().map((folder) => join(folder, "device.json"));
    return [certificate, crl, ledger, join(this.#folder, "trust.json"), ...devices];
  }

  deviceFolder(name: string): string {
    return join(this.#folder, "devices", name);
  }

  /** Where the site's own key of a role is, which signs records. */
  officeFolder(role: Role): string {
    return join(this.#folder, "offices", role);
  }

  /** What was learned of archives, until it is approved. */
  get archivesFolder(): string {
    return join(this.#folder, "archives");
  }

  get log(): SiteLog {
    return new SiteLog(this.#folder);
  }

  /** Where time stamps come from, and whose are believed. */
  get timeFile(): TimeFile {
    return new TimeFile(join(this.#folder, "time.json"));
  }

  /** What a verifier of this site knows besides the object: its provenance, its log, and whose time it believes. @throws ScansealError `io`, `key-unusable` */
  beside(): {
    readonly provenance: string;
    readonly logPolicy: string | undefined;
    readonly time: TimeSettings | undefined;
  } {
    return {
      provenance: this.provenancePath,
      logPolicy: this.log.policyText(),
      time: this.timeFile.settings(),
    };
  }

  get provenancePath(): string {
    return join(this.#folder, "provenance.sqlite");
  }

  /** @throws ScansealError `key-unusable`, `io` */
  passphrase(): string {
    const secret = join(this.#folder, "secret");
    if (this.#passphrase === undefined && !fileExists(secret)) {
      throw new ScansealError(
        "key-unusable",
        "the site has no secret file: set SCANSEAL_PASSPHRASE, or restore the file from a backup",
      );
    }
    return sitePassphrase(secret, this.#passphrase);
  }

  /** Made when it is first needed, unless it has to be `present`. @throws ScansealError `key-unusable`, `io` */
  watermarkMaster(present?: "present"): Bytes {
    const random = present === undefined ? nodeRandom : undefined;
    return openWatermarkMaster(join(this.#folder, "watermark-master"), random);
  }

  /**
   * In DER, of every device and epoch that this site's authority enrolled or that has its keys here. A device whose files are damaged stands back: whose
   * marks are known must not keep objects from being verified.
   * @throws ScansealError `key-unusable`, `io` for the authority's ledger
   */
  deviceCertificates(): Bytes[] {
    const sealing = authorityDevices(this.#authorityFolder).filter(({ roles }) => roles.some(isSealingRole));
    const issued = sealing.map(({ certificate = "" }) => certificate);
    const here = this.#deviceFolders().flatMap((folder) => {
      try {
        return deviceCertificates(folder).map(({ der }) => toBase64(der));
      } catch (error) {
        if (error instanceof ScansealError) return [];
        throw error;
      }
    });
    return [...new Set([...issued, ...here])].filter((text) => text !== "").map(fromBase64);
  }

  #deviceFolders(): string[] {
    const folder = join(this.#folder, "devices");
    const names = fileExists(folder) ? readdirSync(folder).sort() : [];
    return names.map((name) => join(folder, name));
  }

  openAuthority(): Promise<Authority> {
    return openAuthority(this.#authorityFolder, { ...environment, passphrase: this.passphrase() });
  }

  /** The site's own authority, its devices and its revocations, and the authorities it imported. */
  trust(): TrustStore {
    return createTrustStore(this.trustContent(), nodeCrypto);
  }

  /** The same as plain data, for threads. */
  trustContent(): TrustStoreContent {
    const own = authorityCertificate(this.#authorityFolder);
    const anchors = [{ label: nameText(own.subject), certificate: own.der }, ...this.trustFile.anchors()];
    const crls = [authorityCrl(this.#authorityFolder), ...this.trustFile.crls()];
    return { anchors, crls, devices: authorityDevices(this.#authorityFolder) };
  }

  /**
   * Takes a revocation list of an authority this site trusts.
   * @returns whose it is, and whether it was newer than the one that was there
   * @throws ScansealError `certificate-invalid`, `usage` for another authority's, `io`
   */
  async importCrl(der: Bytes): Promise<{ readonly issuer: string; readonly isNew: boolean }> {
    const crl = parseCrl(der, nodeCrypto);
    const signatures = new IssuerSignatures(nodeCrypto);
    for (const { certificate } of this.trust().anchors) {
      const isIssuer = equalBytes(certificate.subject.der, crl.issuer.der);
      if (isIssuer && (await crlProblem(crl, certificate, systemClock.now(), signatures)) === undefined)
        return { issuer: nameText(crl.issuer), isNew: this.trustFile.addCrl(crl) };
    }
    throw new ScansealError(
      "usage",
      "the revocation list is of no authority this site trusts, or its signature does not fit: import the authority first",
    );
  }

  /** Certificates and revocation lists that end within 60 days, the most urgent first; those already replaced are left out. */
  expiryWarnings(): ExpiryWarning[] {
    const { anchors, crls } = this.trust();
    const own = authorityCertificate(this.#authorityFolder).subject;
    const crlLabel = (issuer: DistinguishedName): string =>
      equalBytes(issuer.der, own.der)
        ? "the revocation list (scanseal authority renew-crl)"
        : `the revocation list of ${nameText(issuer)} (import a newer one)`;
    const newest = new Map(authorityDevices(this.#authorityFolder).map((entry) => [entry.name, entry]));
    const currentTls = this.tlsCertificates().filter((entry) => !entry.isRevoked);
    const newestTls = new Map(currentTls.map((entry) => [`${entry.kind} ${entry.name}`, entry]));
    return expiryWarnings(
      [
        ...anchors.map(({ label, certificate }) => ({
          label: `authority ${label}`,
          endsAt: certificate.notAfter,
        })),
        ...[...newest.values()].map(({ name, notAfter }) => ({ label: `device ${name}`, endsAt: notAfter })),
        ...[...newestTls.values()].map(({ name, notAfter }) => ({
          label: `TLS certificate ${name} (scanseal tls)`,
          endsAt: notAfter,
        })),
        ...crls.flatMap(({ issuer, nextUpdate }) =>
          nextUpdate === undefined ? [] : [{ label: crlLabel(issuer), endsAt: nextUpdate }],
        ),
      ],
      systemClock.now(),
    );
  }

  /**
   * A device that can seal: enrolled, its certificate not ended.
   * @throws ScansealError `usage` for a device this site does not have, `key-unusable`, `counter-conflict`, `io`
   */
  async openDevice(name: string): Promise<OpenDevice> {
    const folder = this.deviceFolder(name);
    const known = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name) && fileExists(folder);
    if (!known) throw new ScansealError("usage", "this site has no device of that name: enrol it first");
    const { keyEpoch } = deviceStatus(folder);
    const signer = await openDeviceSigner(folder, this.passphrase());
    const type = this.#sealingRole(signer.certificate);
    // A seal that nobody here would believe is not made: expired, revoked, replaced authority.
    const trust = await new TrustJudge(this.trust(), nodeCrypto, systemClock.now()).judge(
      signer.certificate,
      type,
    );
    if (trust.result !== "trusted") {
      throw new ScansealError("key-unusable", `this device cannot seal: ${adviceFor(trust.result)}`);
    }
    return {
      device: { name, type, signer, keyEpoch: String(keyEpoch) },
      counter: openDeviceCounter(folder, await this.#highestCounter(signer.certificate, keyEpoch)),
      seals: new SealStore(join(folder, "seals", `epoch-${keyEpoch}`)),
    };
  }

  /** What the provenance knows to be used: a counter that is behind it was put back from an old copy. */
  async #highestCounter(certificate: Bytes, keyEpoch: number): Promise<number> {
    const provenance = new OpenedProvenance(this.provenancePath);
    try {
      const journal = await provenance.journal();
      const { keyFingerprint } = parseCertificate(certificate, nodeCrypto);
      return (await journal?.highestCounter(keyFingerprint, String(keyEpoch))) ?? 0;
    } finally {
      await provenance.close();
    }
  }

  /** The newest certificate this site's authority gave to a device of that name. */
  issuedTo(name: string): IssuedEntry | undefined {
    return authorityDevices(this.#authorityFolder).findLast((entry) => entry.name === name);
  }

  /** What this site's authority enrolled and revoked, oldest first. @throws ScansealError `key-unusable`, `io` */
  ledger(): { readonly issued: readonly IssuedEntry[]; readonly revoked: readonly RevokedEntry[] } {
    return {
      issued: authorityDevices(this.#authorityFolder),
      revoked: authorityRevocations(this.#authorityFolder),
    };
  }

  /** What this site's authority issued for TLS, oldest first. */
  tlsCertificates(): readonly TlsCertificate[] {
    return authorityTls(this.#authorityFolder);
  }

  /** From the authority's ledger; a certificate of another authority, got by `device install`, speaks for itself. */
  #sealingRole(certificate: Uint8Array): CaptureType {
    const fingerprint = fingerprintOf(certificate);
    const issued = authorityDevices(this.#authorityFolder).find((entry) => entry.fingerprint === fingerprint);
    const roles =
      issued?.roles ?? rolesOf(parseCertificate(certificate, nodeCrypto).extensions.keyPurposes ?? []);
    if (roles.includes("capture")) return "capture";
    if (roles.includes("beside-device")) return "beside-device";
    throw new ScansealError("key-unusable", "the device's role is not to seal images");
  }
}

function adviceFor(result: Exclude<TrustResult, "trusted">): string {
  switch (result) {
    case "certificate-not-yet-valid":
      return "its certificate is not valid yet; check this machine's clock";
    case "certificate-expired":
    case "certificate-revoked":
      return `${result}; enrol it with --new-epoch`;
    case "signer-not-recognised":
      return "this site does not trust the authority of its certificate; import it: scanseal trust import PEM";
    default:
      return `${result}; enrol it with --new-epoch, or ask whoever runs the authority`;
  }
}

function fingerprintOf(certificate: Uint8Array): string {
  return toHex(nodeCrypto.hash("SHA-256", certificate));
}

/** From the environment; a passphrase on the command line would be seen by others. */
function givenPassphrase(): string | undefined {
  return process.env.SCANSEAL_PASSPHRASE || undefined;
}

/**
 * A site whose ledger was lost, but not the rest, is no place for a new one: its key would be overwritten. The revocation list is
 * written after the ledger, so that a first `init` that was cut off is not taken for this.
 */
function requireLedger(authorityFolder: string): void {
  const { ledger, crl } = authorityPaths(authorityFolder);
  requireNotCutOff(dirname(authorityFolder));
  if (fileExists(crl) && !fileExists(ledger)) {
    throw new ScansealError("key-unusable", "authority/ledger.json is missing: restore it from a backup");
  }
}

/** @throws ScansealError `usage` when there is no site in the folder, `key-unusable` when a part of it is missing */
export function openHome(folder: string): SiteHome {
  const authorityFolder = join(folder, "authority");
  requireLedger(authorityFolder);
  if (!fileExists(authorityPaths(authorityFolder).ledger)) {
    throw new ScansealError(
      "usage",
      `there is no site in ${folder}: run "scanseal init" or name one with --home`,
    );
  }
  return new SiteHome(folder, givenPassphrase());
}

export interface NewSite {
  readonly name: string;
  /** Of its log, for ever; made from the authority's fingerprint where it is not given. */
  readonly logName?: string | undefined;
  /** An authority that exists, in place of a new one. */
  readonly existing?: {
    readonly certificatePem: string;
    readonly keyPem: string;
    readonly keyPassphrase: string;
  };
}

/** @throws ScansealError `usage` when there is a site in the folder, `io`, `certificate-invalid`, `log-structure` */
export async function createHome(folder: string, site: NewSite): Promise<SiteHome> {
  const authorityFolder = join(folder, "authority");
  requireLedger(authorityFolder);
  if (fileExists(authorityPaths(authorityFolder).ledger)) {
    throw new ScansealError("usage", `there is a site in ${folder} already`);
  }
  if (site.logName !== undefined) requireLogName(site.logName);
  ensurePrivateFolder(folder);
  const given = givenPassphrase();
  const secret = join(folder, "secret");
  if (given === undefined && !fileExists(secret)) createSiteSecret(secret, nodeRandom);
  const home = new SiteHome(folder, given);
  const options = { ...environment, passphrase: home.passphrase() };
  if (site.existing) await importAuthority(authorityFolder, { ...options, ...site.existing });
  else await createAuthority(authorityFolder, { ...options, name: site.name });
  ensurePrivateFolder(join(folder, "devices"));
  await enrolOffices(home);
  await home.log.create(authorityCertificate(authorityFolder).fingerprint, site.logName);
  return home;
}
