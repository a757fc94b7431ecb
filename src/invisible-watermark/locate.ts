/** Says which tiles were changed (spec/invisible-watermark.md, Locating). */
import type { Bytes } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import { tagBytes, takeCarriedBytes } from "./carriers.ts";
import { type Place, placesOf, type ReadMark } from "./check.ts";
import type { PlanarFrame } from "./frame.ts";
import { tagKey } from "./keys.ts";
import { isWellFormed, type Layout, layoutOf } from "./layout.ts";
import { contextOf, type MarkIdentity, startPayload } from "./payload.ts";
import { digestTiles, publishedDigestBytes, publishTileDigests, tagTiles } from "./tile-digests.ts";

export interface LocatingSource {
  /** Of the frame as it was marked, 8 bytes a tile. Whoever gives them has checked where they come from. */
  readonly tileDigests?: Bytes | undefined;
  /** The site's K_loc. */
  readonly locatorKey?: Bytes | undefined;
}

/**
 * What says which tiles are as they were: digests from outside, tags under the site's key, tags that anyone can make (they find accidents, not
 * forgers), or only the digests of superblocks, each some 4 x 4 tiles.
 */
export type LocatingBasis = "tile-digests" | "site-key" | "public-tags" | "superblocks";

/** Plain data. */
export interface ChangedPlaces {
  readonly basis: LocatingBasis;
  /** With the basis `superblocks`: only those that are known otherwise, from corrected shares and samples out of range. */
  readonly tiles: readonly Place[];
  readonly superblocks: readonly Place[];
}

/** @throws ScansealError `seal-structure` when there is not one tile digest for each tile */
export function locateChanges(mark: ReadMark, crypto: Crypto, source: LocatingSource = {}): ChangedPlaces {
  const { layout, tags, tileDigests } = mark;
  const changed = mark.suspectTiles.slice();
  let basis: LocatingBasis = "superblocks";
  if (source.tileDigests !== undefined) {
    // L1
    basis = "tile-digests";
    requireOnePerTile(source.tileDigests, layout);
    const now = publishTileDigests(tileDigests, tags, crypto);
    flagDifferences(now, source.tileDigests, publishedDigestBytes, changed);
  } else {
    // L2
    for (const { tagsBy, key } of possibleTagKeys(mark, source.locatorKey, crypto)) {
      const differing = new Uint8Array(layout.tiles.length);
      flagDifferences(tagTiles(tileDigests, key, crypto), tags, tagBytes, differing);
      if (!couldBeItsKey(differing, mark)) continue;
      basis = tagsBy;
      for (let i = 0; i < differing.length; i++) changed[i]! |= differing[i]!;
      break;
    }
  }
  return placesIn(layout, basis, changed, mark.damagedSuperblocks);
}

/**
 * L3. For a frame whose payload is destroyed, when a manifest says which frame it was and what its tile digests were. Changed shares cannot be told.
 * @returns undefined: a frame that cannot have been marked
 * @throws ScansealError `seal-structure` when there is not one tile digest for each tile, `usage` when the planes do not fit the frame
 */
export function locateWithoutPayload(
  frame: PlanarFrame,
  identity: MarkIdentity,
  tileDigests: Bytes,
  crypto: Crypto,
): ChangedPlaces | undefined {
  if (!isWellFormed(frame)) throw new ScansealError("usage", "planes that do not fit their frame");
  const layout = layoutOf(frame.width, frame.height, frame.colour);
  if (layout === undefined || frame.bits < 8 || frame.bits > 16) return undefined;
  requireOnePerTile(tileDigests, layout);
  const context = contextOf(startPayload(frame, layout, identity), crypto);
  const plane = frame.planes[layout.carrierPlane]!.slice();
  const { tags } = takeCarriedBytes(plane, layout);
  const digests = digestTiles(frame, plane, layout, context, crypto);
  const changed = new Uint8Array(layout.tiles.length);
  flagDifferences(publishTileDigests(digests, tags, crypto), tileDigests, publishedDigestBytes, changed);
  return placesIn(layout, "tile-digests", changed, new Uint8Array(layout.superblocks.length));
}

interface PossibleTagKey {
  readonly tagsBy: LocatingBasis;
  readonly key: Bytes | undefined;
}

/** Whether tags are keyed is the signer's word, or a forger's: then the site's key is tried whatever the payload says. */
function possibleTagKeys(
  { payload, isSigned, context }: ReadMark,
  locatorKey: Bytes | undefined,
  crypto: Crypto,
): PossibleTagKey[] {
  const possible: PossibleTagKey[] = [];
  if (locatorKey !== undefined && (payload.keyedTags || !isSigned)) {
    possible.push({ tagsBy: "site-key", key: tagKey(locatorKey, context, crypto) });
  }
  if (!payload.keyedTags) possible.push({ tagsBy: "public-tags", key: undefined });
  return possible;
}

/**
 * Another site's key gives other tags everywhere, and of a frame's tiles some are whole. A superblock that fits has the tags it was signed with; without
 * a valid signature a forger made it fit, with tags that have no key.
 */
function couldBeItsKey(differing: Uint8Array, { layout, damagedSuperblocks, isSigned }: ReadMark): boolean {
  if (layout.tiles.length > 1 && differing.every((flag) => flag === 1)) return false;
  if (!isSigned) return true;
  return differing.every((flag, i) => flag === 0 || damagedSuperblocks[layout.superblockOfTile[i]!] === 1);
}

function requireOnePerTile(tileDigests: Bytes, { tiles }: Layout): void {
  if (tileDigests.length !== publishedDigestBytes * tiles.length) {
    throw new ScansealError("seal-structure", "not one tile digest for each tile");
  }
}

/** Flags the tiles whose `size` bytes differ. */
function flagDifferences(a: Bytes, b: Bytes, size: number, flags: Uint8Array): void {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) flags[Math.floor(i / size)] = 1;
}

function placesIn(
  layout: Layout,
  basis: LocatingBasis,
  tiles: Uint8Array,
  damagedSuperblocks: Uint8Array,
): ChangedPlaces {
  const superblocks = damagedSuperblocks.slice();
  for (let i = 0; i < tiles.length; i++) if (tiles[i]) superblocks[layout.superblockOfTile[i]!] = 1;
  return {
    basis,
    tiles: placesOf(tiles, layout.tiles),
    superblocks: placesOf(superblocks, layout.superblocks),
  };
}
