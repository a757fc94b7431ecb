/** Bytes that lie in several ranges of files, as one source. Needs nothing but paths: worker threads open their own. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import type { ByteSource } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { readAhead } from "./read-ahead.ts";

/** `length` bytes at `offset` of the file. The same shape as the spool's FileExtent. */
export interface FileRange {
  /** Absolute. */
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

export interface ExtentsSource extends ByteSource {
  close(): Promise<void>;
}

/** What is needed of an open file. */
export interface RangeFile {
  /** Fills `into` from `offset`, or throws ScansealError `io`. */
  read(into: Bytes, offset: number): Promise<void>;
  close(): Promise<void>;
}

interface Range {
  readonly file: RangeFile;
  readonly offset: number;
  readonly length: number;
  /** Of its first byte in the source. */
  readonly start: number;
}

class Extents implements ExtentsSource {
  readonly size: number;
  readonly #ranges: readonly Range[];
  readonly #files: readonly RangeFile[];

  constructor(ranges: readonly Range[], files: readonly RangeFile[], size: number) {
    this.#ranges = ranges;
    this.#files = files;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Bytes> {
    this.#requireInside(offset, length);
    return this.#fill(new Uint8Array(length), offset);
  }

  chunks(offset: number, length: number): AsyncGenerator<Bytes> {
    this.#requireInside(offset, length);
    return readAhead((into, at) => this.#fill(into, at), offset, length);
  }

  #requireInside(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw new ScansealError("io", "range outside the record", { offset });
    }
  }

  async #fill(bytes: Bytes, offset: number): Promise<Bytes> {
    let done = 0;
    for (let i = this.#indexOf(offset); done < bytes.length; i++) {
      const range = this.#ranges[i]!;
      const from = offset + done - range.start;
      const piece = Math.min(bytes.length - done, range.length - from);
      if (piece > 0) await range.file.read(bytes.subarray(done, done + piece), range.offset + from);
      done += piece;
    }
    return bytes;
  }

  /** Of the last range that starts at or before `offset`: a long object has thousands. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#ranges.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#ranges[middle]!.start <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }
}

/**
 * Opens each file once. @param openFile for tests of disks that are none
 * @throws ScansealError `io`
 */
export async function openExtents(
  extents: readonly FileRange[],
  openFile: (path: string) => Promise<RangeFile> = openRangeFile,
): Promise<ExtentsSource> {
  const files = new Map<string, RangeFile>();
  try {
    const ranges: Range[] = [];
    let size = 0;
    for (const { path, offset, length } of extents) {
      let file = files.get(path);
      if (!file) {
        file = await openFile(path);
        files.set(path, file);
      }
      ranges.push({ file, offset, length, start: size });
      size += length;
    }
    return new Extents(ranges, [...files.values()], size);
  } catch (error) {
    for (const file of files.values()) await file.close();
    throw error;
  }
}

/** A link in the spool's folder is somebody's trick; without O_NONBLOCK the open of a pipe waits for a writer. */
const openFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

async function openRangeFile(path: string): Promise<RangeFile> {
  const handle = await open(path, openFlags).catch(ioError);
  return {
    async read(into, offset) {
      for (let done = 0; done < into.length; ) {
        const { bytesRead } = await handle.read(into, done, into.length - done, offset + done).catch(ioError);
        if (bytesRead === 0) throw ended(offset);
        done += bytesRead;
      }
    },
    close: () => handle.close(),
  };
}

/**
 * All bytes, into `bufferOf(size)`; undefined when they are more than `sizeMax`. The thread waits, as in readSmallFile and for the same
 * reason: from the page cache asynchronous calls take several times as long (measured there).
 * @throws ScansealError `io`
 */
export function readSmallExtents(
  extents: readonly FileRange[],
  sizeMax: number,
  bufferOf: (size: number) => Bytes,
): Bytes | undefined {
  const size = extents.reduce((sum, { length }) => sum + length, 0);
  if (size > sizeMax) return undefined;
  const bytes = bufferOf(size);
  let at = 0;
  let open: { readonly path: string; readonly file: number } | undefined;
  try {
    for (const { path, offset, length } of extents) {
      if (open?.path !== path) {
        if (open) closeSync(open.file);
        open = undefined;
        open = { path, file: openSync(path, openFlags) };
      }
      for (let done = 0; done < length; ) {
        const got = readSync(open.file, bytes, at, length - done, offset + done);
        if (got === 0) throw ended(offset);
        done += got;
        at += got;
      }
    }
    return bytes;
  } catch (error) {
    if (error instanceof ScansealError) throw error;
    return ioError(error);
  } finally {
    if (open) closeSync(open.file);
  }
}

function ended(offset: number): ScansealError {
  return new ScansealError("io", "the file became shorter while it was read", { offset });
}

/** The system's message names the path; the code says as much without it. */
function ioError(error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code ?? "unknown";
  throw new ScansealError("io", `the record cannot be read (${code})`, { cause: error });
}
