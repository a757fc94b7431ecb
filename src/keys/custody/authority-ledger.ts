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
    [ledger.codes, ledger.issued, ledger.revoked].every((list) => Array.isArray(list));
  if (!isSound) throw new ScansealError("key-unusable", "the authority's ledger is damaged");
  return ledger;
}

export function writeLedger(folder: string, ledger: Ledger): void {
  writeJson(ledgerPath(folder), ledger);
}
