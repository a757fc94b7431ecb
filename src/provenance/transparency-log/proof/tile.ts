/** Tiles: 256 hashes of one level of the tree, and where they lie. https://c2sp.org/tlog-tiles */
import type { Bytes } from "../../../foundation/bytes.ts";
import { decimalOf, hashBytes, malformed } from "./log-text.ts";

/** Hashes, or entries, in a full tile. */
export const tileWidth = 256;
/** 2^53 entries need levels 0 to 6. */
export const tileLevels = 7;

export interface TileName {
  /** 0 to 6; `entries`: the bundle under a tile of level 0. */
  readonly level: number | "entries";
  readonly index: number;
  /** 1 to 256. */
  readonly width: number;
}

/** Relative, as in URLs: `tile/0/x001/234.p/17`. */
export function tilePath({ level, index, width }: TileName): string {
  const groups: string[] = [];
  let rest = index;
  do {
    groups.unshift(String(rest % 1000).padStart(3, "0"));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  const last = groups.pop()!;
  const number = [...groups.map((group) => `x${group}`), last].join("/");
  return `tile/${level}/${number}${width < tileWidth ? `.p/${width}` : ""}`;
}

/** The tile a path names; undefined for anything that is not the one way to write it. */
export function tileNameOf(path: string): TileName | undefined {
  const match = /^tile\/(entries|[0-6])\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(path);
  if (!match) return undefined;
  const index = Number(match[2]!.replace(/[x/]/g, ""));
  const width = match[3] === undefined ? tileWidth : decimalOf(match[3]);
  if (width === undefined || width < 1 || !Number.isSafeInteger(index)) return undefined;
  const name: TileName = { level: match[1] === "entries" ? "entries" : Number(match[1]), index, width };
  return tilePath(name) === path ? name : undefined;
}

/** Full tiles of a level in a tree of that size, and how wide the partial one after them is (0: there is none). */
export function tilesOf(
  level: number,
  size: number,
): { readonly full: number; readonly partialWidth: number } {
  const hashes = Math.floor(size / tileWidth ** level);
  return { full: Math.floor(hashes / tileWidth), partialWidth: hashes % tileWidth };
}

/** @throws ScansealError `log-structure` when the bytes are not `width` hashes */
export function hashesOf(bytes: Bytes, width: number): Bytes[] {
  if (bytes.length !== width * hashBytes) malformed(`a tile of ${width} hashes has ${bytes.length} bytes`);
  return Array.from({ length: width }, (_, i) => bytes.subarray(i * hashBytes, (i + 1) * hashBytes));
}
