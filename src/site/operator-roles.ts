/** What an operator may do. Who was added without roles has all of them. */
import { ScansealError } from "../foundation/errors.ts";

const roles = ["quarantine", "emergency", "configuration", "operators"] as const;
export type OperatorRole = (typeof roles)[number];

/** By the first word of the command; what is not named here is of the quarantine's people, who decide about objects. */
const roleOfCommand: Readonly<Record<string, OperatorRole>> = {
  emergency: "emergency",
  source: "configuration",
  commission: "configuration",
  deliveries: "configuration",
  operator: "operators",
};

/** @param command "quarantine release", ... */
export function roleFor(command: string): OperatorRole {
  return roleOfCommand[command.split(" ")[0] ?? ""] ?? "quarantine";
}

export function isRole(text: unknown): text is OperatorRole {
  return (roles as readonly unknown[]).includes(text);
}

/** @param text joined by commas @throws ScansealError `usage` */
export function rolesIn(text: string): readonly OperatorRole[] {
  const named = [...new Set(text.split(","))];
  if (named.every(isRole)) return named;
  throw new ScansealError("usage", `roles are ${roles.join(", ")}; several are joined by commas`);
}
