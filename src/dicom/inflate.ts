/** Bounded inflating of a deflated data set (PS3.5 annex A.5, RFC 1951). */
import { Z_BUF_ERROR, Z_NO_FLUSH, Z_OK, Z_STREAM_END, ZStream, zlibInflate, zlibInflateInit2 } from "pako";
import type { ByteSource } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { inflatedBytesMax, inflateFreeBytes, inflateRatioMax } from "./limits.ts";

/** Output is taken in pieces, so that a bomb is met after at most one piece too many and nothing is ever joined. */
const pieceBytes = 1 << 18;
/** zlib's way to say: raw deflate, 32 KiB window. */
const rawWindowBits = -15;

/** The inflated data set: pieces of `pieceBytes`, the last one shorter. */
class InflatedSource implements ByteSource {
  readonly size: number;
  readonly #pieces: readonly Bytes[];

  constructor(pieces: readonly Bytes[], size: number) {
    this.#pieces = pieces;
    this.size = size;
  }

  /** As `read`, at once. */
  window(offset: number, length: number): Bytes {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw new ScansealError("io", "range outside the source", { offset });
    }
    const index = Math.floor(offset / pieceBytes);
    const start = offset - index * pieceBytes;
    if (start + length <= pieceBytes)
      return this.#pieces[index]?.subarray(start, start + length) ?? new Uint8Array(0);
    const out = new Uint8Array(length);
    for (let at = 0, piece = index, from = start; at < length; piece++, from = 0) {
      const part = this.#pieces[piece]!.subarray(from, from + length - at);
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  async read(offset: number, length: number): Promise<Bytes> {
    return this.window(offset, length);
  }
}

export class DataSetInflater {
  readonly #stream: ZStream = new ZStream();
  readonly #pieces: Bytes[] = [];
  /** Output before the piece that is being filled. */
  #filled = 0;
  #taken = 0;
  #ended = false;
  #trailing = 0;
  #trailingZero = true;

  constructor() {
    zlibInflateInit2(this.#stream, rawWindowBits);
    this.#startPiece();
  }

  #startPiece(): void {
    this.#stream.output = new Uint8Array(pieceBytes);
    this.#stream.next_out = 0;
    this.#stream.avail_out = pieceBytes;
  }

  /**
   * @throws ScansealError `deflate-invalid`, or `limit-inflate` over the ratio or size
   */
  push(bytes: Bytes): void {
    if (this.#ended) {
      this.#noteTrailing(bytes);
      return;
    }
    const stream = this.#stream;
    stream.input = bytes;
    stream.next_in = 0;
    stream.avail_in = bytes.length;
    do {
      if (stream.avail_out === 0) {
        this.#pieces.push(stream.output as Bytes);
        this.#filled += pieceBytes;
        this.#startPiece();
      }
      const before = stream.avail_in;
      const status = zlibInflate(stream, Z_NO_FLUSH);
      if (status !== Z_OK && status !== Z_STREAM_END && status !== Z_BUF_ERROR) {
        throw new ScansealError("deflate-invalid", "the deflated data set cannot be inflated");
      }
      this.#taken += before - stream.avail_in;
      this.#checkSize();
      this.#ended = status === Z_STREAM_END;
    } while (!this.#ended && (stream.avail_in > 0 || stream.avail_out === 0));
    if (this.#ended) this.#noteTrailing(bytes.subarray(bytes.length - stream.avail_in));
  }

  #noteTrailing(bytes: Bytes): void {
    this.#trailing += bytes.length;
    this.#trailingZero &&= bytes.every((byte) => byte === 0);
  }

  #checkSize(): void {
    const size = this.#filled + this.#stream.next_out;
    const allowed = Math.max(inflateFreeBytes, this.#taken * inflateRatioMax);
    if (size > inflatedBytesMax || size > allowed) {
      throw new ScansealError("limit-inflate", "the deflated data set inflates to more than is allowed");
    }
  }

  /**
   * The inflated data set, and how many bytes followed the deflate stream beyond one NUL of padding to even length.
   * @throws ScansealError `truncated` when the stream has not ended
   */
  finish(): { source: InflatedSource; trailing: number } {
    if (!this.#ended) throw new ScansealError("truncated", "the deflated data set ends too soon");
    const last = (this.#stream.output as Bytes).subarray(0, this.#stream.next_out);
    const padded = this.#trailing === 1 && this.#trailingZero && this.#taken % 2 === 1;
    return {
      source: new InflatedSource([...this.#pieces, last], this.#filled + last.length),
      trailing: padded ? 0 : this.#trailing,
    };
  }
}
