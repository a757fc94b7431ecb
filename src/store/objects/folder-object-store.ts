/**
 * The embedded object store: a folder of files named by what is in them, `ab/cd/abcd...`. A file is written under another name, made durable,
 * and only then given its own: whatever has a digest for a name is whole.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { v7 as newId } from "uuid";
import { readChunks } from "../../foundation/byte-source.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { Turns } from "../../foundation/turns.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { openFileSource } from "../../platform/node/file-source.ts";
import { type FileLock, holdFileLock, syncFolder } from "../../platform/node/private-files.ts";
import { FolderSync } from "./folder-sync.ts";
import type { ObjectStore, OpenObject } from "./object-store.ts";

export interface FolderObjectStoreOptions {
  /** Of all objects together; no bound of its own when absent. What other processes add meanwhile is not seen. */
  readonly bytesMax?: number | undefined;
}

/** Waits for the disk at once. libuv has four threads, and the network's and the journal's work must find one free. */
const syncsMax = 2;
/** Folder of what is being written. No digest begins so. */
const incomingName = "incoming";
/** They say that this process lives; kept until it ends, because a lock that is collected is released. */
const living = new Set<FileLock>();

/**
 * Opens or makes the store in `folder`, for its owner alone. What processes that are gone left half written is removed; those that live are
 * left alone.
 * @throws ScansealError `io`, `storage-full`
 */
export async function openFolderObjectStore(
  folder: string,
  options: FolderObjectStoreOptions = {},
): Promise<ObjectStore> {
  try {
    const incoming = join(folder, incomingName);
    await mkdir(incoming, { recursive: true, mode: 0o700 });
    await removeLeftovers(incoming);
    const own = join(incoming, newId());
    living.add(holdFileLock(`${own}${lockSuffix}`));
    syncFolder(dirname(resolve(folder)));
    await mkdir(own, { mode: 0o700 });
    const used = options.bytesMax === undefined ? 0 : await bytesBelow(folder);
    return new FolderObjectStore(folder, own, used, options.bytesMax ?? Number.POSITIVE_INFINITY);
  } catch (error) {
    throw storeError(error);
  }
}

class FolderObjectStore implements ObjectStore {
  readonly #folder: string;
  readonly #incoming: string;
  readonly #syncs: Turns = new Turns(syncsMax);
  readonly #folders: FolderSync = new FolderSync(this.#syncs);
  readonly #bytesMax: number;
  /** Of whole objects and of those being written. */
  #bytesUsed: number;

  constructor(folder: string, incoming: string, bytesUsed: number, bytesMax: number) {
    this.#folder = folder;
    this.#incoming = incoming;
    this.#bytesUsed = bytesUsed;
    this.#bytesMax = bytesMax;
  }

  async put(digest: string, content: AsyncIterable<Bytes>): Promise<void> {
    const path = this.#pathOf(digest);
    if (await this.#isWhole(digest, path)) {
      await requireDigest(digest, content);
      // Its name may be there without being durable: of a put that failed at its end.
      await this.#guard(() => this.#folders.sync(this.#foldersOf(digest)));
      return;
    }
    const temporary = join(this.#incoming, newId());
    const written = { bytes: 0 };
    let isKept = false;
    try {
      await this.#write(temporary, digest, content, written);
      await this.#guard(async () => {
        const old = await sizeOf(path);
        await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
        await rename(temporary, path);
        isKept = true;
        // Written twice at once, or a damaged file replaced.
        this.#bytesUsed -= old ?? 0;
        await this.#folders.sync(this.#foldersOf(digest));
      });
    } finally {
      if (!isKept) {
        this.#bytesUsed -= written.bytes;
        await unlink(temporary).catch(() => undefined);
      }
    }
  }

  async open(digest: string): Promise<OpenObject> {
    return await openFileSource(this.#pathOf(digest), false);
  }

  async delete(digest: string): Promise<void> {
    const path = this.#pathOf(digest);
    await this.#guard(async () => {
      const size = await sizeOf(path);
      // Between the two another call may have deleted it: it is counted by the one that did.
      const isMine = await unlink(path).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === "ENOENT") return false;
          throw error;
        },
      );
      if (isMine) this.#bytesUsed -= size ?? 0;
      // Also when it was gone: the call that deleted it may have failed afterwards.
      await this.#folders.syncExisting(join(path, ".."));
    });
  }

  async #write(
    path: string,
    digest: string,
    content: AsyncIterable<Bytes>,
    written: { bytes: number },
  ): Promise<void> {
    const file = await this.#guard(() => open(path, createFlags, 0o600));
    try {
      const hash = nodeCrypto.createHash("SHA-256");
      for await (const bytes of content) {
        if (this.#bytesUsed + bytes.length > this.#bytesMax)
          throw new ScansealError("storage-full", "the object store has reached its quota");
        this.#bytesUsed += bytes.length;
        written.bytes += bytes.length;
        hash.update(bytes);
        await this.#guard(() => writeWhole(file, bytes));
      }
      if (toHex(hash.digest()) !== digest) throw contentDiffers();
      await this.#guard(() => this.#syncs.run(() => file.datasync()));
    } finally {
      await file.close().catch(() => undefined);
    }
  }

  /** True when the object is there, undamaged: it is read to know. Objects come twice after a crash, and rarely otherwise. */
  async #isWhole(digest: string, path: string): Promise<boolean> {
    if ((await this.#guard(() => sizeOf(path))) === undefined) return false;
    try {
      const object = await openFileSource(path, false);
      try {
        await requireDigest(digest, readChunks(object, 0, object.size));
        return true;
      } finally {
        await object.close();
      }
    } catch {
      // Unreadable or not what its name says: written anew.
      return false;
    }
  }

  /** @throws ScansealError `usage`: a name is never made of anything but a digest */
  #pathOf(digest: string): string {
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new ScansealError("usage", "not a SHA-256 in hexadecimal");
    return join(this.#folder, digest.slice(0, 2), digest.slice(2, 4), digest);
  }

  /** From the name's own folder upwards. */
  #foldersOf(digest: string): string[] {
    const first = join(this.#folder, digest.slice(0, 2));
    return [join(first, digest.slice(2, 4)), first, this.#folder];
  }

  /** The machine's errors become ours; content's own errors never come through here. */
  async #guard<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw storeError(error);
    }
  }
}

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** @throws ScansealError `internal` */
async function requireDigest(digest: string, content: AsyncIterable<Bytes>): Promise<void> {
  const hash = nodeCrypto.createHash("SHA-256");
  for await (const bytes of content) hash.update(bytes);
  if (toHex(hash.digest()) !== digest) throw contentDiffers();
}

function contentDiffers(): ScansealError {
  return new ScansealError("internal", "the content is not what its digest says");
}

async function writeWhole(file: FileHandle, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}

/** Undefined where there is nothing of that name. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

const lockSuffix = ".lock";

/** Each process writes in a folder of its own, beside a lock it holds while it lives. */
async function removeLeftovers(incoming: string): Promise<void> {
  const entries = await readdir(incoming, { withFileTypes: true });
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const path = join(incoming, name);
    let lock: FileLock;
    try {
      lock = holdFileLock(`${path}${lockSuffix}`);
    } catch {
      continue;
    }
    try {
      await rm(path, { recursive: true, force: true });
      for (const suffix of ["", "-journal"]) await rm(`${path}${lockSuffix}${suffix}`, { force: true });
    } finally {
      lock.release();
    }
  }
}

/** Of the objects; two levels of folders, then files. */
async function bytesBelow(folder: string): Promise<number> {
  let total = 0;
  for (const first of await namesIn(folder)) {
    for (const second of await namesIn(join(folder, first))) {
      for (const name of await readdir(join(folder, first, second))) {
        total += (await sizeOf(join(folder, first, second, name))) ?? 0;
      }
    }
  }
  return total;
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^[0-9a-f]{2}$/.test(name));
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** The system's message names the path; the code says as much without it. */
function storeError(error: unknown): ScansealError {
  if (error instanceof ScansealError) return error;
  const code = codeOf(error);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new ScansealError("storage-full", `the object store has no space left (${code})`);
  return new ScansealError("io", `the object store failed (${code ?? "unknown"})`, { cause: error });
}
