/** The disk of this machine. Descriptors and callbacks: the fewest steps on the main thread, which also reads the network. */
import {
  close,
  constants,
  fdatasync,
  fstat,
  fsync,
  open,
  read,
  readdir,
  type StatsFs,
  statfs,
  unlink,
  write,
} from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { ensurePrivateFolder, holdFileLock } from "../../platform/node/private-files.ts";
import type { Disk, DiskFile } from "./disk.ts";

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

function call<T>(what: string, start: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(diskError(what, error)) : resolve(value)));
  });
}

const fullCodes: ReadonlySet<string | undefined> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** The system's message names the path; the code says as much without it. */
function diskError(what: string, cause: NodeJS.ErrnoException): ScansealError {
  const code = fullCodes.has(cause.code) ? "storage-full" : "io";
  return new ScansealError(code, `the spool's disk cannot ${what} (${cause.code ?? "unknown"})`, { cause });
}

/**
 * Linux writes through a descriptor of this kind in one call: half the steps of a write and an fdatasync, and of several such calls none
 * waits for another's bytes. Elsewhere (macOS, whose O_DSYNC leaves bytes in the drive's cache) it is those two.
 */
const throughFlags: number | undefined =
  process.platform === "linux" && constants.O_DSYNC !== undefined
    ? constants.O_WRONLY | constants.O_DSYNC | constants.O_NOFOLLOW
    : undefined;

class NodeFile implements DiskFile {
  readonly #file: number;
  readonly #path: string;
  /**
   * One for each write under way: the kernel tells of pages it lost once for a descriptor, and with a shared one it could be the other write that
   * is told.
   */
  readonly #through: number[] = [];
  readonly #idleThrough: number[] = [];

  constructor(file: number, path: string) {
    this.#file = file;
    this.#path = path;
  }

  write(bytes: Bytes, offset: number): Promise<void> {
    return this.#write(this.#file, bytes, offset);
  }

  async writeThrough(bytes: Bytes, offset: number): Promise<void> {
    if (throughFlags === undefined) {
      await this.write(bytes, offset);
      return this.datasync();
    }
    const file = this.#idleThrough.pop() ?? (await this.#openThrough(throughFlags));
    await this.#write(file, bytes, offset);
    // After a failure it is not used again.
    this.#idleThrough.push(file);
  }

  async #openThrough(flags: number): Promise<number> {
    const file = await call<number>("open a file", (done) => open(this.#path, flags, done));
    this.#through.push(file);
    return file;
  }

  #write(file: number, bytes: Bytes, offset: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const piece = (done: number): void => {
        write(file, bytes, done, bytes.length - done, offset + done, (error, written) => {
          if (error) reject(diskError("write", error));
          // A disk that takes nothing and says nothing would be asked for ever.
          else if (written === 0) reject(new ScansealError("io", "the spool's disk takes no bytes"));
          else if (done + written < bytes.length) piece(done + written);
          else resolve();
        });
      };
      piece(0);
    });
  }

  async read(into: Bytes, offset: number): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const got = await call<number>("read", (end) =>
        read(this.#file, into, done, into.length - done, offset + done, end),
      );
      if (got === 0) throw new ScansealError("io", "a spool file ends too early", { offset });
      done += got;
    }
  }

  async size(): Promise<number> {
    const stats = await call<{ size: number }>("look at a file", (done) => fstat(this.#file, done));
    return stats.size;
  }

  datasync(): Promise<void> {
    return call<void>("make bytes durable", (done) => fdatasync(this.#file, done as () => void));
  }

  async close(): Promise<void> {
    for (const file of this.#through) await closeFile(file);
    await closeFile(this.#file);
  }
}

function closeFile(file: number): Promise<void> {
  return call<void>("close a file", (done) => close(file, done as () => void));
}

/** O_NONBLOCK: the open of a pipe would wait for a writer. */
const openFlags = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const createFlags = openFlags | constants.O_CREAT | constants.O_EXCL;

export const nodeDisk: Disk = {
  async claim(folder) {
    ensurePrivateFolder(folder);
    return holdFileLock(join(folder, "lock"));
  },
  list: (folder) => call("list its folder", (done) => readdir(folder, done)),
  async create(path) {
    return new NodeFile(await call("make a file", (done) => open(path, createFlags, 0o600, done)), path);
  },
  async open(path) {
    const file = await call<number>("open a file", (done) => open(path, openFlags, done));
    const stats = await call<{ isFile(): boolean }>("look at a file", (done) => fstat(file, done));
    if (stats.isFile()) return new NodeFile(file, path);
    await closeFile(file);
    throw new ScansealError("io", "a spool file is not a regular file");
  },
  unlink: (path) => call<void>("delete a file", (done) => unlink(path, done as () => void)),
  async syncFolder(folder) {
    // Windows cannot open folders; NTFS journals names itself.
    if (process.platform === "win32") return;
    const file = await call<number>("open its folder", (done) => open(folder, constants.O_RDONLY, done));
    try {
      await call<void>("make names durable", (done) => fsync(file, done as () => void));
    } finally {
      await closeFile(file);
    }
  },
  async freeBytes(folder) {
    const { bavail, bsize } = await call<StatsFs>("tell its free space", (done) => statfs(folder, done));
    return bavail * bsize;
  },
};
