import { expect, it } from "vitest";
import { makeFrame } from "../../test/watermark/frames.ts";
import { putCarriedBytes, takeCarriedBytes, takeCarrierBits } from "./carriers.ts";
import { layoutOf } from "./layout.ts";

const layout = layoutOf(100, 80, "mono")!;
const plane = makeFrame({ width: 100, height: 80, bits: 16, kind: "noise" }).planes[0]!;

it("takes what it put, and clears the carriers alone", () => {
  const cleared = plane.slice();
  const carried = takeCarriedBytes(cleared, layout);
  for (let i = 0; i < plane.length; i++) {
    expect(cleared[i]).toBe(layout.isCarrier[i] ? plane[i]! & 0xfffe : plane[i]);
  }
  const again = cleared.slice();
  putCarriedBytes(again, carried, layout);
  expect(again).toEqual(plane);
});

it("reads the same bits one by one: tag, then share, each byte from its lowest bit on", () => {
  const one = plane.slice();
  const other = plane.slice();
  const { tags, shares } = takeCarriedBytes(one, layout);
  const bits = takeCarrierBits(other, layout);
  expect(other).toEqual(one);
  const tile = 5;
  const bytes = [...tags.subarray(4 * tile, 4 * tile + 4)];
  bytes.push(...shares.subarray(layout.shareBytes * tile, layout.shareBytes * (tile + 1)));
  const expected = bytes.flatMap((byte) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (byte >> bit) & 1));
  const from = tile * layout.carriersPerTile;
  expect(Array.from(bits.subarray(from, from + layout.carriersPerTile))).toEqual(expected);
  expect(bits[from]).toBe(plane[layout.carriers[from]!]! & 1);
});
