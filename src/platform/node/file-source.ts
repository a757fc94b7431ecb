/** A file as a byte source: read by ranges, never whole. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { ByteSource } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

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
      throw new ScansealError("io", "range outside the file", { offset });
    }
    const bytes = new Uint8Array(length);
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

/** The system's message names the path; the code says as much without it. */
function ioError(error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code ?? "unknown";
  throw new ScansealError("io", `the file cannot be read (${code})`, { cause: error });
}

/**
 * Opens a regular file; links to one are followed. Pipes, devices and folders are refused without waiting for them.
 * @throws ScansealError `io`
 */
export async function openFileSource(path: string): Promise<FileSource> {
  // Without O_NONBLOCK the open of a pipe waits for a writer.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(ioError);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new ScansealError("io", "not a regular file");
    return new OpenFile(handle, stats.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}
