/** Proofs and roots from tiles: what a log server does not compute for anybody. */
import type { Bytes } from "../../../foundation/bytes.ts";
import { hashesOf, type TileName, tilesOf, tileWidth } from "./tile.ts";
import type { TreeHasher } from "./tree-hasher.ts";

/** Gives a tile's bytes; of a partial one that is no longer there, the beginning of the full one. @throws ScansealError `io` */
export type ReadTile = (name: TileName) => Promise<Bytes>;

/** [from, to) of entries. */
type Range = readonly [from: number, to: number];

/** The tree of `size` entries behind a checkpoint; tiles are read when they are needed, and kept. */
export class TreeReader {
  readonly #size: number;
  readonly #read: ReadTile;
  readonly #hasher: TreeHasher;
  readonly #tiles = new Map<string, Promise<readonly Bytes[]>>();

  /** @param read whatever it gives is believed only after the proof made of it was verified */
  constructor(size: number, read: ReadTile, hasher: TreeHasher) {
    this.#size = size;
    this.#read = read;
    this.#hasher = hasher;
  }

  /** The root of the first `size` entries. @throws ScansealError `log-structure`, `io` */
  async root(size: number = this.#size): Promise<Bytes> {
    return size === 0 ? this.#hasher.empty() : await this.#hashOf([0, size]);
  }

  /** The leaf hash of an entry, as its tile has it. @param index below the size @throws ScansealError `log-structure`, `io` */
  leafAt(index: number): Promise<Bytes> {
    return this.#node(0, index);
  }

  /** RFC 6962 section 2.1.1, from the leaf upwards. @param index below the size @throws ScansealError `log-structure`, `io` */
  inclusionPath(index: number, size: number = this.#size): Promise<Bytes[]> {
    const ranges: Range[] = [];
    let from = 0;
    let to = size;
    while (to - from > 1) {
      const middle = from + splitOf(to - from);
      ranges.unshift(index < middle ? [middle, to] : [from, middle]);
      if (index < middle) to = middle;
      else from = middle;
    }
    return Promise.all(ranges.map((range) => this.#hashOf(range)));
  }

  /** RFC 6962 section 2.1.2. @param older at least 1, at most the size @throws ScansealError `log-structure`, `io` */
  consistencyPath(older: number, newer: number = this.#size): Promise<Bytes[]> {
    const ranges: Range[] = [];
    let from = 0;
    let to = newer;
    // The older tree's right edge is followed until it is a whole node of the newer one.
    while (older < to) {
      const middle = from + splitOf(to - from);
      ranges.unshift(older <= middle ? [middle, to] : [from, middle]);
      if (older <= middle) to = middle;
      else from = middle;
    }
    // Its own root is known to whoever asks.
    if (from > 0) ranges.unshift([from, to]);
    return Promise.all(ranges.map((range) => this.#hashOf(range)));
  }

  /** Of a range that is a node of some tree: it begins where a whole subtree of its height does. */
  async #hashOf([from, to]: Range): Promise<Bytes> {
    const parts: Promise<Bytes>[] = [];
    for (let at = from; at < to; ) {
      let height = 0;
      while (at % 2 ** (height + 1) === 0 && at + 2 ** (height + 1) <= to) height++;
      parts.push(this.#node(height, at / 2 ** height));
      at += 2 ** height;
    }
    const hashes = await Promise.all(parts);
    return hashes.reduceRight((right, left) => this.#hasher.node(left, right));
  }

  /** The root of entries index * 2^height up to the next multiple. */
  async #node(height: number, index: number): Promise<Bytes> {
    const level = Math.floor(height / 8);
    const width = 2 ** (height % 8);
    const first = index * width;
    const tile = await this.#tile(level, Math.floor(first / tileWidth));
    return this.#hasher.root(tile.slice(first % tileWidth, (first % tileWidth) + width));
  }

  #tile(level: number, index: number): Promise<readonly Bytes[]> {
    const { full, partialWidth } = tilesOf(level, this.#size);
    const width = index < full ? tileWidth : partialWidth;
    const key = `${level}/${index}`;
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = this.#read({ level, index, width }).then((bytes) => hashesOf(bytes, width));
      this.#tiles.set(key, tile);
    }
    return tile;
  }
}

/** The largest power of two below `count`. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}
