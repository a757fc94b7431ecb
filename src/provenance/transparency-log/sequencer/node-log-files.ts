/** The folder of tiles on a real disk. */
import { constants } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ScansealError } from "../../../foundation/errors.ts";
import type { LogFile, LogFiles } from "./log-files.ts";

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0);
const readFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** @param folder exists */
export function nodeLogFiles(folder: string): LogFiles {
  return {
    read: (path, bytesMax) => readWhole(join(folder, path), bytesMax),
    // What a log publishes is for everybody.
    create: (path) => guard("write", () => createFile(join(folder, path))),
    rename: (from, to) => guard("name", () => rename(join(folder, from), join(folder, to))),
    makeFolder: (path) => guard("make a folder", () => makeFolder(join(folder, path))),
    removeFolder: (path) =>
      guard("remove a folder", () => rm(join(folder, path), { recursive: true, force: true })),
    syncFolder: (path) => guard("make names durable", () => syncFolder(join(folder, path))),
  };
}

async function readWhole(path: string, bytesMax: number): Promise<Uint8Array | undefined> {
  return await guard("read", async () => {
    const file = await open(path, readFlags).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw error;
    });
    if (!file) return undefined;
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > bytesMax)
        throw new ScansealError("io", "a file of the log is not one, or too large");
      const bytes = new Uint8Array(stats.size);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
        if (bytesRead === 0) throw new ScansealError("io", "a file of the log became shorter");
        at += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  });
}

async function createFile(path: string): Promise<LogFile> {
  const file = await open(path, createFlags, 0o644);
  return {
    write: (bytes) => guard("write", () => file.writeFile(bytes)),
    datasync: () => guard("make durable", () => file.datasync()),
    close: () => guard("close", () => file.close()),
  };
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 });
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The system's message names the path; the code says as much without it. */
async function guard<T>(what: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof ScansealError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const isFull = code === "ENOSPC" || code === "EDQUOT";
    const message = `the log's folder: cannot ${what} (${code ?? "unknown"})`;
    throw new ScansealError(isFull ? "storage-full" : "io", message, { cause: error });
  }
}
