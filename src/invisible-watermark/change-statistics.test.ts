import { expect, it } from "vitest";
import { makeFrame } from "../../test/watermark/frames.ts";
import { changesBetween, noiseVariance } from "./change-statistics.ts";

it("counts changes", () => {
  const before = Uint16Array.of(0, 10, 65_535, 5);
  const after = Uint16Array.of(0, 8, 65_534, 6);
  expect(changesBetween(before, after)).toEqual({
    samples: 4,
    changedSamples: 3,
    maxChange: 2,
    sumOfSquares: 6,
  });
});

it("finds no noise where there is none, and the variance of noise", () => {
  const noiseOf = (kind: "constant" | "noise"): number =>
    noiseVariance(makeFrame({ width: 256, height: 256, bits: 8, kind }).planes[0]!, 256, 256);
  expect(noiseOf("constant")).toBe(0);
  // Even distribution over 256 values: (256^2 - 1) / 12, and a quarter of that for the mean of four neighbours.
  expect(noiseOf("noise") / ((65_535 / 12) * 1.25)).toBeCloseTo(1, 1);
});
