import { describe, expect, it } from "vitest";
import { makeFrame } from "../../test/watermark/frames.ts";
import { isWithinNoise, measureInvisibility, worstChangeToNoise } from "./invisibility.ts";

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

  it("guards: at most half of the noise", () => {
    expect(isWithinNoise({ changeToNoise: 0.5 })).toBe(true);
    expect(isWithinNoise({ changeToNoise: 0.51 })).toBe(false);
    expect(isWithinNoise({ changeToNoise: Number.NaN })).toBe(false);
    const noisy = makeFrame({ width: 64, height: 64, bits: 8, kind: "noise" }).planes[0]!;
    const by = (step: number): Uint16Array =>
      noisy.map((value, i) => Math.max(0, value + (i & 1 ? step : -step)));
    expect(isWithinNoise(measureInvisibility(noisy, by(5), 64, 8))).toBe(true);
    expect(isWithinNoise(measureInvisibility(noisy, by(80), 64, 8))).toBe(false);
  });
});

describe("worstChangeToNoise", () => {
  it("finds the place, and leaves flat ones out", () => {
    const noisy = makeFrame({ width: 64, height: 64, bits: 8, kind: "noise" }).planes[0]!;
    for (let i = 0; i < noisy.length; i++) if (i % 64 < 32) noisy[i] = 50;
    const marked = noisy.map((value, i) => (i < 1024 ? value + 40 : value + 1));
    const place = (x0: number, y0: number) => ({ x0, y0, x1: x0 + 32, y1: y0 + 16 });
    expect(worstChangeToNoise(noisy, marked, 64, [place(0, 0)])).toBe(0);
    const upper = worstChangeToNoise(noisy, marked, 64, [place(32, 0)]);
    const lower = worstChangeToNoise(noisy, marked, 64, [place(32, 32)]);
    expect(upper).toBeGreaterThan(20 * lower);
    expect(worstChangeToNoise(noisy, marked, 64, [place(32, 32), place(32, 0)])).toBe(upper);
  });
});
