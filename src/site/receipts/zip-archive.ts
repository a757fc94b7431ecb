/** Zip archives from strangers: looked through whole before anything is taken out; what is in them never names a path here. */
import { createReadStream } from "node:fs";
import { crc32 } from "node:zlib";
import yauzl from "yauzl";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** A thousand series; more is no study on a stick. */
const entriesMax = 200_000;
/** What one object may take, and what all may: a disk of a CD's or a stick's size. */
const entryBytesMax = 4 * 2 ** 30;
const totalBytesMax = 128 * 2 ** 30;
/** Images compress to a third; a bomb to a thousandth. Small archives may: a black picture does. */
const ratioMax = 100;
const freeBytes = 64 * 2 ** 20;
/** Unix: what kind of file an entry is stands in the upper half of its attributes (APPNOTE 4.4.15). */
const fileTypeMask = 0o170000;
const regularFile = 0o100000;
const madeByUnix = 3;
const stored = 0;
const deflated = 8;

export interface ZipEntry {
  /** For people: as in the archive. */
  readonly name: string;
  readonly bytes: number;
  /** Its content; the length is what was stated. @throws ScansealError `archive-invalid`, `io` */
  chunks(): AsyncGenerator<Bytes>;
}

export interface ZipArchive {
  readonly entries: readonly ZipEntry[];
  close(): void;
}

/** @throws ScansealError `archive-invalid` with the reason, `limit-inflate`, `io`; then nothing was taken out */
export async function openZip(path: string): Promise<ZipArchive> {
  const zip = await asArchive(() =>
    yauzl.openPromise(path, { lazyEntries: true, autoClose: false, strictFileNames: true }),
  );
  try {
    if (zip.entryCount > entriesMax) throw limit(`more than ${entriesMax} entries`);
    const found: yauzl.Entry[] = [];
    const names = new Set<string>();
    // yauzl refuses absolute names, drive letters, backslashes and `..`.
    await asArchive(async () => {
      for await (const entry of zip.eachEntry()) {
        requirePlain(entry, names);
        if (!entry.fileName.endsWith("/")) found.push(entry);
        if (found.length > entriesMax) throw limit(`more than ${entriesMax} entries`);
      }
    });
    requireBounds(found, zip.fileSize);
    requireApart(found);
    const entries = found.map((entry) => ({
      name: entry.fileName,
      bytes: entry.uncompressedSize,
      chunks: () => contentOf(zip, entry),
    }));
    return { entries, close: () => zip.close() };
  } catch (error) {
    zip.close();
    throw error;
  }
}

function requirePlain(entry: yauzl.Entry, names: Set<string>): void {
  const { fileName, versionMadeBy, externalFileAttributes, compressionMethod } = entry;
  // Systems differ in what they take for one name.
  const key = fileName.normalize("NFC").toLowerCase();
  if (names.has(key)) throw invalid("two entries have one name");
  names.add(key);
  if (fileName.includes("\0")) throw invalid("a name with NUL");
  if (fileName.endsWith("/")) return;
  const type = (externalFileAttributes >>> 16) & fileTypeMask;
  if (versionMadeBy >>> 8 === madeByUnix && type !== 0 && type !== regularFile)
    throw invalid("it holds a link or a device");
  if (entry.isEncrypted()) throw invalid("it is encrypted: unpack it with its password first");
  if (compressionMethod !== stored && compressionMethod !== deflated)
    throw invalid("compressed by another method than deflate");
}

function requireBounds(entries: readonly yauzl.Entry[], fileSize: number): void {
  let total = 0;
  let packed = 0;
  for (const { uncompressedSize, compressedSize } of entries) {
    if (uncompressedSize > entryBytesMax) throw limit("an entry of more than 4 GiB");
    total += uncompressedSize;
    packed += compressedSize;
  }
  if (total > totalBytesMax) throw limit("more than 128 GiB in all");
  // Entries that share their bytes: a bomb without a high ratio of its own.
  if (packed > fileSize) throw invalid("entries overlap");
  if (total > freeBytes && total > ratioMax * fileSize) throw limit(`expands more than ${ratioMax} times`);
}

/** Two entries in one place would be one object under two names. */
function requireApart(entries: readonly yauzl.Entry[]): void {
  const placed = entries.toSorted((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  let end = 0;
  for (const { relativeOffsetOfLocalHeader: offset, compressedSize } of placed) {
    if (offset < end) throw invalid("entries overlap");
    end = offset + compressedSize;
  }
}

async function* contentOf(zip: yauzl.ZipFile, entry: yauzl.Entry): AsyncGenerator<Bytes> {
  // yauzl ends the stream with an error at the first byte that is not as many as stated.
  const stream = await asArchive(() => zip.openReadStreamPromise(entry));
  let sum = 0;
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const next = await asArchive(() => chunks.next());
      if (next.done === true) break;
      sum = crc32(next.value, sum);
      yield next.value;
    }
  } finally {
    stream.destroy();
  }
  if (sum !== entry.crc32) throw invalid("an entry is damaged");
}

/** Zip's own words say what is wrong; they may quote a name. */
async function asArchive<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (cause instanceof ScansealError) throw cause;
    const { code, syscall, message } = cause as NodeJS.ErrnoException;
    if (syscall !== undefined)
      throw new ScansealError("io", `the archive cannot be read (${code ?? "unknown"})`, { cause });
    throw new ScansealError("archive-invalid", `the zip archive is refused: ${message}`, { cause });
  }
}

function invalid(why: string): ScansealError {
  return new ScansealError("archive-invalid", `the zip archive is refused: ${why}`);
}

function limit(why: string): ScansealError {
  return new ScansealError("limit-inflate", `the zip archive is refused: ${why}`);
}

/** By its first bytes: a local header, or the end of an empty archive. @throws ScansealError `io` */
export async function looksLikeZip(path: string): Promise<boolean> {
  try {
    for await (const chunk of createReadStream(path, { end: 3 }) as AsyncIterable<Uint8Array>) {
      const head = String.fromCharCode(...chunk);
      return head === "PK\u0003\u0004" || head === "PK\u0005\u0006";
    }
    return false;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ScansealError("io", `the file cannot be read (${code ?? "unknown"})`, { cause });
  }
}
