/** Bytes that have arrived and are not yet read: one buffer that grows as they come, never by what a header claims. */
import type { Bytes } from "../foundation/bytes.ts";

const firstBytes = 4096;

export class ArrivedBytes {
  #buffer: Bytes = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(bytes: Bytes): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      // Doubling: a value that arrives byte by byte costs no more than one that arrives whole.
      const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length, firstBytes));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }

  /** All of it; the buffer is given away. */
  take(): Bytes {
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#buffer = new Uint8Array(0);
    this.#length = 0;
    return bytes;
  }
}
