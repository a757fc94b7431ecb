/** What a certificate's key is for, by private extended key usage; a statement's type must match its signer's role. */
import { scansealArc } from "./object-identifiers.ts";

/** notice: seals what the site itself made for people to read, never an image. */
export type Role = "capture" | "beside-device" | "receipt" | "derive" | "log" | "notice";

/** How far back a seal reaches: never more than the role says. */
export type Assurance = "in-device" | "beside-device" | "on-receipt";

export const roles: readonly Role[] = ["capture", "beside-device", "receipt", "derive", "log", "notice"];

const purposeByRole: Readonly<Record<Role, string>> = {
  capture: `${scansealArc}.1.1`,
  "beside-device": `${scansealArc}.1.2`,
  receipt: `${scansealArc}.1.3`,
  derive: `${scansealArc}.1.4`,
  log: `${scansealArc}.1.5`,
  notice: `${scansealArc}.1.6`,
};

/** The extended key usage (RFC 5280 4.2.1.12) of a role. */
export function keyPurposeOf(role: Role): string {
  return purposeByRole[role];
}

/** The roles among a certificate's key purposes, in the order of `roles`. */
export function rolesOf(keyPurposes: readonly string[]): Role[] {
  return roles.filter((role) => keyPurposes.includes(purposeByRole[role]));
}

/** Whether a role seals images at capture; the others sign records about them, or notices. */
export function isSealingRole(role: Role): boolean {
  return role === "capture" || role === "beside-device";
}

/** Undefined for roles that capture nothing. */
export function assuranceOf(role: Role): Assurance | undefined {
  switch (role) {
    case "capture":
      return "in-device";
    case "beside-device":
      return "beside-device";
    case "receipt":
      return "on-receipt";
    default:
      return undefined;
  }
}
