/**
 * Files that only their owner may read, replaced durably, and a lock between processes. Synchronous on purpose: these files are
 * small, and a step that must not be interleaved (read, decide, write, fsync) stays one step.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** Windows has no such bits; there the folder's access list decides. */
const hasModes = process.platform !== "win32";
const groupAndWorld = 0o077;

/** True when a file of whatever kind has this name. */
export function fileExists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    // A part of the path is a file: nothing can be below it.
    if ((cause as NodeJS.ErrnoException).code === "ENOTDIR") return false;
    throw failure(`look for ${path}`, cause);
  }
}

/**
 * Makes the folder (and missing parents) for its owner alone, or checks that it is so.
 * @throws ScansealError `key-unusable` when others may enter it, `io`
 */
export function ensurePrivateFolder(path: string): void {
  const stats = io(`make the folder ${path}`, () => {
    makeFolders(path);
    return lstatSync(path);
  });
  if (!stats.isDirectory()) throw new ScansealError("key-unusable", `${path} is not a folder`);
  requirePrivate(stats, `the folder ${path}`, "700");
}

/** Node's own recursive mkdir never ends below a folder like /proc, where nothing can be made. */
function makeFolders(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !fileExists(at); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      // Another process was quicker.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

/**
 * @throws ScansealError `key-unusable` when others may read it or it is larger than `bytesMax`, `io`
 */
export function readPrivateFile(path: string, bytesMax: number): Bytes {
  return readBounded(path, bytesMax, true);
}

/** A file that holds no secret. @throws ScansealError `key-unusable` when it is larger than `bytesMax`, `io` */
export function readPublicFile(path: string, bytesMax: number): Bytes {
  return readBounded(path, bytesMax, false);
}

function readBounded(path: string, bytesMax: number, isPrivate: boolean): Bytes {
  return io(`read ${path}`, () => {
    // O_NOFOLLOW: a link could point at a file with other rights. O_NONBLOCK: a pipe would be waited for.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    const handle = openSync(path, flags);
    try {
      const stats = fstatSync(handle);
      if (!stats.isFile()) throw new ScansealError("key-unusable", `${path} is not a file`);
      if (isPrivate) requirePrivate(stats, `the key file ${path}`, "600");
      if (stats.size > bytesMax) throw new ScansealError("key-unusable", `${path} is too large`);
      const bytes = new Uint8Array(stats.size);
      let at = 0;
      while (at < bytes.length) {
        const got = readSync(handle, bytes, at, bytes.length - at, at);
        if (got === 0) throw new ScansealError("io", "the file became shorter while it was read");
        at += got;
      }
      return bytes;
    } finally {
      closeSync(handle);
    }
  });
}

function requirePrivate(stats: Stats, what: string, mode: string): void {
  if (!hasModes) return;
  if ((stats.mode & groupAndWorld) !== 0) {
    throw new ScansealError("key-unusable", `${what} is open to other users: set its mode to ${mode}`);
  }
  const own = process.getuid?.();
  if (own !== undefined && own !== 0 && stats.uid !== own) {
    throw new ScansealError("key-unusable", `${what} belongs to another user`);
  }
}

export interface WriteOptions {
  /** 0o600 for secrets, 0o644 for what everyone may read. */
  readonly mode: number;
  /** The caller makes the renames of several files durable at once, by `syncFolder`. */
  readonly isFolderSynced?: boolean;
}

/** Writes a new file, makes it durable, then renames it over the old one: after a crash there is the old or the new, never a part. */
export function replaceFileDurably(path: string, bytes: Bytes, options: WriteOptions): void {
  io(`write ${path}`, () => {
    const fresh = `${path}.new`;
    writeFreshFile(fresh, bytes, options.mode);
    renameSync(fresh, path);
  });
  if (options.isFolderSynced !== false) syncFolder(dirname(path));
}

function writeFreshFile(path: string, bytes: Bytes, mode: number): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0);
  const handle = openSync(path, flags, mode);
  try {
    if (hasModes) fchmodSync(handle, mode);
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/**
 * The same where there is no file of that name: of several processes the first one's stays.
 * @returns false when there was one
 */
export function createFileDurably(path: string, bytes: Bytes, options: WriteOptions): boolean {
  const isNew = io(`write ${path}`, () => {
    const fresh = `${path}.${process.pid}.new`;
    writeFreshFile(fresh, bytes, options.mode);
    try {
      linkSync(fresh, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      return false;
    } finally {
      unlinkSync(fresh);
    }
  });
  if (isNew && options.isFolderSynced !== false) syncFolder(dirname(path));
  return isNew;
}

/** Makes the names in a folder durable. Windows cannot open folders; NTFS journals names itself. */
export function syncFolder(path: string): void {
  if (!hasModes) return;
  io(`make ${path} durable`, () => {
    const handle = openSync(path, constants.O_RDONLY);
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  });
}

/** Holding a lock takes milliseconds; a process that waits longer than this has met one that hangs. */
const lockWaitMs = 10_000;

export interface FileLock {
  /** Releasing twice is fine. */
  release(): void;
}

/** Lock files this process holds: a second opener would free the kernel's lock of the first when it closed its file (POSIX fcntl). */
const heldLocks = new Set<string>();

/**
 * Takes the lock file until it is released or the process ends. The lock is SQLite's: the kernel frees it when the process dies,
 * however it dies, so there is no stale lock to judge.
 * @param waitMs how long to wait for another process
 * @throws ScansealError `io` when the lock stays taken
 */
export function holdFileLock(path: string, waitMs = 0): FileLock {
  const name = resolve(path);
  const database = io(`take the lock ${path}`, () => {
    if (heldLocks.has(name)) throw new ScansealError("io", `this process holds the lock ${path} already`);
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600));
    const opened = new DatabaseSync(path);
    try {
      opened.exec(`PRAGMA busy_timeout = ${waitMs}; BEGIN EXCLUSIVE`);
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  });
  heldLocks.add(name);
  return {
    release() {
      if (!heldLocks.delete(name)) return;
      database.close();
    },
  };
}

/** Whether another process holds the lock. Looking takes a moment's share of it: who wants it meanwhile must wait a little. */
export function isFileLockHeld(path: string): boolean {
  if (!fileExists(path)) return false;
  return io(`look at the lock ${path}`, () => {
    const database = new DatabaseSync(path);
    try {
      database.exec("SELECT 1 FROM sqlite_master");
      return false;
    } catch (error) {
      if (((error as { readonly errcode?: number }).errcode ?? 0) % 256 === sqliteBusy) return true;
      throw error;
    } finally {
      database.close();
    }
  });
}

/**
 * Runs `body` while no other process and no other call holds the lock file. `body` must not wait for anything.
 * @throws ScansealError `io` when the lock stays taken
 */
export function withFileLock<T>(path: string, body: () => T): T {
  const lock = holdFileLock(path, lockWaitMs);
  try {
    return body();
  } finally {
    lock.release();
  }
}

/** `what` names the path as it was given: a part of it would look like another one. A gateway's log masks it. */
function failure(what: string, cause: unknown): ScansealError {
  const { code, errcode } = cause as NodeJS.ErrnoException & { readonly errcode?: number };
  const isFull = code === "ENOSPC" || errcode === sqliteFull;
  const why = isFull ? "the disk is full" : (causes[code ?? ""] ?? code);
  return new ScansealError("io", `cannot ${what}${why === undefined ? "" : `: ${why}`}`, { cause });
}

const causes: Readonly<Record<string, string>> = {
  ENOENT: "there is none",
  EROFS: "the disk is read-only (EROFS)",
};

/** https://www.sqlite.org/rescode.html */
const sqliteFull = 13;
const sqliteBusy = 5;

function io<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    throw cause instanceof ScansealError ? cause : failure(what, cause);
  }
}
