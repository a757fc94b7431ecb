/** What a device is called: in its folder, its certificate and its records. */
import { ScansealError } from "../../foundation/errors.ts";
import type { NameAttribute } from "../trust/distinguished-name.ts";
import { aeTitleOid, attributeOid, keyEpochOid } from "../trust/object-identifiers.ts";

export interface DeviceName {
  /** The site's own name for it; also a folder's name. */
  readonly name: string;
  /** PS3.5 6.2 AE. */
  readonly aeTitle: string;
  /** Device Serial Number (0018,1000), PS3.5 6.2 LO. */
  readonly serialNumber: string;
}

/** @throws ScansealError `usage` naming what does not fit */
export function requireDeviceName({ name, aeTitle, serialNumber }: DeviceName): void {
  requireFolderName(name);
  if (!/^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(aeTitle) || aeTitle.trim() !== aeTitle) {
    throw new ScansealError(
      "usage",
      "an AE title has 1 to 16 characters, no backslash and no space around it",
    );
  }
  if (!/^[^\\\p{C}]{1,64}$/u.test(serialNumber) || serialNumber.trim() !== serialNumber) {
    throw new ScansealError(
      "usage",
      "a serial number has 1 to 64 characters, no backslash and no space around it",
    );
  }
}

/** @throws ScansealError `usage` for a name that is no plain file name on every system */
export function requireFolderName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw new ScansealError("usage", "a name has 1 to 64 letters, digits, dots, dashes or underscores");
  }
}

export function deviceSubject(device: DeviceName, keyEpoch: number, organization?: string): NameAttribute[] {
  return [
    ...(organization === undefined ? [] : [{ oid: attributeOid.organization, value: organization }]),
    { oid: attributeOid.commonName, value: device.name },
    { oid: attributeOid.serialNumber, value: device.serialNumber },
    { oid: aeTitleOid, value: device.aeTitle },
    { oid: keyEpochOid, value: String(keyEpoch) },
  ];
}
