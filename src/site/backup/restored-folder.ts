/**
 * A folder that a restoration fills under another name, and that gets its own when it is whole. Where there is none: made beside its place, and renamed.
 * Where there is an empty one, which may be a volume's mount point and cannot be renamed over: made inside of it, and its entries are moved up.
 */
import { chmodSync, lstatSync, readdirSync, statfsSync, statSync } from "node:fs";
import { rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { ensurePrivateFolder, fileExists, syncFolder } from "../../platform/node/private-files.ts";

const insidePrefix = ".restoring-";
/** What a file system has of itself in a new volume. */
const ofVolume = "lost+found";
const marginBytes: number = 64 << 20;

export class RestoredFolder {
  readonly #place: string;
  /** Of the folder that is there; undefined: there is none. */
  readonly #mode: number | undefined;
  /** Names in the place's folder that this restoration gave. */
  readonly #named: string[] = [];
  #isNamed = false;
  /** Where it is filled. */
  readonly staging: string;

  /** @param place is free: `requireFree` */
  constructor(place: string) {
    this.#place = place;
    this.#mode = statSync(place, { throwIfNoEntry: false })?.mode;
    this.staging =
      this.#mode === undefined
        ? `${place}.restoring-${process.pid}`
        : join(place, `${insidePrefix}${process.pid}`);
  }

  /** For its owner alone, as everything of a site: a new volume is often open to all. @throws ScansealError `io`, `key-unusable` */
  begin(): void {
    if (this.#mode !== undefined) inWords(this.#place, () => chmodSync(this.#place, 0o700));
    ensurePrivateFolder(this.staging);
  }

  /**
   * Everything in it durable, then named.
   * @param marker the entry that makes it what it is: it comes last, so that what was cut off is not taken for a whole one
   * @throws ScansealError `io`
   */
  async name(marker?: string): Promise<void> {
    syncTree(this.staging);
    try {
      if (this.#mode === undefined) await this.#nameBeside();
      else await this.#nameInside(marker);
    } catch (cause) {
      if (cause instanceof ScansealError) throw cause;
      inWords(this.#place, () => {
        throw cause;
      });
    }
  }

  async #nameBeside(): Promise<void> {
    await rename(this.staging, this.#place);
    this.#isNamed = true;
    syncFolder(dirname(this.#place));
  }

  async #nameInside(marker: string | undefined): Promise<void> {
    const names = readdirSync(this.staging).filter((name) => name !== marker);
    for (const name of names) await this.#moveUp(name);
    syncFolder(this.#place);
    if (marker !== undefined) await this.#moveUp(marker);
    await rmdir(this.staging);
    syncFolder(this.#place);
  }

  async #moveUp(name: string): Promise<void> {
    const to = join(this.#place, name);
    if (fileExists(to)) throw new ScansealError("io", `${to} was made by somebody else meanwhile`);
    await rename(join(this.staging, name), to);
    this.#named.unshift(name);
  }

  /** What this restoration made, the marker first; a folder that was there is as it was. */
  async remove(): Promise<void> {
    const made = this.#isNamed ? [this.#place] : this.#named.map((name) => join(this.#place, name));
    // What cannot be removed keeps nothing else from it; the staging folder goes last: while it is there, the next try is told.
    for (const path of [...made, this.staging])
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    if (this.#mode !== undefined) inWords(this.#place, () => chmodSync(this.#place, this.#mode! & 0o7777));
  }
}

function inWords(place: string, body: () => void): void {
  try {
    body();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === "EPERM" ? "it belongs to another user" : (code ?? "unknown error");
    throw new ScansealError("io", `cannot restore into ${place}: ${why}`, { cause });
  }
}

/** @throws ScansealError `usage` where there is anything but an empty folder */
export function requireFree(place: string, what: string): void {
  if (!fileExists(place)) return;
  let names: string[];
  try {
    names = readdirSync(place);
  } catch (cause) {
    throw new ScansealError("usage", `${place} is there already and is no folder`, { cause });
  }
  // A gate takes no link for a private folder.
  if (lstatSync(place).isSymbolicLink())
    throw new ScansealError("usage", `${place} is a link: name the folder that it points at`);
  requireNotCutOff(place);
  if (names.some((name) => name !== ofVolume))
    throw new ScansealError(
      "usage",
      `there is ${what} in ${place} already: nothing is overwritten; name a new folder`,
    );
}

/** @throws ScansealError `usage` for a folder that a restoration began to fill and did not end, so that nobody begins another site in it */
export function requireNotCutOff(place: string): void {
  if (fileExists(join(place, "authority"))) return;
  let names: string[] = [];
  try {
    names = readdirSync(place);
  } catch {
    // None is there, or it is for whoever opens it to tell.
  }
  if (names.some((name) => name.startsWith(insidePrefix)))
    throw new ScansealError(
      "usage",
      `a restoration into ${place} was cut off, what it holds is no site: empty it and restore again`,
    );
}

/**
 * Of each disk at once what all places need on it.
 * @param needed the bytes of each place, which may not be there yet
 * @throws ScansealError `storage-full`, `usage` where a file is in the way
 */
export function requireRoom(needed: readonly (readonly [place: string, bytes: number])[]): void {
  const disks = new Map<number, { folder: string; bytes: number }>();
  for (const [place, bytes] of needed) {
    const folder = nearestThere(place);
    const { dev } = statSync(folder);
    disks.set(dev, { folder, bytes: bytes + (disks.get(dev)?.bytes ?? 0) });
  }
  for (const { folder, bytes } of disks.values()) {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < bytes + marginBytes)
      throw new ScansealError(
        "storage-full",
        `the disk of ${folder} has no room for the ${bytes} bytes of the backup that go there; nothing was restored`,
      );
  }
}

function nearestThere(place: string): string {
  for (let at = place; ; at = dirname(at))
    if (fileExists(at) || at === dirname(at)) {
      const isFolder = statSync(at, { throwIfNoEntry: false })?.isDirectory() === true;
      if (!isFolder) throw new ScansealError("usage", `${at} is there already and is no folder`);
      return at;
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
