/** Whose keys a name means: a device's, or the site's own for records. */
import { ScansealError } from "../../foundation/errors.ts";
import type { IssuedEntry } from "../../keys/custody/authority-ledger.ts";
import { deviceStatus } from "../../keys/custody/device-keys.ts";
import { isSealingRole } from "../../keys/trust/roles.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import type { SiteHome } from "../home.ts";
import { type OfficeRole, officeNames } from "../provenance/record-signers.ts";

export interface KeyOwner {
  /** As in its certificates. */
  readonly name: string;
  /** Undefined for a device. */
  readonly office: OfficeRole | undefined;
  readonly folder: string;
  /** Whether its keys are in this home; those of a device elsewhere are not. */
  readonly isHere: boolean;
  /** By this site's authority, oldest first. */
  readonly issued: readonly IssuedEntry[];
}

/** What people call them. */
const officeByWord: ReadonlyMap<string, OfficeRole> = new Map([
  ["receipts", "receipt"],
  ["derivations", "derive"],
  ["notices", "notice"],
  [officeNames.receipt, "receipt"],
  [officeNames.derive, "derive"],
  [officeNames.notice, "notice"],
]);

/** A device goes before the site's own keys of the same name. @throws ScansealError `usage` for a name that nothing here has, `key-unusable`, `io` */
export function keyOwner(home: SiteHome, name: string): KeyOwner {
  const device = deviceOwner(home, name);
  if (device) return device;
  const office = officeByWord.get(name);
  if (office) return officeOwner(home, office);
  throw new ScansealError(
    "usage",
    "there are no keys of that name: scanseal keys list shows which there are",
  );
}

export function officeOwner(home: SiteHome, office: OfficeRole): KeyOwner {
  const folder = home.officeFolder(office);
  const name = officeNames[office];
  const issued = home.ledger().issued.filter((entry) => entry.name === name && entry.roles.includes(office));
  return { name, office, folder, isHere: fileExists(folder), issued };
}

/** Undefined where there is none of that name. */
export function deviceOwner(home: SiteHome, name: string): KeyOwner | undefined {
  // It becomes part of a path.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return undefined;
  const folder = home.deviceFolder(name);
  const isHere = fileExists(folder);
  const issued = home
    .ledger()
    .issued.filter((entry) => entry.name === name && entry.roles.some(isSealingRole));
  return isHere || issued.length > 0 ? { name, office: undefined, folder, isHere, issued } : undefined;
}

/** Where something was issued. Of a device elsewhere, or whose files are damaged, the newest that was issued. */
export function epochInUse({ folder, isHere, issued }: KeyOwner): number {
  const newest = Math.max(...issued.map(({ keyEpoch }) => keyEpoch));
  if (!isHere) return newest;
  try {
    const { certificate } = deviceStatus(folder);
    const here = issued.find(({ fingerprint }) => fingerprint === certificate?.fingerprint);
    return here?.keyEpoch ?? newest;
  } catch (error) {
    if (error instanceof ScansealError) return newest;
    throw error;
  }
}
