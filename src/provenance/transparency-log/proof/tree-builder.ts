/** A tree that grows: what is kept of it is the partial tile of each level, from which its root and every later tile follow. */
import type { Bytes } from "../../../foundation/bytes.ts";
import { tileLevels, tileWidth } from "./tile.ts";
import type { TreeHasher } from "./tree-hasher.ts";

export interface HashTile {
  readonly level: number;
  readonly index: number;
  /** 1 to 256. */
  readonly hashes: readonly Bytes[];
}

export class TreeBuilder {
  readonly #hasher: TreeHasher;
  /** Of each level the hashes after its last full tile. */
  readonly #levels: Bytes[][];
  #size: number;

  /** @param levels of a tree of `size` entries: the partial tile of each level, as `partialTiles` gives them */
  constructor(hasher: TreeHasher, size = 0, levels: readonly (readonly Bytes[])[] = []) {
    this.#hasher = hasher;
    this.#size = size;
    this.#levels = Array.from({ length: tileLevels }, (_, level) => [...(levels[level] ?? [])]);
  }

  get size(): number {
    return this.#size;
  }

  /** @returns the tiles that this entry fills, the lowest first */
  add(leafHash: Bytes): HashTile[] {
    this.#size++;
    const full: HashTile[] = [];
    let hash = leafHash;
    for (let level = 0; level < tileLevels; level++) {
      const hashes = this.#levels[level]!;
      hashes.push(hash);
      if (hashes.length < tileWidth) break;
      full.push({ level, index: this.#size / tileWidth ** (level + 1) - 1, hashes });
      this.#levels[level] = [];
      hash = this.#hasher.root(hashes);
    }
    return full;
  }

  /** Those that are not full; none that is empty. */
  partialTiles(): HashTile[] {
    return this.#levels.flatMap((hashes, level) => {
      const index = Math.floor(this.#size / tileWidth ** (level + 1));
      return hashes.length === 0 ? [] : [{ level, index, hashes: [...hashes] }];
    });
  }

  root(): Bytes {
    let right: Bytes | undefined;
    for (const hashes of this.#levels) {
      const parts = right === undefined ? hashes : [...hashes, right];
      if (parts.length > 0) right = this.#hasher.root(parts);
    }
    return right ?? this.#hasher.empty();
  }
}
