/** A file to be judged or sealed: small ones are read at once, large ones by ranges. */
import { type ByteSource, MemorySource } from "../foundation/byte-source.ts";
import { openFileSource } from "../platform/node/file-source.ts";

/** A slice, a radiograph, a mammogram; what is larger is streamed, so that memory stays bounded. */
const readWholeBytesMax = 32 << 20;

/** @throws ScansealError `io`, and what `body` throws */
export async function withFile<T>(path: string, body: (source: ByteSource) => Promise<T>): Promise<T> {
  const file = await openFileSource(path);
  try {
    const whole = file.size <= readWholeBytesMax;
    return await body(whole ? new MemorySource(await file.read(0, file.size)) : file);
  } finally {
    await file.close();
  }
}
