import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layoutOf } from "./layout.ts";
import { decodeShares, encodeShares } from "./shares.ts";

const sizes = fc.constantFrom<[number, number]>([64, 64], [128, 128], [200, 150], [512, 512], [300, 200]);

describe("shares", () => {
  it("give the payload back, and say which bytes were wrong", () => {
    const property = fc.property(sizes, fc.infiniteStream(fc.nat(0xffff)), ([width, height], numbers) => {
      const layout = layoutOf(width, height, "mono")!;
      const take = (): number => numbers.next().value!;
      const payload = Uint8Array.from({ length: layout.payloadBytes }, take);
      const shares = encodeShares(payload, layout);
      const damaged = shares.slice();
      // Fewer than half the parity of the shortest word, wherever they lie.
      const wrong = new Set(Array.from({ length: 2 }, () => take() % shares.length));
      for (const place of wrong) damaged[place]! ^= 1 + (take() % 255);
      const decoded = decodeShares(damaged, layout)!;
      expect(decoded.payload).toEqual(payload);
      expect(decoded.shares).toEqual(shares);
      expect(decoded.corrections).toBe(wrong.size);
    });
    fc.assert(property, { numRuns: 40 });
  });

  it("survive the loss of a fifth of a 512 x 512 frame, and of 30 % where it is known which tiles are lost", () => {
    const layout = layoutOf(512, 512, "mono")!;
    const payload = Uint8Array.from({ length: layout.payloadBytes }, (_, i) => i * 31);
    const loseRows = (rows: number, known: boolean): Uint8Array | undefined => {
      const shares = encodeShares(payload, layout);
      const lost = new Uint8Array(layout.tiles.length);
      lost.fill(1, 0, rows * layout.tilesAcross);
      for (let tile = 0; tile < lost.length; tile++) {
        if (lost[tile]) shares.fill(0x5a, tile * layout.shareBytes, (tile + 1) * layout.shareBytes);
      }
      return decodeShares(shares, layout, known ? lost : undefined)?.payload;
    };
    expect(loseRows(6, false)).toEqual(payload);
    expect(loseRows(16, false)).toBeUndefined();
    expect(loseRows(10, true)).toEqual(payload);
    expect(loseRows(20, true)).toBeUndefined();
  });
});
