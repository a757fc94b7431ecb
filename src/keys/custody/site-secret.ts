/**
 * The passphrase of an unattended site: a random secret in a file of its own. It guards key files that are copied without it (a
 * backup of the keys folder, a disk image of a share); it guards nothing from whoever can read the home as its user.
 */
import { fromBase64, toBase64, tryUtf8, utf8 } from "../../foundation/bytes.ts";
import type { Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { fileExists, readPrivateFile, replaceFileDurably } from "../../platform/node/private-files.ts";

/** As strong as the strongest key it guards. */
const secretBytes = 32;

/** @throws ScansealError `usage` when the file is there already, `io` */
export function createSiteSecret(path: string, random: Random): void {
  if (fileExists(path)) throw new ScansealError("usage", "the site has a secret already");
  replaceFileDurably(path, utf8(`${toBase64(random.bytes(secretBytes))}\n`), { mode: 0o600 });
}

/**
 * The passphrase that opens this site's keys: the given one (from the environment or a prompt), else the secret's.
 * @throws ScansealError `key-unusable` when the file is open to others or damaged, `io` when there is none
 */
export function sitePassphrase(path: string, given: string | undefined): string {
  if (given !== undefined && given !== "") return given;
  const text = (tryUtf8(readPrivateFile(path, 256)) ?? "").trim();
  try {
    if (fromBase64(text).length === secretBytes) return text;
  } catch {
    // Reported below, without its content.
  }
  throw new ScansealError("key-unusable", "the site's secret is damaged");
}
