/** Port: objects by content. No rename, no list, no conditional write, so that a bucket can stand behind it (DESIGN 5). */
import type { ByteSource } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";

/** An open object; close it. */
export interface OpenObject extends ByteSource {
  close(): Promise<void>;
}

export interface ObjectStore {
  /**
   * Durable before it resolves. Storing what is there already is fine. The content is hashed as it is written.
   * @param digest SHA-256 of the content, 64 lower-case hexadecimal digits: the key
   * @throws ScansealError `io`; `storage-full` without space or quota; `internal` when the content is not what the digest names: nothing is stored
   */
  put(digest: string, content: AsyncIterable<Bytes>): Promise<void>;
  /** @throws ScansealError `io` also when there is no such object */
  open(digest: string): Promise<OpenObject>;
  /** No error when it is not there. @throws ScansealError `io` */
  delete(digest: string): Promise<void>;
}
