/** Bounded inflating of a deflated data set (PS3.5 annex A.5, RFC 1951). */
import { Z_BUF_ERROR, Z_NO_FLUSH, Z_OK, Z_STREAM_END, ZStream, zlibInflate, zlibInflateInit2 } from "pako";
import { type Bytes, concatBytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { inflatedBytesMax, inflateFreeBytes, inflateRatioMax } from "./limits.ts";

/** Output is taken in pieces, so that a bomb is met after at most one piece too many. */
const pieceBytes = 65_536;
/** zlib's way to say: raw deflate, 32 KiB window. */
const rawWindowBits = -15;

export class DataSetInflater {
  readonly #stream: ZStream = new ZStream();
  readonly #parts: Bytes[] = [];
  #size = 0;
  #taken = 0;
  #ended = false;
  #trailing = 0;

  constructor() {
    zlibInflateInit2(this.#stream, rawWindowBits);
  }

  /**
   * @throws ScansealError `deflate-invalid`, or `limit-inflate` over the ratio or size
   */
  push(bytes: Bytes): void {
    if (this.#ended) {
      this.#trailing += bytes.length;
      return;
    }
    const stream = this.#stream;
    stream.input = bytes;
    stream.next_in = 0;
    stream.avail_in = bytes.length;
    do {
      stream.output = new Uint8Array(pieceBytes);
      stream.next_out = 0;
      stream.avail_out = pieceBytes;
      const before = stream.avail_in;
      const status = zlibInflate(stream, Z_NO_FLUSH);
      if (status !== Z_OK && status !== Z_STREAM_END && status !== Z_BUF_ERROR) {
        throw new ScansealError("deflate-invalid", "the deflated data set cannot be inflated");
      }
      this.#taken += before - stream.avail_in;
      this.#keep(stream.output.subarray(0, stream.next_out));
      this.#ended = status === Z_STREAM_END;
    } while (!this.#ended && (stream.avail_in > 0 || stream.avail_out === 0));
    this.#trailing = stream.avail_in;
  }

  #keep(bytes: Bytes): void {
    this.#size += bytes.length;
    const allowed = Math.max(inflateFreeBytes, this.#taken * inflateRatioMax);
    if (this.#size > inflatedBytesMax || this.#size > allowed) {
      throw new ScansealError("limit-inflate", "the deflated data set inflates to more than is allowed");
    }
    if (bytes.length > 0) this.#parts.push(bytes);
  }

  /**
   * The inflated data set, and how many bytes followed the deflate stream (one pad byte is usual).
   * @throws ScansealError `truncated` when the stream has not ended
   */
  finish(): { bytes: Bytes; trailing: number } {
    if (!this.#ended) throw new ScansealError("truncated", "the deflated data set ends too soon");
    return { bytes: concatBytes(this.#parts), trailing: this.#trailing };
  }
}
