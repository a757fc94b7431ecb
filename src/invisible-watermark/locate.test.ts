import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeFrame } from "../../test/watermark/frames.ts";
import { contentId, keyId, keyOf, locatorKey, mark, withSamples } from "../../test/watermark/marking.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { putCarriedBytes, takeCarriedBytes } from "./carriers.ts";
import { checkFrame, type ReadMark } from "./check.ts";
import type { PlanarFrame } from "./frame.ts";
import { layoutOf, tileAt } from "./layout.ts";
import { type ChangedPlaces, type LocatingSource, locateChanges, locateWithoutPayload } from "./locate.ts";
import { completePayload, contextOf, parsePayload } from "./payload.ts";
import { decodeShares, encodeShares } from "./shares.ts";
import { digestTiles, digestTree } from "./tile-digests.ts";

const size = { width: 210, height: 170 };
const layout = layoutOf(size.width, size.height, "mono")!;
const keyed = mark(makeFrame({ ...size, bits: 12 }));
const unkeyed = mark(makeFrame({ ...size, bits: 12 }), { unkeyed: true });
const tileDigests = keyed.tileDigests!;

async function read(frame: PlanarFrame): Promise<ReadMark> {
  return (await checkFrame(frame, nodeCrypto, keyOf)).mark!;
}

async function locate(frame: PlanarFrame, source?: LocatingSource): Promise<ChangedPlaces> {
  return locateChanges(await read(frame), nodeCrypto, source);
}

const indices = (places: ChangedPlaces["tiles"]): number[] => places.map(({ index }) => index);

/** Different samples and what they become. */
const edits = fc.uniqueArray(
  fc.tuple(fc.nat(size.width * size.height - 1), fc.integer({ min: 1, max: 4095 })),
  { minLength: 1, maxLength: 40, selector: ([sample]) => sample },
);

function edited(frame: PlanarFrame, changes: readonly (readonly [number, number])[]): PlanarFrame {
  return withSamples(frame, (samples) => {
    for (const [sample, flip] of changes) samples[sample]! ^= flip;
  });
}

describe("locateChanges", () => {
  it("finds nothing in an intact frame", async () => {
    for (const source of [{ tileDigests }, { locatorKey }, {}]) {
      expect(await locate(keyed.frame, source)).toMatchObject({ tiles: [], superblocks: [] });
    }
  });

  it("finds exactly the tiles that were changed, by digests from outside, by the site's key, by public tags", async () => {
    const property = fc.asyncProperty(edits, async (changes) => {
      const tiles = [...new Set(changes.map(([sample]) => tileAt(layout, sample)))].sort((a, b) => a - b);
      const superblocks = [...new Set(tiles.map((tile) => layout.superblockOfTile[tile]!))].sort(
        (a, b) => a - b,
      );
      const cases: [PlanarFrame, LocatingSource, string][] = [
        [keyed.frame, { tileDigests }, "tile-digests"],
        [keyed.frame, { locatorKey }, "site-key"],
        [unkeyed.frame, {}, "public-tags"],
      ];
      for (const [frame, source, basis] of cases) {
        const found = await locate(edited(frame, changes), source);
        expect(found.basis).toBe(basis);
        expect(indices(found.tiles)).toEqual(tiles);
        expect(indices(found.superblocks)).toEqual(superblocks);
        expect(found.tiles[0]).toEqual({ index: tiles[0], ...layout.tiles[tiles[0]!] });
      }
      const found = await locate(edited(keyed.frame, changes));
      expect(found.basis).toBe("superblocks");
      expect(indices(found.superblocks)).toEqual(superblocks);
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it("finds a flipped carrier whatever it carries", async () => {
    for (let k = 0; k < layout.carriersPerTile; k++) {
      const tile = (k * 5) % layout.tiles.length;
      const carrier = layout.carriers[tile * layout.carriersPerTile + k]!;
      const frame = edited(keyed.frame, [[carrier, 1]]);
      for (const source of [{ tileDigests }, { locatorKey }]) {
        expect(indices((await locate(frame, source)).tiles)).toEqual([tile]);
      }
    }
  });

  it("says no more with another site's key than without one", async () => {
    const changes = [[5000, 1000]] as const;
    const forged = await read(edited(keyed.frame, changes));
    const stranger = { locatorKey: new Uint8Array(32) };
    expect(locateChanges(forged, nodeCrypto, stranger)).toEqual(locateChanges(forged, nodeCrypto));
  });

  it("finds what a forger made to fit: superblocks and flags of an invalid signature say nothing", async () => {
    const changes = [[5000, 1000]] as const;
    const tile = tileAt(layout, 5000);
    for (const keyedFlag of [1, 0]) {
      const forged = withSamples(edited(keyed.frame, changes), (samples) => {
        const carried = takeCarriedBytes(samples, layout);
        const { payload } = decodeShares(carried.shares, layout)!;
        const parsed = { ...parsePayload(payload, layout)!, keyedTags: keyedFlag === 1 };
        const context = contextOf(payload, nodeCrypto);
        const frame = { ...keyed.frame, planes: [samples] };
        const digests = digestTiles(frame, samples, layout, context, nodeCrypto);
        carried.tags.set(digests.subarray(32 * tile, 32 * tile + 4), 4 * tile);
        const tree = digestTree(digests, carried.tags, layout, context, nodeCrypto);
        completePayload(payload, { ...parsed, ...tree }, parsed);
        putCarriedBytes(samples, { ...carried, shares: encodeShares(payload, layout) }, layout);
      });
      const { facts } = await checkFrame(forged, nodeCrypto, keyOf);
      const fits = { signature: "invalid", rootMatches: true, corrections: 0, damagedSuperblocks: [] };
      expect(facts).toMatchObject(fits);
      const found = await locate(forged, { locatorKey });
      expect({ basis: found.basis, tiles: indices(found.tiles) }).toEqual({
        basis: "site-key",
        tiles: [tile],
      });
      expect(indices((await locate(forged, { tileDigests })).tiles)).toEqual([tile]);
    }
  });

  it("refuses tile digests of another frame's size", async () => {
    const source = { tileDigests: tileDigests.subarray(8) };
    await expect(locate(keyed.frame, source)).rejects.toMatchObject({ code: "seal-structure" });
  });
});

describe("locateWithoutPayload", () => {
  const identity = { keyId, contentId, frameNo: 0 };
  const layoutRows = layout.tilesDown;

  it("finds the tiles when the payload is destroyed, and so makes it readable again", async () => {
    const rows = Math.round(size.height * 0.3);
    const destroyed = withSamples(keyed.frame, (samples) => {
      for (let i = 0; i < rows * size.width; i++) samples[i] = (samples[i]! * 7 + 13) & 4095;
    });
    expect(layoutRows).toBeGreaterThan(3);
    expect(await checkFrame(destroyed, nodeCrypto, keyOf)).toEqual({
      facts: { found: false, reason: "unreadable" },
    });
    const found = locateWithoutPayload(destroyed, identity, tileDigests, nodeCrypto)!;
    const last = Math.floor((rows - 1) / 16);
    expect(indices(found.tiles)).toEqual(
      Array.from({ length: (last + 1) * layout.tilesAcross }, (_, i) => i),
    );
    const lostTiles = new Uint8Array(layout.tiles.length);
    for (const { index } of found.tiles) lostTiles[index] = 1;
    const { facts } = await checkFrame(destroyed, nodeCrypto, keyOf, { lostTiles });
    expect(facts).toMatchObject({ found: true, intact: false, signature: "valid" });
  });

  it("finds all of another frame", () => {
    const other = { ...identity, frameNo: 1 };
    const found = locateWithoutPayload(keyed.frame, other, tileDigests, nodeCrypto)!;
    expect(found.tiles).toHaveLength(layout.tiles.length);
  });

  it("knows what cannot have been marked", () => {
    const tiny = makeFrame({ width: 20, height: 20, bits: 8 });
    expect(locateWithoutPayload(tiny, identity, tileDigests, nodeCrypto)).toBeUndefined();
  });
});
