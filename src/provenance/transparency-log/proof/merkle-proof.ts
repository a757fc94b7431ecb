/** Where a proof's path leads. RFC 9162 sections 2.1.3.2 and 2.1.4.2; the same proofs as RFC 6962's. */
import { type Bytes, equalBytes } from "../../../foundation/bytes.ts";
import { hashBytes } from "./log-text.ts";
import type { TreeHasher } from "./tree-hasher.ts";

function isCount(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}

const half = (n: number): number => Math.floor(n / 2);

/**
 * The root that a leaf's path leads to; undefined when the path has not the length that index and size require.
 * @param leafHash 32 bytes
 */
export function inclusionRoot(
  index: number,
  size: number,
  leafHash: Bytes,
  path: readonly Bytes[],
  hasher: TreeHasher,
): Bytes | undefined {
  if (!isCount(index) || !isCount(size) || index >= size || leafHash.length !== hashBytes) return undefined;
  let node = index;
  let last = size - 1;
  let root = leafHash;
  for (const hash of path) {
    if (hash.length !== hashBytes || last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      root = hasher.node(hash, root);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      root = hasher.node(root, hash);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 ? root : undefined;
}

export interface TreeHead {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Bytes;
}

/**
 * True when the newer tree begins with all of the older one. Never from size 0: every tree is consistent with the empty one, which proves nothing
 * about a log that showed something before.
 */
export function isConsistent(
  older: TreeHead,
  newer: TreeHead,
  path: readonly Bytes[],
  hasher: TreeHasher,
): boolean {
  if (!isCount(older.size) || !isCount(newer.size) || older.size < 1 || older.size > newer.size) return false;
  if ([older.root, newer.root, ...path].some((hash) => hash.length !== hashBytes)) return false;
  if (older.size === newer.size) return path.length === 0 && equalBytes(older.root, newer.root);
  let node = older.size - 1;
  let last = newer.size - 1;
  while (node % 2 === 1) {
    node = half(node);
    last = half(last);
  }
  // A full tree of a power of two is a node of the newer one: its root is where the path begins.
  const [start, ...rest] = node === 0 ? [older.root, ...path] : path;
  if (start === undefined || path.length === 0) return false;
  let olderRoot = start;
  let newerRoot = start;
  for (const hash of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      olderRoot = hasher.node(hash, olderRoot);
      newerRoot = hasher.node(hash, newerRoot);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      newerRoot = hasher.node(newerRoot, hash);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && equalBytes(olderRoot, older.root) && equalBytes(newerRoot, newer.root);
}
