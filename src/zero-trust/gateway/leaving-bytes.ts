/** Bytes on their way out, hashed as they leave: the last piece comes only when they are those that were judged (scenario 47). */
import { type ByteSource, readChunks } from "../../foundation/byte-source.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** What was judged: length, and SHA-256 in hexadecimal. */
export interface JudgedBytes {
  readonly bytes: number;
  readonly digest: string;
}

export class LeavingBytes {
  isChanged = false;
  readonly #source: ByteSource;
  readonly #judged: JudgedBytes;
  readonly #crypto: Crypto;

  constructor(source: ByteSource, judged: JudgedBytes, crypto: Crypto) {
    this.#source = source;
    this.#judged = judged;
    this.#crypto = crypto;
  }

  /** @param from offset of the first byte that leaves @throws ScansealError `internal` when the bytes changed, `io` */
  async *pieces(from: number): AsyncGenerator<Bytes> {
    const { bytes, digest } = this.#judged;
    if (this.#source.size !== bytes) this.#stop();
    const hash = this.#crypto.createHash("SHA-256");
    let at = 0;
    for await (const piece of readChunks(this.#source, 0, bytes)) {
      hash.update(piece);
      const end = at + piece.length;
      if (end >= bytes && toHex(hash.digest()) !== digest) this.#stop();
      if (end > from) yield at >= from ? piece : piece.subarray(from - at);
      at = end;
    }
    if (at !== bytes) this.#stop();
  }

  #stop(): never {
    this.isChanged = true;
    throw new ScansealError("internal", "the kept bytes are not those that were judged");
  }
}
