/** Copies of files: durable, hashed while they are copied, never through a link. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";

const chunkBytes: number = 1 << 20;
const noFollow: number = constants.O_NOFOLLOW ?? 0;

export interface Copied {
  readonly bytes: number;
  /** SHA-256, lower-case hexadecimal. */
  readonly digest: string;
}

export interface CopyOptions {
  readonly mode: number;
  /** Whether zeros at the end are left out. */
  readonly isTrimmed?: boolean;
  /** A copy that is there already is replaced. */
  readonly isAgain?: boolean;
}

/** Undefined when there is no such file (any more), or it is no file. @throws ScansealError `io`, `storage-full` */
export async function copyFileDurably(
  from: string,
  to: string,
  { mode, isTrimmed = false, isAgain = false }: CopyOptions,
): Promise<Copied | undefined> {
  const source = await openFile(from);
  if (!source) return undefined;
  return named(`copy ${from}`, async () => {
    try {
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      const flags = constants.O_WRONLY | constants.O_CREAT | noFollow;
      const target = await open(to, flags | (isAgain ? constants.O_TRUNC : constants.O_EXCL), mode);
      try {
        const copied = await copyAll(source, target, isTrimmed);
        await target.sync();
        return copied;
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  });
}

async function copyAll(source: FileHandle, target: FileHandle, isTrimmed: boolean): Promise<Copied> {
  const hash = createHash("sha256");
  const chunk = Buffer.alloc(chunkBytes);
  let at = 0;
  /** Zeros that were read and not yet written: nothing may come after them. */
  let zeros = 0;
  const write = async (bytes: Buffer, position: number): Promise<void> => {
    hash.update(bytes);
    for (let done = 0; done < bytes.length; )
      done += (await target.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  };
  for (;;) {
    const { bytesRead } = await source.read(chunk, 0, chunkBytes, at + zeros);
    if (bytesRead === 0) break;
    const read = chunk.subarray(0, bytesRead);
    const end = isTrimmed ? lastOfContent(read) : bytesRead;
    if (end > 0) {
      for (; zeros > 0; ) {
        const length = Math.min(zeros, chunkBytes);
        await write(Buffer.alloc(length), at);
        at += length;
        zeros -= length;
      }
      await write(read.subarray(0, end), at);
      at += end;
    }
    zeros += bytesRead - end;
  }
  return { bytes: at, digest: hash.digest("hex") };
}

function lastOfContent(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

/** Undefined when there is none, or it is no file. @throws ScansealError `io` */
async function openFile(path: string): Promise<FileHandle | undefined> {
  return named(`read ${path}`, async () => {
    let handle: FileHandle;
    try {
      handle = await open(path, constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ELOOP" || code === "ENOTDIR" || code === "ENXIO") return undefined;
      throw error;
    }
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    return undefined;
  });
}

/** Of a part of a file, or of all of it; undefined when there is no such file, or it is shorter. @throws ScansealError `io` */
export async function hashParts(
  parts: readonly { readonly path: string; readonly offset: number; readonly length?: number }[],
): Promise<Copied | undefined> {
  const hash = createHash("sha256");
  let bytes = 0;
  const chunk = Buffer.alloc(chunkBytes);
  for (const { path, offset, length = Number.POSITIVE_INFINITY } of parts) {
    const handle = await openFile(path);
    if (!handle) return undefined;
    try {
      let done = 0;
      while (done < length) {
        const wanted = Math.min(chunkBytes, length - done);
        const { bytesRead } = await named(`read ${path}`, () => handle.read(chunk, 0, wanted, offset + done));
        if (bytesRead === 0) break;
        hash.update(chunk.subarray(0, bytesRead));
        done += bytesRead;
      }
      if (Number.isFinite(length) && done < length) return undefined;
      bytes += done;
    } finally {
      await handle.close();
    }
  }
  return { bytes, digest: hash.digest("hex") };
}

/** What the system says, in our words. */
async function named<T>(what: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (cause instanceof ScansealError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG")
      throw new ScansealError("storage-full", `cannot ${what}: the disk is full`, { cause });
    throw new ScansealError("io", `cannot ${what} (${code ?? "unknown error"})`, { cause });
  }
}
