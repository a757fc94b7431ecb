/** What was brought in: a folder (a CD, a stick), a zip archive, single files. Directories of media are not believed: everything is looked at. */
import { mkdtemp, open, opendir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ByteSource } from "../../foundation/byte-source.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { openFileSource } from "../../platform/node/file-source.ts";
import { looksLikeZip, openZip, type ZipArchive } from "./zip-archive.ts";

/** What is larger is unpacked to the disk, so that memory stays bounded. */
const inMemoryBytesMax = 32 << 20;
/** PS3.10 section 7.1: "DICM" after 128 bytes. */
const headBytes = 132;
/** Of one object, as in an archive: a disk is not filled by a stream that does not end. */
const objectBytesMax = 4 * 2 ** 30;
const filesMax = 1_000_000;

/** One thing that may be an object. */
export interface MediaItem {
  /** For people. */
  readonly name: string;
  /**
   * Its bytes as they were when they were read first: nobody can change them between judging and keeping.
   * @returns undefined for what is no DICOM file @throws ScansealError `io`, `archive-invalid`, and what `body` throws
   */
  withBytes<T>(body: (source: ByteSource) => Promise<T>): Promise<T | undefined>;
}

export interface Media {
  readonly items: readonly MediaItem[];
  /** Links and devices in folders: left alone. */
  readonly others: number;
  close(): Promise<void>;
}

/**
 * @param staging a private folder for what does not fit in memory
 * @throws ScansealError `usage` for what does not exist, `archive-invalid`, `limit-inflate`, `io`; then nothing was taken
 */
export async function openMedia(paths: readonly string[], staging: string): Promise<Media> {
  const items: MediaItem[] = [];
  const archives: ZipArchive[] = [];
  const close = async (): Promise<void> => {
    for (const archive of archives) archive.close();
  };
  let others = 0;
  try {
    for (const path of paths) {
      const kind = await kindOf(path);
      if (kind === "folder") others += await addFolder(path, items, staging);
      else if (await looksLikeZip(path)) {
        const archive = await openZip(path);
        archives.push(archive);
        for (const { name, bytes, chunks } of archive.entries)
          items.push(itemOf(`${path}: ${name}`, bytes, chunks, staging));
      } else items.push(fileItem(path, staging));
    }
    return { items, others, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function kindOf(path: string): Promise<"file" | "folder"> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return "folder";
    if (found.isFile()) return "file";
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw ioError(cause);
    throw new ScansealError("usage", `${path} does not exist`, { cause });
  }
  throw new ScansealError("usage", `${path} is neither a file nor a folder`);
}

/** Every regular file below it; links lead elsewhere and are left alone. @returns how many were */
async function addFolder(folder: string, items: MediaItem[], staging: string): Promise<number> {
  let others = 0;
  const todo = [folder];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const names: string[] = [];
    try {
      for await (const entry of await opendir(next)) {
        const path = join(next, entry.name);
        if (entry.isDirectory()) todo.push(path);
        else if (entry.isFile()) names.push(path);
        else others++;
      }
    } catch (cause) {
      throw ioError(cause);
    }
    for (const path of names.sort()) items.push(fileItem(path, staging));
    if (items.length > filesMax)
      throw new ScansealError("usage", "more than a million files: name parts of it");
  }
  return others;
}

function fileItem(path: string, staging: string): MediaItem {
  return {
    name: path,
    withBytes: async (body) => {
      const source = await openFileSource(path);
      try {
        const item = itemOf(path, source.size, () => pieces(source), staging);
        return await item.withBytes(body);
      } finally {
        await source.close();
      }
    },
  };
}

async function* pieces(source: ByteSource): AsyncGenerator<Bytes> {
  const step = 1 << 20;
  for (let at = 0; at < source.size; at += step)
    yield await source.read(at, Math.min(step, source.size - at));
}

/** @param bytes undefined where nobody knows: what does not fit in memory goes to the disk then */
export function itemOf(
  name: string,
  bytes: number | undefined,
  chunks: () => AsyncGenerator<Bytes>,
  staging: string,
): MediaItem {
  return {
    name,
    withBytes: async (body) => {
      const stream = chunks();
      try {
        const head = await firstBytes(stream);
        if (!isPart10(head)) return undefined;
        const rest = withHead(head, stream);
        return await withAll(rest, bytes, staging, body);
      } finally {
        await stream.return(undefined);
      }
    },
  };
}

async function withAll<T>(
  stream: AsyncGenerator<Bytes>,
  bytes: number | undefined,
  staging: string,
  body: (source: ByteSource) => Promise<T>,
): Promise<T> {
  if (bytes !== undefined && bytes > inMemoryBytesMax) return onDisk(stream, staging, body);
  const begun = await collected(stream);
  if (begun.isWhole) return body(new MemorySource(begun.bytes));
  return onDisk(withHead(begun.bytes, stream), staging, body);
}

async function firstBytes(stream: AsyncGenerator<Bytes>): Promise<Bytes> {
  const parts: Bytes[] = [];
  for (let got = 0; got < headBytes; ) {
    const next = await stream.next();
    if (next.done === true) break;
    parts.push(next.value.slice());
    got += next.value.length;
  }
  return concatBytes(parts);
}

function isPart10(head: Bytes): boolean {
  return head.length >= headBytes && String.fromCharCode(...head.subarray(128, headBytes)) === "DICM";
}

async function* withHead(head: Bytes, stream: AsyncGenerator<Bytes>): AsyncGenerator<Bytes> {
  yield head;
  yield* stream;
}

/** Up to what fits in memory: what is stated may be a lie. */
async function collected(
  stream: AsyncGenerator<Bytes>,
): Promise<{ readonly bytes: Bytes; readonly isWhole: boolean }> {
  const parts: Bytes[] = [];
  let bytes = 0;
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { bytes: concatBytes(parts), isWhole: true };
    parts.push(next.value.slice());
    bytes += next.value.length;
    if (bytes > inMemoryBytesMax) return { bytes: concatBytes(parts), isWhole: false };
  }
}

/** Under a name of our own. */
async function onDisk<T>(
  stream: AsyncIterable<Bytes>,
  staging: string,
  body: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(staging, "large-"));
  try {
    const path = join(folder, "object");
    const file = await open(path, "wx", 0o600);
    try {
      let bytes = 0;
      for await (const part of stream) {
        bytes += part.length;
        if (bytes > objectBytesMax) throw new ScansealError("limit-length", "an object of more than 4 GiB");
        for (let at = 0; at < part.length; ) at += (await file.write(part, at)).bytesWritten;
      }
    } catch (error) {
      throw error instanceof ScansealError ? error : ioError(error);
    } finally {
      await file.close();
    }
    const source = await openFileSource(path);
    return await body(source).finally(() => source.close());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function ioError(cause: unknown): ScansealError {
  const { code } = cause as NodeJS.ErrnoException;
  return new ScansealError("io", `it cannot be read or unpacked (${code ?? "unknown error"})`, { cause });
}
