/** `scanseal trust export | import`: the authorities whose devices are believed. */
import { nameText } from "../../keys/trust/distinguished-name.ts";
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

/** Adds the authorities of a PEM file. @returns 0 */
export function importTrust(
  path: string,
  options: { readonly home: string; readonly label?: string },
): number {
  const home = openHome(options.home);
  for (const { der, subject, fingerprint } of anchorsFromPem(readText(path), nodeCrypto)) {
    const added = home.trustFile.addAnchor(der, options.label ?? nameText(subject));
    process.stdout.write(
      `${added ? "Trusted from now on" : "Trusted already"}: ${visibleText(nameText(subject))}\n`,
    );
    process.stdout.write(`SHA-256: ${fingerprint}\n`);
  }
  process.stdout.write("Compare each fingerprint with its owner by another way than the file came.\n");
  return 0;
}
