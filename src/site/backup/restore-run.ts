/**
 * A site from its backup, in a place where there is none. Everything is checked before anything is written, written beside under another name,
 * given new keys there, and only then named: what was cut off is no site.
 */
import { mkdirSync, readdirSync, realpathSync, statfsSync } from "node:fs";
import { chmod, open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { writeJson } from "../../keys/custody/json-file.ts";
import { ensurePrivateFolder, fileExists, syncFolder } from "../../platform/node/private-files.ts";
import { openHome, type SiteHome } from "../home.ts";
import { listKeys } from "../keys/key-list.ts";
import { keyOwner } from "../keys/key-owner.ts";
import { rotateKey } from "../keys/key-rotation.ts";
import { openLog } from "../transparency-log/log-folder.ts";
import { checkBackup } from "./backup-check.ts";
import type { BackedUpFile, BackupManifest } from "./backup-manifest.ts";
import { copyFileDurably } from "./copied-file.ts";

export interface RestoreOptions {
  readonly home: string;
  /** Where the data folder stood elsewhere. */
  readonly data: string | undefined;
  /** SHA-256 of the manifest, as it was written down; undefined: nobody did. */
  readonly digest: string | undefined;
  readonly now: number;
  readonly onStep?: (what: string) => void;
}

export interface RestoredSite {
  readonly manifest: BackupManifest;
  /** Names of those whose keys seal or sign under a new epoch. */
  readonly rotated: readonly string[];
  /** Who has to be given a new key by hand, and why it was not done. */
  readonly notRotated: readonly { readonly name: string; readonly why: string }[];
  readonly log:
    | { readonly state: "none" | "elsewhere" | "without-keys" }
    | { readonly state: "without-witnesses" }
    | { readonly state: "compared" | "not-compared"; readonly heard: number; readonly witnesses: number }
    | { readonly state: "read-only"; readonly why: string };
  /** Undefined where the backup has none. */
  readonly data: string | undefined;
}

/** Of those that stood elsewhere, in the new home. */
const elsewhereName = "restored-files";
const marginBytes: number = 64 << 20;

/** @throws ScansealError `usage` where there is a site already, `archive-invalid` for a backup that is not whole, `io`, `storage-full` */
export async function runRestore(folder: string, options: RestoreOptions): Promise<RestoredSite> {
  const home = resolve(options.home);
  requireFree(home, "a site");
  options.onStep?.("checking every file");
  const { manifest, digest, problems } = await checkBackup(folder);
  if (options.digest !== undefined && options.digest !== digest)
    throw new ScansealError("archive-invalid", "this is another backup: its manifest has another SHA-256");
  if (problems.length > 0)
    throw new ScansealError(
      "archive-invalid",
      `the backup is not whole, nothing was restored: ${problems[0]}`,
    );
  const data = dataPlace(home, manifest, options.data);
  if (data !== undefined) requireFree(data, "something");
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  requireRoom(dirname(home), total);
  const staging = `${home}.restoring-${process.pid}`;
  const dataStaging = data === undefined ? undefined : placeIn(data, home, staging);
  try {
    options.onStep?.("copying");
    ensurePrivateFolder(staging);
    // Folders that may be empty, which no file of a backup says.
    for (const name of ["devices", "log/tiles"]) ensureParent(join(staging, name));
    for (const file of manifest.files) await place(folder, file, { staging, dataStaging });
    options.onStep?.("new keys");
    const renewed = await renew(openHome(staging), manifest);
    options.onStep?.("comparing the log");
    const log = await compareLog(openHome(staging), manifest);
    const { createdAt, version } = manifest;
    const note = {
      format: "scanseal-restored-1",
      restoredAt: options.now,
      createdAt,
      version,
      manifest: digest,
    };
    writeJson(join(staging, "restored.json"), note);
    syncTree(staging);
    if (data !== undefined && dataStaging !== undefined && !dataStaging.startsWith(staging)) {
      syncTree(dataStaging);
      await rename(dataStaging, data);
      syncFolder(dirname(data));
    }
    await rename(staging, home);
    syncFolder(dirname(home));
    return { manifest, ...renewed, log, data };
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    if (dataStaging !== undefined) await rm(dataStaging, { recursive: true, force: true });
    throw error;
  }
}

/** An empty folder is no obstacle: a volume's mount point is one. */
function requireFree(path: string, what: string): void {
  if (!fileExists(path)) return;
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (cause) {
    throw new ScansealError("usage", `${path} is there already and is no folder`, { cause });
  }
  if (names.length > 0)
    throw new ScansealError(
      "usage",
      `there is ${what} in ${path} already: nothing is overwritten; name a new folder`,
    );
}

function dataPlace(home: string, manifest: BackupManifest, given: string | undefined): string | undefined {
  const hasData = manifest.files.some(({ path }) => path.startsWith("data/"));
  if (!hasData) return undefined;
  if (given !== undefined) return resolve(given);
  if (manifest.dataInHome !== undefined) return join(home, manifest.dataInHome);
  throw new ScansealError(
    "usage",
    `the data folder stood outside of the site's, at ${manifest.data ?? "an unknown place"}: name a place for it with --data`,
  );
}

/** In the new home's own staging folder where it belongs into it, otherwise beside its place. */
function placeIn(data: string, home: string, staging: string): string {
  return data.startsWith(home + sep)
    ? join(staging, data.slice(home.length))
    : `${data}.restoring-${process.pid}`;
}

function requireRoom(folder: string, bytes: number): void {
  ensureParent(folder);
  const { bavail, bsize } = statfsSync(realpathSync(folder));
  if (bavail * bsize < bytes + marginBytes)
    throw new ScansealError(
      "storage-full",
      `the disk has no room for the ${bytes} bytes of the backup; nothing was restored`,
    );
}

function ensureParent(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new ScansealError("io", `${folder} cannot be made`, { cause });
  }
}

async function place(
  folder: string,
  file: BackedUpFile,
  { staging, dataStaging }: { readonly staging: string; readonly dataStaging: string | undefined },
): Promise<void> {
  const [part, ...names] = file.path.split("/");
  const root = part === "home" ? staging : part === "data" ? dataStaging! : join(staging, elsewhereName);
  const to = join(root, ...names);
  ensureParent(dirname(to));
  const copied = await copyFileDurably(join(folder, file.path), to, { mode: file.isPublic ? 0o644 : 0o600 });
  if (copied?.digest !== file.digest)
    throw new ScansealError("archive-invalid", "the backup changed while it was read; nothing was restored");
  if (part === "data" && names[0] === "spool") await lengthen(to);
  // Any web server may serve the log's tiles.
  if (file.path.startsWith("home/log/tiles/")) await chmod(dirname(to), 0o755);
}

/** spec/spool.md: a segment says its length at 40, and all of it is on the disk. */
async function lengthen(path: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    const { size } = await handle.stat();
    const header = Buffer.alloc(48);
    const { bytesRead } = await handle.read(header, 0, 48, 0);
    const full = bytesRead === 48 ? Number(header.readBigUInt64LE(40)) : 0;
    // Larger is none of ours, and would fill the disk.
    if (full > segmentBytesMax || full < size) return;
    const zeros = Buffer.alloc(1 << 20);
    for (let at = size; at < full; ) {
      const { bytesWritten } = await handle.write(zeros, 0, Math.min(zeros.length, full - at), at);
      at += bytesWritten;
    }
    await handle.sync();
  } catch (cause) {
    const isFull = (cause as NodeJS.ErrnoException).code === "ENOSPC";
    throw new ScansealError(isFull ? "storage-full" : "io", "the spool cannot be restored", { cause });
  } finally {
    await handle.close();
  }
}

const segmentBytesMax: number = 1 << 30;

/**
 * docs/keys.md: the numbers of a key that was restored may have been given since. Every key that is here and seals or signs gets a new epoch: another
 * key, whose numbers begin at 1, and whose certificate becomes an entry of the log.
 */
async function renew(
  home: SiteHome,
  manifest: BackupManifest,
): Promise<Pick<RestoredSite, "rotated" | "notRotated">> {
  const rotated: string[] = [];
  const notRotated: { name: string; why: string }[] = [];
  const owners = listKeys(home).filter(({ of }) => of === "device" || of === "site");
  for (const name of new Set(owners.map((key) => key.name))) {
    try {
      if (!keyOwner(home, name).isHere) continue;
      if (manifest.withoutKeys) notRotated.push({ name, why: "the backup was made without keys" });
      else {
        await rotateKey(home, name);
        rotated.push(name);
      }
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
      notRotated.push({ name, why: error.message });
    }
  }
  return { rotated, notRotated };
}

/** Opening it compares its journal, its tiles, what is published, and the witnesses. */
async function compareLog(home: SiteHome, manifest: BackupManifest): Promise<RestoredSite["log"]> {
  const place = home.log.place();
  if (place === undefined) return { state: "none" };
  if (place !== join(home.folder, "log")) return { state: "elsewhere" };
  if (manifest.withoutKeys) return { state: "without-keys" };
  const log = await openLog(place);
  try {
    const { problem } = log.sequencer;
    if (problem) return { state: "read-only", why: problem.message };
    const { length: witnesses } = log.policy.witnesses;
    if (witnesses === 0) return { state: "without-witnesses" };
    const heard = log.sequencer.witnessesHeard;
    return { state: heard > 0 ? "compared" : "not-compared", heard, witnesses };
  } finally {
    await log.close();
  }
}

function syncTree(root: string): void {
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) folders.push(join(folder, entry.name));
    syncFolder(folder);
  }
}
