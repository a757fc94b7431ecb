import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasher, plainRoot, sampleEntry, tilesIn } from "../../../../test/transparency-log/memory-log.ts";
import { equalBytes, toHex } from "../../../foundation/bytes.ts";
import { inclusionRoot, isConsistent } from "./merkle-proof.ts";
import { TreeBuilder } from "./tree-builder.ts";
import { TreeReader } from "./tree-reader.ts";

const entries = Array.from({ length: 1500 }, (_, n) => sampleEntry(n));
const leaves = entries.map((entry) => hasher.leaf(entry));
const readerOf = (size: number) => new TreeReader(size, tilesIn(entries.slice(0, size)), hasher);
const rootOf = (size: number) => plainRoot(leaves.slice(0, size));

/** Around the widths of tiles, and anything. */
const sizes = fc.oneof(
  fc.constantFrom(1, 2, 3, 255, 256, 257, 511, 512, 513, 1024),
  fc.integer({ min: 1, max: 1500 }),
);

describe("tree", () => {
  it("has RFC 6962's root, built entry by entry or read from tiles", async () => {
    const builder = new TreeBuilder(hasher);
    expect(toHex(builder.root())).toBe(toHex(rootOf(0)));
    for (let size = 1; size <= 1500; size++) {
      builder.add(leaves[size - 1]!);
      if (size < 70 || size % 97 === 0 || size % 256 < 3) {
        expect(equalBytes(builder.root(), rootOf(size))).toBe(true);
        expect(equalBytes(await readerOf(size).root(), rootOf(size))).toBe(true);
      }
    }
  });

  it("goes on from its partial tiles", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, sizes, async (first, more) => {
        const one = new TreeBuilder(hasher);
        for (const leaf of leaves.slice(0, first)) one.add(leaf);
        const levels: Uint8Array[][] = [];
        for (const { level, hashes } of one.partialTiles()) levels[level] = [...hashes];
        const two = new TreeBuilder(hasher, first, levels);
        const size = Math.min(1500, first + more);
        for (const leaf of leaves.slice(first, size)) two.add(leaf);
        expect(equalBytes(two.root(), rootOf(size))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe("inclusion", () => {
  it("leads from every entry of a small tree to its root, and from no other", async () => {
    for (let size = 1; size <= 33; size++) {
      for (let index = 0; index < size; index++) {
        const path = await readerOf(size).inclusionPath(index);
        expect(toHex(inclusionRoot(index, size, leaves[index]!, path, hasher)!)).toBe(toHex(rootOf(size)));
        for (const other of [index - 1, index + 1, size]) {
          const reached = inclusionRoot(other, size, leaves[index]!, path, hasher);
          expect(reached && equalBytes(reached, rootOf(size))).not.toBe(true);
        }
      }
    }
  });

  it("takes no path of another length, size, leaf or with a changed bit", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), fc.nat(255), async (size, at, where, bit) => {
        const index = at % size;
        const path = await readerOf(size).inclusionPath(index);
        const root = rootOf(size);
        const reaches = (...given: Parameters<typeof inclusionRoot>): boolean => {
          const reached = inclusionRoot(...given);
          return reached !== undefined && equalBytes(reached, root);
        };
        expect(reaches(index, size, leaves[index]!, path, hasher)).toBe(true);
        expect(reaches(index, size, leaves[index]!, [...path, root], hasher)).toBe(false);
        expect(reaches(index, size, leaves[index]!, [root, ...path], hasher)).toBe(false);
        expect(reaches(index, size, hasher.leaf(root), path, hasher)).toBe(false);
        if (path.length === 0) return;
        expect(reaches(index, size, leaves[index]!, path.slice(1), hasher)).toBe(false);
        const changed = path.map((hash) => new Uint8Array(hash));
        changed[where % path.length]![bit >> 3]! ^= 1 << (bit & 7);
        expect(reaches(index, size, leaves[index]!, changed, hasher)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

describe("consistency", () => {
  it("of every pair of small trees, and of no other pair", async () => {
    for (let newer = 1; newer <= 20; newer++) {
      for (let older = 1; older <= newer; older++) {
        const path = await readerOf(newer).consistencyPath(older);
        const heads = [
          { size: older, root: rootOf(older) },
          { size: newer, root: rootOf(newer) },
        ] as const;
        expect(isConsistent(...heads, path, hasher)).toBe(true);
        for (const size of [older - 1, older + 1]) {
          expect(isConsistent({ ...heads[0], size }, heads[1], path, hasher)).toBe(false);
        }
        expect(isConsistent(heads[0], heads[1], [...path, heads[0].root], hasher)).toBe(false);
        if (older < newer) expect(isConsistent(heads[1], heads[0], path, hasher)).toBe(false);
      }
    }
  });

  it("is nothing that the empty tree has", () => {
    const empty = { size: 0, root: hasher.empty() };
    expect(isConsistent(empty, { size: 5, root: rootOf(5) }, [], hasher)).toBe(false);
    expect(isConsistent(empty, empty, [], hasher)).toBe(false);
  });

  it("takes no path with a changed bit or a changed root", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, sizes, fc.nat(), fc.nat(255), async (a, b, where, bit) => {
        const older = { size: Math.min(a, b), root: rootOf(Math.min(a, b)) };
        const newer = { size: Math.max(a, b), root: rootOf(Math.max(a, b)) };
        const path = await readerOf(newer.size).consistencyPath(older.size);
        expect(isConsistent(older, newer, path, hasher)).toBe(true);
        const all = [older.root, newer.root, ...path].map((hash) => new Uint8Array(hash));
        all[where % all.length]![bit >> 3]! ^= 1 << (bit & 7);
        const [oldRoot, newRoot, ...rest] = all;
        const bad = isConsistent({ ...older, root: oldRoot! }, { ...newer, root: newRoot! }, rest, hasher);
        expect(bad).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});
