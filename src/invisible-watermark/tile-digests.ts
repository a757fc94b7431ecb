/** Digests of tiles, superblocks and the frame, and the tags of tiles (spec/invisible-watermark.md, Digests). */
import { type Bytes, viewOf } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import { tagBytes } from "./carriers.ts";
import type { PlanarFrame, Rectangle } from "./frame.ts";
import { carrierPlaneOf, type Layout } from "./layout.ts";

export const digestBytes = 32;

/** Bytes of a tile digest outside of the frame (container xx03). */
export const publishedDigestBytes = 8;

/** What a digest begins with: no input of one kind is one of another. */
const tileKind = 0;
const superblockKind = 1;
const rootKind = 2;
const publishedKind = 3;

const contextBytesOfTile = 16;
const tileHeadBytes: number = 1 + contextBytesOfTile + 4;

function sampleBytes(bits: number): 1 | 2 {
  return bits <= 8 ? 1 : 2;
}

/**
 * D1. D_i of every tile, 32 bytes each: its samples, plane after plane, row after row.
 * @param masked the carrier plane with its carriers cleared
 */
export function digestTiles(
  frame: PlanarFrame,
  masked: Uint16Array,
  layout: Layout,
  context: Bytes,
  crypto: Crypto,
): Bytes {
  const planes = frame.planes.map((plane, i) => (i === carrierPlaneOf(frame.colour) ? masked : plane));
  const wide = sampleBytes(frame.bits) === 2;
  const bytesPerSample = planes.length * sampleBytes(frame.bits);
  const largest = layout.tiles.reduce((most, { x0, y0, x1, y1 }) => Math.max(most, (x1 - x0) * (y1 - y0)), 0);
  const input = new Uint8Array(tileHeadBytes + largest * bytesPerSample);
  const view = viewOf(input);
  input[0] = tileKind;
  input.set(context.subarray(0, contextBytesOfTile), 1);
  const digests = new Uint8Array(digestBytes * layout.tiles.length);
  for (let i = 0; i < layout.tiles.length; i++) {
    view.setUint32(1 + contextBytesOfTile, i, true);
    let end = tileHeadBytes;
    for (const plane of planes) {
      const tile = layout.tiles[i]!;
      end = wide
        ? putWideSamples(input, end, plane, layout.width, tile)
        : putSamples(input, end, plane, layout.width, tile);
    }
    digests.set(crypto.hash("SHA-256", input.subarray(0, end)), digestBytes * i);
  }
  return digests;
}

function putWideSamples(
  input: Uint8Array,
  start: number,
  plane: Uint16Array,
  width: number,
  { x0, y0, x1, y1 }: Rectangle,
): number {
  let at = start;
  for (let y = y0; y < y1; y++) {
    for (let sample = y * width + x0, end = y * width + x1; sample < end; sample++) {
      const value = plane[sample]!;
      input[at] = value;
      input[at + 1] = value >> 8;
      at += 2;
    }
  }
  return at;
}

function putSamples(
  input: Uint8Array,
  start: number,
  plane: Uint16Array,
  width: number,
  { x0, y0, x1, y1 }: Rectangle,
): number {
  let at = start;
  for (let y = y0; y < y1; y++) {
    for (let sample = y * width + x0, end = y * width + x1; sample < end; sample++) {
      input[at++] = plane[sample]!;
    }
  }
  return at;
}

/**
 * D2. Tags of all tiles, 4 bytes each.
 * @param key of this frame; undefined: whoever knows the scheme can make them
 */
export function tagTiles(digests: Bytes, key: Bytes | undefined, crypto: Crypto): Bytes {
  const tiles = digests.length / digestBytes;
  const tags = new Uint8Array(tagBytes * tiles);
  // One input of fixed length, key first: the digest is cut, and no longer input exists, so that it cannot be extended.
  const input = new Uint8Array(2 * digestBytes);
  if (key) input.set(key);
  for (let i = 0; i < tiles; i++) {
    let tag = digests.subarray(digestBytes * i, digestBytes * (i + 1));
    if (key) {
      input.set(tag, digestBytes);
      tag = crypto.hash("SHA-256", input);
    }
    for (let k = 0; k < tagBytes; k++) tags[tagBytes * i + k] = tag[k]!;
  }
  return tags;
}

/** D5. What is kept outside of the frame so that anyone can say where it was changed: 8 bytes a tile, over its digest and its tag. */
export function publishTileDigests(digests: Bytes, tags: Bytes, crypto: Crypto): Bytes {
  const tiles = digests.length / digestBytes;
  const published = new Uint8Array(publishedDigestBytes * tiles);
  const input = new Uint8Array(1 + digestBytes + tagBytes);
  input[0] = publishedKind;
  for (let i = 0; i < tiles; i++) {
    input.set(digests.subarray(digestBytes * i, digestBytes * (i + 1)), 1);
    input.set(tags.subarray(tagBytes * i, tagBytes * (i + 1)), 1 + digestBytes);
    const digest = crypto.hash("SHA-256", input);
    published.set(digest.subarray(0, publishedDigestBytes), publishedDigestBytes * i);
  }
  return published;
}

export interface DigestTree {
  /** S_j, 32 bytes each. */
  readonly superblockDigests: Bytes;
  readonly root: Bytes;
}

/** D3 and D4. */
export function digestTree(
  digests: Bytes,
  tags: Bytes,
  layout: Layout,
  context: Bytes,
  crypto: Crypto,
): DigestTree {
  const superblockDigests = new Uint8Array(digestBytes * layout.superblocks.length);
  const headBytes = 1 + digestBytes + 4;
  const entryBytes = digestBytes + tagBytes;
  const most = layout.tilesOfSuperblock.reduce((count, tiles) => Math.max(count, tiles.length), 0);
  const input = new Uint8Array(headBytes + entryBytes * most);
  const view = viewOf(input);
  input[0] = superblockKind;
  input.set(context, 1);
  for (const [j, tiles] of layout.tilesOfSuperblock.entries()) {
    view.setUint32(1 + digestBytes, j, true);
    let at = headBytes;
    for (const i of tiles) {
      input.set(digests.subarray(digestBytes * i, digestBytes * (i + 1)), at);
      input.set(tags.subarray(tagBytes * i, tagBytes * (i + 1)), at + digestBytes);
      at += entryBytes;
    }
    superblockDigests.set(crypto.hash("SHA-256", input.subarray(0, at)), digestBytes * j);
  }
  const whole = new Uint8Array(1 + digestBytes + superblockDigests.length);
  whole[0] = rootKind;
  whole.set(context, 1);
  whole.set(superblockDigests, 1 + digestBytes);
  return { superblockDigests, root: crypto.hash("SHA-256", whole) };
}

/** Where 16-bit numbers already lie in memory as they are hashed, which is everywhere but on a few machines. */
const littleEndian: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** D6. SHA-256 of all samples, plane after plane, little endian. */
export function hashSamples(frame: PlanarFrame, planes: readonly Uint16Array[], crypto: Crypto): Bytes {
  const hash = crypto.createHash("SHA-256");
  const wide = sampleBytes(frame.bits) === 2;
  // A piece at a time: the samples need no second copy.
  const pieceSamples = 1 << 16;
  const piece = new Uint8Array(pieceSamples * sampleBytes(frame.bits));
  for (const plane of planes) {
    if (wide && littleEndian) {
      hash.update(new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength));
      continue;
    }
    for (let from = 0; from < plane.length; from += pieceSamples) {
      const part = plane.subarray(from, from + pieceSamples);
      const row = { x0: 0, y0: 0, x1: part.length, y1: 1 };
      const end = (wide ? putWideSamples : putSamples)(piece, 0, part, part.length, row);
      hash.update(piece.subarray(0, end));
    }
  }
  return hash.digest();
}
