/**
 * A site from its backup, in a place where there is none. Everything is checked before anything is written, written under another name, given new
 * keys there, and only then named, the data folder first: what was cut off is no site.
 */
import { mkdirSync } from "node:fs";
import { chmod, open } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { writeJson } from "../../keys/custody/json-file.ts";
import { openHome, type SiteHome } from "../home.ts";
import { listKeys } from "../keys/key-list.ts";
import { keyOwner } from "../keys/key-owner.ts";
import { rotateKey } from "../keys/key-rotation.ts";
import { openLog } from "../transparency-log/log-folder.ts";
import { checkBackup } from "./backup-check.ts";
import type { BackedUpFile, BackupManifest } from "./backup-manifest.ts";
import { copyFileDurably } from "./copied-file.ts";
import { RestoredFolder, requireFree, requireRoom } from "./restored-folder.ts";

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
/** Without it a folder is no site. */
const marker = "authority";

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
  requireRoom([
    [home, bytesOf(manifest, (path) => !path.startsWith("data/"))],
    [data ?? home, bytesOf(manifest, (path) => path.startsWith("data/"))],
  ]);
  const site = new RestoredFolder(home);
  const beside = data !== undefined && !isInside(data, home) ? new RestoredFolder(data) : undefined;
  const { staging } = site;
  const dataStaging = beside?.staging ?? (data && join(staging, relative(home, data)));
  try {
    options.onStep?.("copying");
    site.begin();
    beside?.begin();
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
    options.onStep?.("naming");
    await beside?.name();
    await site.name(marker);
    return { manifest, ...renewed, log, data };
  } catch (error) {
    // Both are tried: images of patients are not left behind because a key cannot be removed.
    await Promise.allSettled([site.remove(), beside?.remove()]);
    throw error;
  }
}

function bytesOf({ files }: BackupManifest, isMeant: (path: string) => boolean): number {
  return files.reduce((sum, { path, bytes }) => sum + (isMeant(path) ? bytes : 0), 0);
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder + sep);
}

function dataPlace(home: string, manifest: BackupManifest, given: string | undefined): string | undefined {
  const hasData = manifest.files.some(({ path }) => path.startsWith("data/"));
  if (!hasData) return undefined;
  if (given !== undefined) {
    const data = resolve(given);
    if (data === home || isInside(home, data))
      throw new ScansealError("usage", "the data folder can be in the site's, not the other way round");
    return data;
  }
  if (manifest.dataInHome !== undefined) return join(home, manifest.dataInHome);
  throw new ScansealError(
    "usage",
    `the data folder stood outside of the site's, at ${manifest.data ?? "an unknown place"}: name a place for it with --data`,
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
