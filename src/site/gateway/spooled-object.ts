/** An object where the spool keeps it: small ones are read at once, large ones by ranges. */
import { closeSync, openSync, readSync } from "node:fs";
import { type ByteSource, MemorySource } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { FileExtent } from "../../store/spool/spool.ts";
import { FileBuffer } from "../file-input.ts";

/** A slice, a radiograph, a mammogram; what is larger is streamed, so that memory stays bounded. */
const readWholeBytesMax = 32 << 20;

/** Of one thread: objects follow each other. */
const buffer = new FileBuffer();

/**
 * What `body` gives back must hold none of the source's bytes.
 * @throws ScansealError `io`, and what `body` throws
 */
export async function withExtents<T>(
  extents: readonly FileExtent[],
  body: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const size = extents.reduce((sum, { length }) => sum + length, 0);
  if (size > readWholeBytesMax) throw new ScansealError("unsupported", "not yet");
  const bytes = buffer.take(size);
  let at = 0;
  for (const extent of extents) {
    readExtent(extent, bytes.subarray(at, at + extent.length));
    at += extent.length;
  }
  return body(new MemorySource(bytes)).finally(() => buffer.giveBack(bytes));
}

/** The thread waits: asynchronous calls take five times as long for a slice from the page cache. */
function readExtent({ path, offset }: FileExtent, into: Bytes): void {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    for (let done = 0; done < into.length; ) {
      const bytesRead = readSync(file, into, done, into.length - done, offset + done);
      if (bytesRead === 0) throw new ScansealError("io", "the spool became shorter while it was read");
      done += bytesRead;
    }
  } catch (error) {
    if (error instanceof ScansealError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new ScansealError("io", `the spool cannot be read (${code})`, { cause: error });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
