/** "Verifying a whole log" of spec/transparency-log.md: every entry, every tile, the root. */
import { type Bytes, equalBytes } from "../../../foundation/bytes.ts";
import { entriesOf } from "./entry-bundle.ts";
import { malformed } from "./log-text.ts";
import type { TreeHead } from "./merkle-proof.ts";
import { hashesOf, tilesOf, tileWidth } from "./tile.ts";
import { type HashTile, TreeBuilder } from "./tree-builder.ts";
import type { TreeHasher } from "./tree-hasher.ts";
import type { ReadTile } from "./tree-reader.ts";

/**
 * Reads everything once, in memory of a few tiles.
 * @param head of a checkpoint that was verified
 * @param onEntry called for each entry in order; the bytes are valid during the call
 * @throws ScansealError `log-structure` at the first thing that does not fit; `io`
 */
export async function verifyWholeLog(
  head: TreeHead,
  read: ReadTile,
  hasher: TreeHasher,
  onEntry: (entry: Bytes, index: number) => void,
): Promise<void> {
  const builder = new TreeBuilder(hasher);
  const { full, partialWidth } = tilesOf(0, head.size);
  for (let index = 0; index * tileWidth < head.size; index++) {
    const width = index < full ? tileWidth : partialWidth;
    // 2. Bundles.
    const bundle = await read({ level: "entries", index, width });
    const entries = entriesOf(bundle, width);
    if (entries.length !== width)
      malformed(`entry bundle ${index} has ${entries.length} entries of ${width}`);
    const filled: HashTile[] = [];
    for (const entry of entries) {
      onEntry(entry, builder.size);
      filled.push(...builder.add(hasher.leaf(entry)));
    }
    // 3. Full tiles, of each level when it is full.
    for (const tile of filled) await requireTile(tile, read);
  }
  for (const tile of builder.partialTiles()) await requireTile(tile, read);
  // 4. The right edge.
  if (!equalBytes(builder.root(), head.root)) malformed("the entries do not give the checkpoint's root");
}

async function requireTile({ level, index, hashes }: HashTile, read: ReadTile): Promise<void> {
  const stored = hashesOf(await read({ level, index, width: hashes.length }), hashes.length);
  if (!stored.every((hash, i) => equalBytes(hash, hashes[i]!)))
    malformed(`tile ${level}/${index} does not fit the entries below it`);
}
