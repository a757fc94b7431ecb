/** Where bytes come from: memory, a file, a Blob. Bulk values stay references into a source. */
import type { Bytes } from "./bytes.ts";
import { ScansealError } from "./errors.ts";

export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /**
   * Exactly `length` bytes at `offset`. The result may share memory with the source and is only read.
   * @throws ScansealError `io` when the range cannot be read whole
   */
  read(offset: number, length: number): Promise<Bytes>;
  /** For `readChunks`, where a source can do it with less memory and waiting than range by range. */
  chunks?(offset: number, length: number): AsyncIterable<Bytes>;
}

/** 1 MiB: large enough that calls cost nothing beside hashing, small enough for 150 MB in all. */
export const chunkBytes: number = 1 << 20;

export class MemorySource implements ByteSource {
  readonly bytes: Bytes;

  constructor(bytes: Bytes) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  async read(offset: number, length: number): Promise<Bytes> {
    if (offset < 0 || length < 0 || offset + length > this.bytes.length) {
      throw new ScansealError("io", "range outside the source", { offset });
    }
    return this.bytes.subarray(offset, offset + length);
  }
}

/**
 * The range in pieces of at most `chunkBytes`; a memory source gives it in one piece. A piece is valid until the next one is asked for:
 * whoever keeps it makes a copy.
 */
export async function* readChunks(source: ByteSource, offset: number, length: number): AsyncGenerator<Bytes> {
  if (source instanceof MemorySource) {
    if (length > 0) yield await source.read(offset, length);
    return;
  }
  if (source.chunks) {
    yield* source.chunks(offset, length);
    return;
  }
  for (let at = offset; at < offset + length; at += chunkBytes) {
    yield await source.read(at, Math.min(chunkBytes, offset + length - at));
  }
}
