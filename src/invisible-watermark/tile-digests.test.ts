/** The digests against the page's words, written down once more, slowly. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameKinds, makeFrame } from "../../test/watermark/frames.ts";
import { concatBytes, u16le, u32le } from "../foundation/bytes.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import type { PlanarFrame, PlaneColour } from "./frame.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { digestTiles, digestTree, hashSamples, publishTileDigests, tagTiles } from "./tile-digests.ts";

const context = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
const key = Uint8Array.from({ length: 32 }, (_, i) => i * 3);

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(createHash("sha256").update(concatBytes(parts)).digest());

function tileDigest(frame: PlanarFrame, layout: Layout, tile: number): Uint8Array {
  const { x0, y0, x1, y1 } = layout.tiles[tile]!;
  const parts = [Uint8Array.of(0), context.subarray(0, 16), u32le(tile)];
  for (const [plane, samples] of frame.planes.entries()) {
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        const at = y * frame.width + x;
        const masked = plane === layout.carrierPlane && layout.isCarrier[at];
        const value = masked ? samples[at]! & 0xfffe : samples[at]!;
        parts.push(frame.bits === 8 ? Uint8Array.of(value) : u16le(value));
      }
    }
  }
  return sha256(...parts);
}

const frames = fc
  .record({
    width: fc.integer({ min: 64, max: 150 }),
    height: fc.integer({ min: 64, max: 150 }),
    bits: fc.integer({ min: 8, max: 16 }),
    colour: fc.constantFrom<PlaneColour>("mono", "rgb", "ybr"),
    kind: fc.constantFrom(...frameKinds),
    seed: fc.nat(),
  })
  .map(makeFrame);

const piece = (bytes: Uint8Array, size: number, i: number): Uint8Array =>
  bytes.slice(size * i, size * (i + 1));

describe("digests", () => {
  it("are those of the page", () => {
    const property = fc.property(frames, (frame) => {
      const layout = layoutOf(frame.width, frame.height, frame.colour);
      if (layout === undefined) return;
      const masked = frame.planes[layout.carrierPlane]!.slice();
      for (const sample of layout.carriers) masked[sample]! &= 0xfffe;
      const digests = digestTiles(frame, masked, layout, context, nodeCrypto);
      const tags = tagTiles(digests, key, nodeCrypto);
      const published = publishTileDigests(digests, tags, nodeCrypto);
      const { superblockDigests, root } = digestTree(digests, tags, layout, context, nodeCrypto);
      for (let i = 0; i < layout.tiles.length; i++) {
        const digest = tileDigest(frame, layout, i);
        const tag = sha256(key, digest).slice(0, 4);
        expect(piece(digests, 32, i)).toEqual(digest);
        expect(piece(tags, 4, i)).toEqual(tag);
        expect(piece(published, 8, i)).toEqual(sha256(Uint8Array.of(3), digest, tag).slice(0, 8));
      }
      const superblocks = layout.tilesOfSuperblock.map((tiles, j) => {
        const members = tiles.flatMap((i) => [piece(digests, 32, i), piece(tags, 4, i)]);
        return sha256(Uint8Array.of(1), context, u32le(j), ...members);
      });
      expect(superblockDigests).toEqual(concatBytes(superblocks));
      expect(new Uint8Array(root)).toEqual(sha256(Uint8Array.of(2), context, ...superblocks));
    });
    fc.assert(property, { numRuns: 20 });
  });

  it("have tags that anyone can make, without a key", () => {
    const digests = Uint8Array.from({ length: 64 }, (_, i) => i);
    expect(tagTiles(digests, undefined, nodeCrypto)).toEqual(Uint8Array.of(0, 1, 2, 3, 32, 33, 34, 35));
  });

  it("hash all samples in order", () => {
    const frame = makeFrame({ width: 300, height: 300, bits: 8, colour: "rgb" });
    const bytes = frame.planes.map((plane) => Uint8Array.from(plane));
    expect(new Uint8Array(hashSamples(frame, frame.planes, nodeCrypto))).toEqual(sha256(...bytes));
    const wide = makeFrame({ width: 300, height: 300, bits: 9, kind: "noise" });
    const numbers = concatBytes(Array.from(wide.planes[0]!, u16le));
    expect(new Uint8Array(hashSamples(wide, wide.planes, nodeCrypto))).toEqual(sha256(numbers));
  });
});
