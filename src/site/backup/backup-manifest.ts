/** What a backup says of itself: every file with its digest. Read as hostile: a backup comes from a disk that others had. */
import { join } from "node:path";
import { type Bytes, fromUtf8, toHex, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { readSmallFile } from "../../platform/node/file-source.ts";

export const manifestName = "manifest.json";
const format = "scanseal-backup-1";
/** A million files of 150 characters. */
const manifestBytesMax: number = 256 << 20;
const filesMax = 1_000_000;
const pathLengthMax = 1024;
/** What a link points at; no system's are longer. */
const targetLengthMax = 4096;

/** `home`: into the site's folder; `data`: into the data folder; `elsewhere`: having stood in neither, into a folder for a person to place. */
export interface BackedUpFile {
  /** `home/...`, `data/...` or `elsewhere/...`; slashes on every system. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, lower-case hexadecimal. */
  readonly digest: string;
  /** Whether everybody may read it. */
  readonly isPublic: boolean;
}

export interface BackupManifest {
  readonly format: typeof format;
  readonly version: string;
  readonly createdAt: string;
  /** SHA-256 of the site's authority. */
  readonly site: string;
  /** Where the site stood. */
  readonly home: string;
  /** Of the data folder in the site's; undefined: it stood elsewhere, at `data`. */
  readonly dataInHome?: string;
  readonly data?: string;
  readonly journal?: "sqlite" | "postgres";
  /** Private keys that were left out, as paths in the backup; undefined: they are in it. */
  readonly withoutKeys?: readonly string[];
  /** SHA-256 of objects that the journal names and whose bytes were not as they were acknowledged, or not there. */
  readonly missing?: readonly string[];
  /** Links below the site's folder or the data folder whose targets are not in it: path as a backup names it, and where it points. */
  readonly links?: readonly { readonly path: string; readonly to: string }[];
  /** What stood neither in the site's folder nor in the data folder: path in the backup, and where it stood. */
  readonly elsewhere: readonly { readonly path: string; readonly stood: string }[];
  readonly files: readonly BackedUpFile[];
}

export function newManifest(facts: Omit<BackupManifest, "format">): BackupManifest {
  return { format, ...facts };
}

export function encodeManifest(manifest: BackupManifest): Bytes {
  return utf8(`${JSON.stringify(manifest, undefined, 1)}\n`);
}

/**
 * @returns the manifest and the SHA-256 of its file
 * @throws ScansealError `usage` where there is no finished backup, `archive-invalid` for what no backup of ours says, `io`
 */
export function readManifest(folder: string): {
  readonly manifest: BackupManifest;
  readonly digest: string;
} {
  const bytes = bytesOf(join(folder, manifestName), folder);
  let read: unknown;
  try {
    read = JSON.parse(fromUtf8(bytes));
  } catch (cause) {
    throw new ScansealError("archive-invalid", "the backup's manifest cannot be read", { cause });
  }
  return { manifest: checked(read), digest: toHex(nodeCrypto.hash("SHA-256", bytes)) };
}

function bytesOf(path: string, folder: string): Uint8Array {
  try {
    const bytes = readSmallFile(path, manifestBytesMax, (size) => new Uint8Array(size));
    if (bytes) return bytes;
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    throw new ScansealError("usage", `there is no finished backup in ${folder}: it has no ${manifestName}`);
  }
  throw new ScansealError("archive-invalid", "the backup's manifest is too large");
}

function checked(read: unknown): BackupManifest {
  const manifest = read as BackupManifest;
  if (!isRecord(read) || manifest.format !== format)
    invalid("the manifest is of no backup that this version reads");
  const { version, createdAt, site, home, dataInHome, data, journal, withoutKeys, missing, elsewhere } =
    manifest;
  const texts = [version, createdAt, home, dataInHome ?? "", data ?? ""];
  const isSound =
    texts.every(isText) &&
    // Shown to people.
    /^\d{4}-\d\d-\d\dT[\d:.]{8,13}Z$/.test(createdAt) &&
    /^[\w.+-]{1,64}$/.test(version) &&
    /^[0-9a-f]{64}$/.test(String(site)) &&
    (dataInHome === undefined || isRelative(dataInHome)) &&
    (journal === undefined || journal === "sqlite" || journal === "postgres") &&
    (missing === undefined ||
      (isList(missing) && missing.every((one) => /^[0-9a-f]{64}$/.test(String(one))))) &&
    (manifest.links === undefined || (isList(manifest.links) && manifest.links.every(isLink))) &&
    isList(elsewhere) &&
    elsewhere.every((one) => isRecord(one) && isPath(one.path) && isText(one.stood)) &&
    (withoutKeys === undefined || (isList(withoutKeys) && withoutKeys.every(isPath)));
  if (!isSound) invalid("the manifest is not as a backup's is");
  if (!isList(manifest.files) || !manifest.files.every(isFile))
    invalid("the manifest names a file that no backup holds");
  requireTree(manifest.files);
  return manifest;
}

function isText(text: unknown): boolean {
  return typeof text === "string" && text.length <= pathLengthMax;
}

function isFile(file: unknown): boolean {
  if (!isRecord(file)) return false;
  const { path, bytes, digest, isPublic } = file as Partial<BackedUpFile>;
  const isCount = Number.isSafeInteger(bytes) && bytes! >= 0;
  return isPath(path) && isCount && /^[0-9a-f]{64}$/.test(String(digest)) && typeof isPublic === "boolean";
}

/** Told to people only: nothing is made from it. */
function isLink(link: unknown): boolean {
  if (!isRecord(link)) return false;
  const { path, to } = link;
  const isText = typeof path === "string" && typeof to === "string";
  return isText && path.length <= pathLengthMax && to.length <= targetLengthMax;
}

/** No name twice (also where case does not count), and no file that another's path goes through. */
function requireTree(files: readonly BackedUpFile[]): void {
  const names = new Set(files.map(({ path }) => path.toLowerCase()));
  if (names.size !== files.length) invalid("the manifest names a file twice");
  for (const name of names)
    for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1))
      if (names.has(name.slice(0, at))) invalid("the manifest has a file where a folder is");
}

function isPath(path: unknown): path is string {
  return typeof path === "string" && /^(home|data|elsewhere)\/./.test(path) && isRelative(path);
}

/** No way out of the folder, no name that another system takes for something else. */
function isRelative(path: string): boolean {
  if (path.length === 0 || path.length > pathLengthMax) return false;
  return path.split("/").every((name) => {
    return /^[^\\/:\u0000-\u001f]{1,255}$/.test(name) && name !== "." && name !== "..";
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= filesMax;
}

function invalid(message: string): never {
  throw new ScansealError("archive-invalid", `the backup is refused: ${message}`);
}
