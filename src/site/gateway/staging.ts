/** Where objects that were fetched for readers lie while they are examined and sent: files of the gateway alone, gone at the next start. */
import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Hash } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { openFileSource } from "../../platform/node/file-source.ts";
import { LeavingBytes } from "../../zero-trust/gateway/leaving-bytes.ts";
import type { StagedObject, Staging } from "../../zero-trust/gateway/reading/ports.ts";

export interface StagingLimits {
  /** Of one object. */
  readonly objectBytesMax: number;
  /** Of all that lie there. */
  readonly bytesMax: number;
}

export class StagingFolder implements Staging {
  readonly #folder: string;
  readonly #limits: StagingLimits;
  #bytes = 0;
  #count = 0;

  private constructor(folder: string, limits: StagingLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** What an earlier run left is removed. @throws ScansealError `io` */
  static async open(folder: string, limits: StagingLimits): Promise<StagingFolder> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const name of await readdir(folder))
        await rm(join(folder, name), { recursive: true, force: true });
    } catch (error) {
      throw failed(error);
    }
    return new StagingFolder(folder, limits);
  }

  async stage(content: AsyncIterable<Bytes>): Promise<StagedObject> {
    const path = join(this.#folder, `${this.#count++}.part`);
    const file = new StagedFile(path);
    let bytes = 0;
    const free = async (): Promise<void> => {
      this.#bytes -= bytes;
      bytes = 0;
      await rm(path, { force: true }).catch(() => undefined);
    };
    try {
      for await (const piece of content) {
        bytes += piece.length;
        this.#bytes += piece.length;
        this.#requireRoom(bytes);
        await file.write(piece);
      }
      const digest = await file.end();
      return staged(path, { bytes, digest }, free);
    } catch (error) {
      await file.discard();
      await free();
      throw error;
    }
  }

  #requireRoom(bytes: number): void {
    const { objectBytesMax, bytesMax } = this.#limits;
    if (bytes > objectBytesMax)
      throw new ScansealError("limit-length", "the object is larger than this gateway takes");
    if (this.#bytes > bytesMax)
      throw new ScansealError("storage-full", "too much lies in the readers' staging folder");
  }
}

function staged(
  path: string,
  judged: { readonly bytes: number; readonly digest: string },
  free: () => Promise<void>,
): StagedObject {
  const { bytes, digest } = judged;
  return {
    extents: [{ path, offset: 0, length: bytes }],
    bytes,
    digest,
    free,
    async *read(offset = 0) {
      const source = await openFileSource(path, false);
      try {
        yield* new LeavingBytes(source, judged, nodeCrypto).pieces(offset);
      } finally {
        await source.close();
      }
    },
  };
}

/** A file as it is written, and its SHA-256. Not durable: whoever needs it again fetches it again. */
class StagedFile {
  readonly #stream: WriteStream;
  readonly #hash: Hash = nodeCrypto.createHash("SHA-256");
  #failure: unknown;

  constructor(path: string) {
    this.#stream = createWriteStream(path, { flags: "wx", mode: 0o600 });
    this.#stream.on("error", (error) => {
      this.#failure ??= error;
    });
  }

  async write(piece: Bytes): Promise<void> {
    this.#hash.update(piece);
    await this.#settled((done) => this.#stream.write(piece, done));
  }

  /** @returns hexadecimal */
  async end(): Promise<string> {
    await this.#settled((done) => this.#stream.end(done));
    return toHex(this.#hash.digest());
  }

  async #settled(act: (done: (error?: Error | null) => void) => void): Promise<void> {
    try {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve, reject) => act((error) => (error ? reject(error) : resolve())));
      if (this.#failure) throw this.#failure;
    } catch (error) {
      throw failed(error);
    }
  }

  async discard(): Promise<void> {
    if (this.#stream.closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stream.once("close", resolve);
    this.#stream.destroy();
    await promise;
  }
}

function failed(cause: unknown): ScansealError {
  const { code = "unknown" } = (cause ?? {}) as NodeJS.ErrnoException;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new ScansealError(isFull ? "storage-full" : "io", `the readers' staging folder fails (${code})`, {
    cause,
  });
}
