/** Every key of a site, from what is on disk: no private key is opened. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, fromHex, toHex, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { IssuedEntry, RevokedEntry } from "../../keys/custody/authority-ledger.ts";
import { deviceCertificates, deviceStatus } from "../../keys/custody/device-keys.ts";
import type { Certificate } from "../../keys/trust/certificate.ts";
import { nameText } from "../../keys/trust/distinguished-name.ts";
import type { RevocationReason } from "../../keys/trust/revocation.ts";
import { rolesOf } from "../../keys/trust/roles.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { parsePolicy } from "../../provenance/transparency-log/proof/witness-policy.ts";
import type { SiteHome } from "../home.ts";
import type { OfficeRole } from "../provenance/record-signers.ts";
import { certificateOf } from "./issued-certificate.ts";
import { deviceOwner, type KeyOwner, officeOwner } from "./key-owner.ts";

export type KeyState = "in use" | "waiting" | "replaced" | "revoked" | "expired";

export interface ListedKey {
  readonly of: "device" | "site" | "authority" | "tls" | "log";
  readonly name: string;
  readonly roles: readonly string[];
  /** Undefined where the ledger does not say. */
  readonly kind: string | undefined;
  readonly keyEpoch: number | undefined;
  /** SHA-256 of the certificate; of a log's key, of its SubjectPublicKeyInfo. Lower-case hexadecimal. */
  readonly fingerprint: string;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly keyFingerprint: string;
  readonly endsAt: number | undefined;
  readonly state: KeyState;
  readonly revocation?: { readonly since: number; readonly reason: RevocationReason };
}

/** RFC 8410 section 4: SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING }, before the 32 bytes of the key. */
const ed25519Prefix = fromHex("302a300506032b6570032100");

/** Devices by name, then the site's own keys. @throws ScansealError `key-unusable`, `io`, `log-structure` */
export function listKeys(home: SiteHome): readonly ListedKey[] {
  const { issued, revoked } = home.ledger();
  const bySerial = new Map(revoked.map((entry) => [entry.serial, entry]));
  const folder = join(home.folder, "devices");
  const here = fileExists(folder) ? readdirSync(folder) : [];
  const names = [...new Set([...here, ...issued.map(({ name }) => name)])].sort();
  const devices = names.flatMap((name) => deviceOwner(home, name) ?? []);
  const offices = (["receipt", "derive", "notice"] as const satisfies readonly OfficeRole[]).map((role) =>
    officeOwner(home, role),
  );
  return [
    ...[...devices, ...offices].flatMap((owner) => keysOf(owner, bySerial)),
    authorityKey(home),
    ...tlsKeys(home, bySerial),
    ...logKeys(home),
  ];
}

function keysOf(owner: KeyOwner, revoked: ReadonlyMap<string, RevokedEntry>): ListedKey[] {
  const { name, issued } = owner;
  const local = localKeys(owner);
  const of = owner.office === undefined ? "device" : "site";
  const inUse = local?.inUse ?? issued.at(-1)?.fingerprint;
  const epochInUse = issued.find(({ fingerprint }) => fingerprint === inUse)?.keyEpoch;
  const known = new Set(issued.map(({ fingerprint }) => fingerprint));
  const others = (local?.certificates ?? []).filter(({ fingerprint }) => !known.has(fingerprint));
  return [
    ...issued.map((entry): ListedKey => {
      const { fingerprint, keyFingerprint, roles, keyEpoch, notAfter } = entry;
      const isLater = local !== undefined && keyEpoch > (epochInUse ?? local.keyEpoch);
      const otherwise = fingerprint === inUse ? "in use" : isLater ? "waiting" : "replaced";
      const facts = { of, name, roles, kind: kindOf(entry), keyEpoch, fingerprint, keyFingerprint } as const;
      return { ...facts, endsAt: notAfter, ...stateOf(revoked.get(entry.serial), notAfter, otherwise) };
    }),
    // Of another authority, whose revocations are its own.
    ...others.map((certificate): ListedKey => {
      const { fingerprint, keyFingerprint, notAfter } = certificate;
      const roles = rolesOf(certificate.extensions.keyPurposes ?? []);
      const keyEpoch = fingerprint === inUse ? local?.keyEpoch : undefined;
      const facts = {
        of,
        name,
        roles,
        kind: kindText(certificate),
        keyEpoch,
        fingerprint,
        keyFingerprint,
      } as const;
      const otherwise = fingerprint === inUse ? "in use" : "replaced";
      return { ...facts, endsAt: notAfter, ...stateOf(undefined, notAfter, otherwise) };
    }),
  ];
}

/** Undefined for a device elsewhere, and one whose files are damaged: then the ledger alone speaks. */
function localKeys({
  folder,
  isHere,
}: KeyOwner):
  | { readonly inUse: string | undefined; readonly keyEpoch: number; readonly certificates: Certificate[] }
  | undefined {
  if (!isHere) return undefined;
  try {
    const { certificate, keyEpoch } = deviceStatus(folder);
    return { inUse: certificate?.fingerprint, keyEpoch, certificates: deviceCertificates(folder) };
  } catch (error) {
    if (error instanceof ScansealError) return undefined;
    throw error;
  }
}

function stateOf(
  revoked: RevokedEntry | undefined,
  endsAt: number,
  otherwise: KeyState,
): Pick<ListedKey, "state" | "revocation"> {
  if (revoked) {
    const { revokedAt, invalidSince = revokedAt, reason } = revoked;
    return { state: "revoked", revocation: { since: Math.min(revokedAt, invalidSince), reason } };
  }
  return { state: endsAt <= systemClock.now() ? "expired" : otherwise };
}

function kindOf(entry: IssuedEntry): string {
  const certificate = certificateOf(entry);
  return certificate ? kindText(certificate) : entry.keyType;
}

function kindText({ key }: Certificate): string {
  return key.type === "RSA" ? `RSA-${key.bits}` : key.type;
}

/** Its own revocation is nobody's to publish: others stop to trust it. */
function authorityKey(home: SiteHome): ListedKey {
  const { certificate } = home.trust().anchors[0]!;
  const { subject, fingerprint, keyFingerprint, notAfter } = certificate;
  return {
    of: "authority",
    name: nameText(subject),
    roles: ["authority"],
    kind: kindText(certificate),
    keyEpoch: undefined,
    fingerprint,
    keyFingerprint,
    endsAt: notAfter,
    ...stateOf(undefined, notAfter, "in use"),
  };
}

function tlsKeys(home: SiteHome, revoked: ReadonlyMap<string, RevokedEntry>): ListedKey[] {
  const issued = home.tlsCertificates();
  const newest = new Map(issued.map((entry) => [`${entry.kind} ${entry.name}`, entry.serial]));
  return issued.map(({ kind, name, fingerprint, keyFingerprint, serial, notAfter }) => {
    const otherwise = newest.get(`${kind} ${name}`) === serial ? "in use" : "replaced";
    const state = stateOf(revoked.get(serial), notAfter, otherwise);
    const facts = { of: "tls", name, roles: [kind], kind: undefined, keyEpoch: undefined } as const;
    return { ...facts, fingerprint, keyFingerprint, endsAt: notAfter, ...state };
  });
}

function logKeys(home: SiteHome): ListedKey[] {
  const text = home.log.policyText();
  if (text === undefined) return [];
  return parsePolicy(utf8(text), nodeCrypto).logs.map(({ key: { name, publicKey } }) => {
    const fingerprint = toHex(nodeCrypto.hash("SHA-256", concatBytes([ed25519Prefix, publicKey])));
    const facts = { of: "log", name, roles: ["log"], kind: "Ed25519", keyEpoch: undefined } as const;
    return { ...facts, fingerprint, keyFingerprint: fingerprint, endsAt: undefined, state: "in use" };
  });
}
