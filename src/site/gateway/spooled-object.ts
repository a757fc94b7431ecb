/** An object where the spool keeps it: small ones are read at once, large ones by ranges. */
import { type ByteSource, MemorySource } from "../../foundation/byte-source.ts";
import { openExtents, readSmallExtents } from "../../platform/node/extents-source.ts";
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
  const bytes = readSmallExtents(extents, readWholeBytesMax, (size) => buffer.take(size));
  if (bytes) return body(new MemorySource(bytes)).finally(() => buffer.giveBack(bytes));
  const source = await openExtents(extents);
  try {
    return await body(source);
  } finally {
    await source.close();
  }
}
