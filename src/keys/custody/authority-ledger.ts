/** What an authority has done: codes, certificates, revocations. Replaced durably before anything is handed out. */
import { join } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import type { Revocation } from "../trust/revocation.ts";
import type { Role } from "../trust/roles.ts";
import type { DeviceRecord } from "../trust/trust-store.ts";
import type { DeviceName } from "./device-name.ts";
import { readJson, writeJson } from "./json-file.ts";

export interface CodeEntry extends DeviceName {
  /** Of the code; the code itself is kept nowhere. */
  readonly hash: string;
  readonly roles: readonly Role[];
  readonly expiresAt: number;
}

export interface IssuedEntry extends DeviceRecord {
  /** Of the certificate, hexadecimal. */
  readonly serial: string;
  readonly keyFingerprint: string;
  readonly issuedAt: number;
  readonly notAfter: number;
  /** DER in base64; ledgers of version 0.1.0 have none. */
  readonly certificate?: string;
}

export type TlsKind = "tls-server" | "tls-client";

/** In a list of its own: nothing that judges seals reads it. */
export interface TlsEntry {
  readonly kind: TlsKind;
  readonly name: string;
  readonly hosts: readonly string[];
  /** SHA-256 of the certificate, lower-case hexadecimal: how a gateway's configuration names a peer. */
  readonly fingerprint: string;
  readonly keyFingerprint: string;
  /** Hexadecimal. */
  readonly serial: string;
  readonly issuedAt: number;
  readonly notAfter: number;
}

export interface RevokedEntry extends Revocation {
  readonly serial: string;
}

export interface Ledger {
  readonly format: "scanseal-authority-1";
  readonly createdAt: number;
  readonly lastCrlNumber: number;
  readonly codes: readonly CodeEntry[];
  readonly issued: readonly IssuedEntry[];
  readonly tls: readonly TlsEntry[];
  readonly revoked: readonly RevokedEntry[];
}

type LedgerDocument = Omit<Ledger, "tls"> & Partial<Pick<Ledger, "tls">>;

export const ledgerFormat = "scanseal-authority-1";

export function ledgerPath(folder: string): string {
  return join(folder, "ledger.json");
}

export function readLedger(folder: string): Ledger {
  // Ledgers of version 0.1.0 have no list of TLS certificates.
  const ledger: Ledger = { tls: [], ...readJson<LedgerDocument>(ledgerPath(folder), ledgerFormat) };
  const isSound =
    Number.isSafeInteger(ledger.lastCrlNumber) &&
    Number.isSafeInteger(ledger.createdAt) &&
    isListOf(ledger.codes, { hash: "string", name: "string", expiresAt: "number", roles: "object" }) &&
    isListOf(ledger.issued, {
      fingerprint: "string",
      keyFingerprint: "string",
      serial: "string",
      name: "string",
      notAfter: "number",
      roles: "object",
    }) &&
    isListOf(ledger.tls, {
      kind: "string",
      name: "string",
      hosts: "object",
      fingerprint: "string",
      keyFingerprint: "string",
      serial: "string",
      notAfter: "number",
    }) &&
    isListOf(ledger.revoked, { serial: "string", revokedAt: "number", reason: "string" });
  if (!isSound) {
    throw new ScansealError("key-unusable", "the authority's ledger is damaged: restore it from a backup");
  }
  return ledger;
}

function isListOf(list: unknown, kinds: Readonly<Record<string, "string" | "number" | "object">>): boolean {
  const fits = (entry: unknown): boolean =>
    typeof entry === "object" &&
    entry !== null &&
    Object.entries(kinds).every(([name, kind]) => {
      const value = (entry as Readonly<Record<string, unknown>>)[name];
      return kind === "object" ? Array.isArray(value) : typeof value === kind;
    });
  return Array.isArray(list) && list.every(fits);
}

export function writeLedger(folder: string, ledger: Ledger): void {
  writeJson(ledgerPath(folder), ledger);
}
