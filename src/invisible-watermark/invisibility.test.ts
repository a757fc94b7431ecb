import { describe, expect, it } from "vitest";
import { measureInvisibility } from "./invisibility.ts";

describe("measureInvisibility", () => {
  it("is what the definitions say", () => {
    const original = new Uint16Array(64).fill(100);
    original[0] = 0;
    original[63] = 200;
    const marked = original.slice();
    for (let i = 8; i < 24; i++) marked[i]! += 2;
    const seen = measureInvisibility(original, marked, 8, 8);
    // 16 of 64 samples by 2: a mean square of 1.
    expect(seen.rmsChange).toBe(1);
    expect(seen.maxChange).toBe(2);
    expect(seen.psnr).toBeCloseTo(20 * Math.log10(255), 10);
    expect(seen.psnrInRange).toBeCloseTo(20 * Math.log10(200), 10);
  });

  it("says infinite where nothing changed, and where there is no noise", () => {
    const flat = new Uint16Array(64).fill(9);
    const same = measureInvisibility(flat, flat, 8, 8);
    expect(same.psnr).toBe(Number.POSITIVE_INFINITY);
    expect(same.changeToNoise).toBe(0);
    const other = flat.slice();
    other[20] = 10;
    expect(measureInvisibility(flat, other, 8, 8).changeToNoise).toBe(Number.POSITIVE_INFINITY);
    expect(measureInvisibility(flat, other, 8, 8).psnrInRange).toBe(Number.NEGATIVE_INFINITY);
  });
});
