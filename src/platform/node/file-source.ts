/** A file as a byte source: read by ranges, never whole. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { ByteSource } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { readAhead } from "./read-ahead.ts";

export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

class OpenFile implements FileSource {
  readonly size: number;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Bytes> {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw outside(offset);
    }
    return this.#fill(new Uint8Array(length), offset);
  }

  chunks(offset: number, length: number): AsyncGenerator<Bytes> {
    if (offset < 0 || length < 0 || offset + length > this.size) throw outside(offset);
    return readAhead((into, at) => this.#fill(into, at), offset, length);
  }

  async #fill(bytes: Bytes, offset: number): Promise<Bytes> {
    const { length } = bytes;
    // A read may give less than was asked for; zero means that the file became shorter.
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done).catch(ioError);
      if (bytesRead === 0)
        throw new ScansealError("io", "the file became shorter while it was read", { offset });
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function outside(offset: number): ScansealError {
  return new ScansealError("io", "range outside the file", { offset });
}

/** The system's message names the path; the code says as much without it. */
function ioError(error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code ?? "unknown";
  throw new ScansealError("io", `the file cannot be read (${code})`, { cause: error });
}

/** Without O_NONBLOCK the open of a pipe waits for a writer. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * A whole file of at most `sizeMax` bytes, into `bufferOf(size)`; undefined for a longer one. The thread waits: for a slice from the page
 * cache this takes a fifth of the time that asynchronous calls do, each of which goes through another thread.
 * @throws ScansealError `io`
 */
export function readSmallFile(
  path: string,
  sizeMax: number,
  bufferOf: (size: number) => Bytes,
): Bytes | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, openFlags);
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new ScansealError("io", "not a regular file");
    if (stats.size > sizeMax) return undefined;
    const bytes = bufferOf(stats.size);
    for (let done = 0; done < bytes.length; ) {
      const bytesRead = readSync(file, bytes, done, bytes.length - done, done);
      if (bytesRead === 0) throw new ScansealError("io", "the file became shorter while it was read");
      done += bytesRead;
    }
    return bytes;
  } catch (error) {
    if (error instanceof ScansealError) throw error;
    ioError(error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/**
 * Opens a regular file. Pipes, devices and folders are refused without waiting for them.
 * @param isLinkFollowed false for files of our own, where a link was put there by somebody else
 * @throws ScansealError `io`
 */
export async function openFileSource(path: string, isLinkFollowed = true): Promise<FileSource> {
  const flags = isLinkFollowed ? openFlags : openFlags | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(path, flags).catch(ioError);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new ScansealError("io", "not a regular file");
    return new OpenFile(handle, stats.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}
