/** `scanseal trust export | import | list`: the authorities whose devices are believed, and for what. */
import { ScansealError } from "../../foundation/errors.ts";
import { nameText } from "../../keys/trust/distinguished-name.ts";
import { decodePem } from "../../keys/trust/pem.ts";
import { isSealingRole, type Role, roles } from "../../keys/trust/roles.ts";
import { type AnchorLimits, anchorsFromPem, anchorsToPem } from "../../keys/trust/trust-store.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { readText } from "../text-file.ts";

/** Prints the anchors as PEM. @returns 0 */
export function exportTrust(options: { readonly home: string }): number {
  process.stdout.write(anchorsToPem(openHome(options.home).trust()));
  return 0;
}

export interface ImportTrustOptions {
  readonly home: string;
  readonly label?: string;
  /** O, AE titles and roles of signers that are believed; nothing limits what is not named. */
  readonly organization?: readonly string[];
  readonly ae?: readonly string[];
  readonly role?: readonly Role[];
}

/** Adds the authorities of a PEM file, and takes revocation lists of authorities that are trusted. @returns 0 */
export async function importTrust(path: string, options: ImportTrustOptions): Promise<number> {
  const home = openHome(options.home);
  const limits = limitsOf(options);
  const isLimited = [options.organization, options.ae, options.role].some((one) => one !== undefined);
  const text = readText(path);
  const lists = decodePem("X509 CRL", text);
  const hasAnchors = decodePem("CERTIFICATE", text).length > 0;
  const anchors = hasAnchors || lists.length === 0 ? anchorsFromPem(text, nodeCrypto) : [];
  const own = home.trust().anchors[0]!.certificate.fingerprint;
  const lines: string[] = [];
  for (const { der, subject, fingerprint } of anchors) {
    const name = visibleText(nameText(subject));
    if (fingerprint === own && isLimited)
      throw new ScansealError("usage", "the site's own authority cannot be limited");
    const added =
      fingerprint === own
        ? "known"
        : home.trustFile.addAnchor(der, options.label ?? nameText(subject), limits, isLimited);
    lines.push(`${words[added]}: ${name}`);
    lines.push(`SHA-256: ${fingerprint}`);
    if (added !== "known") lines.push(`Only for: ${limitsText(limits)}`);
  }
  for (const list of lists) {
    const { issuer, isNew } = await home.importCrl(list);
    lines.push(
      `${isNew ? "Revocation list taken" : "A revocation list as new was there"}: ${visibleText(issuer)}`,
    );
  }
  if (anchors.length > 0)
    lines.push("Compare each fingerprint with its owner by another way than the file came.");
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

const words = {
  added: "Trusted from now on",
  limited: "Trusted already, limited from now on",
  known: "Trusted already",
} as const;

function limitsOf({ organization, ae, role }: ImportTrustOptions): AnchorLimits {
  if ([...(organization ?? []), ...(ae ?? [])].some((name) => name.trim() === ""))
    throw new ScansealError("usage", "a name to limit an authority to is empty");
  return {
    ...(organization ? { organizations: organization } : {}),
    ...(ae ? { aeTitles: ae } : {}),
    // Whose images are believed is not yet believed to vouch for others' or to correct ours.
    roles: role ?? roles.filter(isSealingRole),
  };
}

function limitsText({ organizations, aeTitles, roles }: AnchorLimits): string {
  const parts = [
    organizations ? `organization ${organizations.join(" or ")}` : "",
    aeTitles ? `AE title ${aeTitles.join(" or ")}` : "",
    roles ? `role ${roles.join(" or ")}` : "",
  ].filter((part) => part !== "");
  return visibleText(parts.join("; "));
}

function limitedText(limits: AnchorLimits): string {
  const text = limitsText(limits);
  return text === "" ? "for everything" : `only for ${text}`;
}

/** Whom the site believes, its own authority first. @returns 0 */
export function listTrust(options: { readonly home: string; readonly json: boolean }): number {
  for (const [index, { certificate, label, limits }] of openHome(options.home).trust().anchors.entries()) {
    const { fingerprint, notAfter } = certificate;
    const endsAt = new Date(notAfter).toISOString();
    if (options.json) {
      process.stdout.write(`${jsonLine({ label, own: index === 0, fingerprint, limits, endsAt })}\n`);
      continue;
    }
    process.stdout.write(
      `${visibleText(label)}${index === 0 ? " (this site's own)" : ""}\n  SHA-256 ${fingerprint}\n  ${limitedText(limits)}; until ${endsAt.slice(0, 10)}\n`,
    );
  }
  return 0;
}
