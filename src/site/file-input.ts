/** A file to be judged or sealed: small ones are read at once, large ones by ranges. */
import { type ByteSource, MemorySource } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { openFileSource, readSmallFile } from "../platform/node/file-source.ts";

/** A slice, a radiograph, a mammogram; what is larger is streamed, so that memory stays bounded. */
const readWholeBytesMax = 32 << 20;

/** Memory for one file after another: to take half a megabyte anew for each slice costs as much as to read it. */
export class FileBuffer {
  #bytes: Bytes | undefined;

  /** Nobody else gets it until it is given back. */
  take(size: number): Bytes {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    return (bytes && bytes.length >= size ? bytes : new Uint8Array(size)).subarray(0, size);
  }

  giveBack(bytes: Bytes): void {
    this.#bytes = new Uint8Array(bytes.buffer);
  }
}

/**
 * @param buffer to read small files into; what `body` gives back must hold none of the source's bytes then
 * @throws ScansealError `io`, and what `body` throws
 */
export async function withFile<T>(
  path: string,
  body: (source: ByteSource) => Promise<T>,
  buffer: FileBuffer = new FileBuffer(),
): Promise<T> {
  const bytes = readSmallFile(path, readWholeBytesMax, (size) => buffer.take(size));
  if (bytes) return body(new MemorySource(bytes)).finally(() => buffer.giveBack(bytes));
  const file = await openFileSource(path);
  try {
    return await body(file);
  } finally {
    await file.close();
  }
}
