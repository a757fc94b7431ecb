/** Hashes of the Merkle tree, RFC 6962 section 2.1. */
import type { Bytes } from "../../../foundation/bytes.ts";
import type { Crypto } from "../../../foundation/crypto.ts";

export class TreeHasher {
  readonly #crypto: Crypto;
  /** Hashing is synchronous: one buffer serves all. */
  readonly #pair: Bytes = new Uint8Array(65);

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
    this.#pair[0] = 1;
  }

  /** Of the tree without entries. */
  empty(): Bytes {
    return this.#crypto.hash("SHA-256", new Uint8Array(0));
  }

  leaf(entry: Bytes): Bytes {
    const input = new Uint8Array(entry.length + 1);
    input.set(entry, 1);
    return this.#crypto.hash("SHA-256", input);
  }

  /** @param left, right 32 bytes each */
  node(left: Bytes, right: Bytes): Bytes {
    this.#pair.set(left, 1);
    this.#pair.set(right, 33);
    return this.#crypto.hash("SHA-256", this.#pair);
  }

  /**
   * The root over hashes of the same height; the last one may be of a lower, incomplete tree: the split is the same.
   * @param hashes at least one
   */
  root(hashes: readonly Bytes[]): Bytes {
    let level = hashes;
    while (level.length > 1) level = this.parents(level);
    return level[0]!;
  }

  /** The next level of a tree; a last one without a sibling goes up as it is. */
  parents(level: readonly Bytes[]): Bytes[] {
    const above: Bytes[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(this.node(level[i]!, level[i + 1]!));
    if (level.length % 2 === 1) above.push(level.at(-1)!);
    return above;
  }
}
