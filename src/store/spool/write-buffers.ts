/** The memory between writers and disk: a fixed number of equal buffers, and writers that are asked to wait for them. */
import type { Bytes } from "../../foundation/bytes.ts";

/** Who holds a partly filled buffer, and can send it to the disk before it is full. */
export interface BufferHolder {
  flush(): void;
}

export class WriteBuffers {
  readonly bufferBytes: number;
  readonly #countMax: number;
  readonly #spare: Bytes[] = [];
  readonly #holders = new Set<BufferHolder>();
  readonly #waiting: (() => void)[] = [];
  #inUse = 0;

  constructor(bufferBytes: number, countMax: number) {
    this.bufferBytes = bufferBytes;
    this.#countMax = countMax;
  }

  /**
   * Always gives one, so that a writer can copy what it was handed; `roomAgain` tells it to wait before it comes back. Above the
   * number, the longest held partly filled buffer goes to the disk: hundreds of slow senders must not hold a buffer each. But not
   * where most are on their way to the disk already: their turn comes, and senders of tiny pieces would take each other's
   * buffers with a few bytes in them for ever.
   */
  take(holder: BufferHolder): Bytes {
    if (this.#inUse >= this.#countMax && 2 * this.#holders.size > this.#countMax) {
      const [oldest] = this.#holders;
      oldest?.flush();
    }
    this.#inUse++;
    this.#holders.add(holder);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.bufferBytes);
  }

  /** The holder's buffer is full: it waits for the disk now. */
  sent(holder: BufferHolder): void {
    this.#holders.delete(holder);
  }

  give(buffer: Bytes): void {
    this.#inUse--;
    if (this.#spare.length < this.#countMax) this.#spare.push(buffer);
    while (this.#waiting.length > 0 && this.#inUse <= this.#countMax) this.#waiting.shift()!();
  }

  /** Undefined while there is room. */
  roomAgain(): Promise<void> | undefined {
    // Not below it: the other buffers may all be held by senders that say nothing for a while.
    if (this.#inUse <= this.#countMax) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
