/** `scanseal trust export | import`: the authorities whose devices are believed. */
import { nameText } from "../../keys/trust/distinguished-name.ts";
import { decodePem } from "../../keys/trust/pem.ts";
import { anchorsFromPem, anchorsToPem } from "../../keys/trust/trust-store.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { readText } from "../text-file.ts";

/** Prints the anchors as PEM. @returns 0 */
export function exportTrust(options: { readonly home: string }): number {
  process.stdout.write(anchorsToPem(openHome(options.home).trust()));
  return 0;
}

/** Adds the authorities of a PEM file, and takes revocation lists of authorities that are trusted. @returns 0 */
export async function importTrust(
  path: string,
  options: { readonly home: string; readonly label?: string },
): Promise<number> {
  const home = openHome(options.home);
  const text = readText(path);
  const lists = decodePem("X509 CRL", text);
  const hasAnchors = decodePem("CERTIFICATE", text).length > 0;
  const anchors = hasAnchors || lists.length === 0 ? anchorsFromPem(text, nodeCrypto) : [];
  const known = new Set(home.trust().anchors.map(({ certificate }) => certificate.fingerprint));
  const lines: string[] = [];
  for (const { der, subject, fingerprint } of anchors) {
    const name = visibleText(nameText(subject));
    if (!known.has(fingerprint)) home.trustFile.addAnchor(der, options.label ?? nameText(subject));
    lines.push(`${known.has(fingerprint) ? "Trusted already" : "Trusted from now on"}: ${name}`);
    lines.push(`SHA-256: ${fingerprint}`);
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
