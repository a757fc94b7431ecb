/** The log's tree while it grows: its right edge, and the tiles that are still to be written. */
import { type Bytes, concatBytes, equalBytes } from "../../../foundation/bytes.ts";
import { encodeBundle, entriesOf } from "../proof/entry-bundle.ts";
import type { TreeHead } from "../proof/merkle-proof.ts";
import { hashesOf, tileLevels, tilesOf, tileWidth } from "../proof/tile.ts";
import { type HashTile, TreeBuilder } from "../proof/tree-builder.ts";
import type { TreeHasher } from "../proof/tree-hasher.ts";
import type { NewTile, TileFolder } from "./tile-folder.ts";

export interface TreeSnapshot extends TreeHead {
  /** Everything that the tiles of the last published head do not hold. */
  readonly tiles: readonly NewTile[];
}

export class GrowingTree {
  readonly #hasher: TreeHasher;
  readonly #builder: TreeBuilder;
  /** Entries after the last full bundle. */
  #bundle: Bytes[];
  /** Full, and not known to be durable. */
  #full: NewTile[] = [];

  private constructor(hasher: TreeHasher, builder: TreeBuilder, bundle: Bytes[]) {
    this.#hasher = hasher;
    this.#builder = builder;
    this.#bundle = bundle;
  }

  /**
   * From the right edge in the tiles.
   * @throws ScansealError `io`, `log-structure` when tiles are missing or are none
   */
  static async read(size: number, tiles: TileFolder, hasher: TreeHasher): Promise<GrowingTree> {
    const levels: Bytes[][] = [];
    for (let level = 0; level < tileLevels; level++) {
      const { full, partialWidth: width } = tilesOf(level, size);
      const bytes = width === 0 ? undefined : await tiles.require({ level, index: full, width });
      levels.push(bytes ? hashesOf(bytes, width) : []);
    }
    const { full, partialWidth: width } = tilesOf(0, size);
    const bundle = width === 0 ? undefined : await tiles.require({ level: "entries", index: full, width });
    const entries = bundle ? entriesOf(bundle, width) : [];
    const tree = new GrowingTree(hasher, new TreeBuilder(hasher, size, levels), entries);
    tree.#isWhole =
      entries.length === width && entries.every((entry, i) => equalBytes(hasher.leaf(entry), levels[0]![i]!));
    return tree;
  }

  #isWhole = true;

  /** True when the right edge gives this head, and the last bundle the last hashes. */
  matches({ size, root }: TreeHead): boolean {
    return this.#isWhole && this.#builder.size === size && equalBytes(this.#builder.root(), root);
  }

  get size(): number {
    return this.#builder.size;
  }

  add(entry: Bytes): void {
    // A copy: a view would keep all of the request, or of the journal's row, that it came in.
    this.#bundle.push(new Uint8Array(entry));
    for (const tile of this.#builder.add(this.#hasher.leaf(entry))) this.#full.push(newTile(tile));
    if (this.#bundle.length < tileWidth) return;
    this.#full.push(bundleTile(this.#bundle, this.#builder.size));
    this.#bundle = [];
  }

  snapshot(): TreeSnapshot {
    const partial = this.#builder.partialTiles().map(newTile);
    if (this.#bundle.length > 0) partial.push(bundleTile(this.#bundle, this.#builder.size));
    return { size: this.size, root: this.#builder.root(), tiles: [...this.#full, ...partial] };
  }

  /** The snapshot's tiles are durable. */
  forget({ tiles }: TreeSnapshot): void {
    const durable = new Set(tiles);
    this.#full = this.#full.filter((tile) => !durable.has(tile));
  }
}

function newTile({ level, index, hashes }: HashTile): NewTile {
  return { name: { level, index, width: hashes.length }, bytes: concatBytes(hashes) };
}

function bundleTile(entries: readonly Bytes[], size: number): NewTile {
  const index = Math.floor((size - 1) / tileWidth);
  return { name: { level: "entries", index, width: entries.length }, bytes: encodeBundle(entries) };
}
