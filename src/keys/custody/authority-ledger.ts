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
  readonly revoked: readonly RevokedEntry[];
}

export const ledgerFormat = "scanseal-authority-1";

export function ledgerPath(folder: string): string {
  return join(folder, "ledger.json");
}

export function readLedger(folder: string): Ledger {
  const ledger = readJson<Ledger>(ledgerPath(folder), ledgerFormat);
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
