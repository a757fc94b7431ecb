import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FrameKind, frameKinds, makeFrame } from "../../../test/watermark/frames.ts";
import { takeCarrierBits } from "../carriers.ts";
import { measureInvisibility } from "../invisibility.ts";
import { type Layout, layoutOf } from "../layout.ts";
import { type HiddenRecovery, hideCarrierBits } from "./hide.ts";
import { activityLimits, expansionOf, thresholds } from "./prediction-error-expansion.ts";
import { restoreCarrierBits } from "./restore.ts";

const keyStream = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => i * 73 + 41);

interface Hidden {
  readonly original: Uint16Array;
  /** Carriers cleared. */
  readonly plane: Uint16Array;
  readonly layout: Layout;
  readonly recovery: HiddenRecovery;
}

function hide(original: Uint16Array, width: number, height: number, bits: number): Hidden {
  const layout = layoutOf(width, height, "mono")!;
  const plane = original.slice();
  const carrierBits = takeCarrierBits(plane, layout);
  const recovery = hideCarrierBits(plane, layout, bits, carrierBits, keyStream);
  return { original, plane, layout, recovery };
}

function restored({ plane, layout, recovery }: Hidden, bits: number): Uint16Array {
  const back = plane.slice();
  const { superblocks, sidecar } = recovery;
  const result = restoreCarrierBits(back, layout, bits, superblocks, sidecar, keyStream);
  expect(result.damagedSuperblocks).toEqual([]);
  return back;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function expectConsistent({ layout, recovery, plane, original }: Hidden, bits: number): void {
  const { superblocks, sidecar } = recovery;
  expect(superblocks).toHaveLength(layout.superblocks.length);
  const hosts = superblocks.filter(({ order }) => order > 0);
  expect(hosts.map(({ order }) => order).sort((a, b) => a - b)).toEqual(hosts.map((_, i) => i + 1));
  for (const { parameters, hostBits, order } of superblocks) {
    expect(parameters > 0).toBe(order > 0);
    expect(hostBits > 0).toBe(order > 0);
  }
  const length = sum(superblocks.map(({ sourceBits }) => sourceBits));
  const hosted = Math.min(length, sum(superblocks.map(({ hostBits }) => hostBits)));
  expect(sidecar?.bits ?? 0).toBe(length - hosted);
  expect(sidecar?.bytes.length ?? 0).toBe(Math.ceil((length - hosted) / 8));
  expect(hosted === 0 || 2 * hosted >= length).toBe(true);
  const largest = Math.max(0, ...hosts.map(({ parameters }) => thresholds[parameters >> 4]!));
  for (let i = 0; i < plane.length; i++) {
    const before = layout.isCarrier[i] ? original[i]! & 0xfffe : original[i]!;
    if (Math.abs(plane[i]! - before) > (layout.isCarrier[i] ? 0 : largest)) throw new Error(`sample ${i}`);
    if (plane[i]! >= 2 ** bits) throw new Error(`sample ${i} out of range`);
  }
}

describe("hideCarrierBits", () => {
  it("is undone exactly for every kind, depth and size", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<FrameKind>(...frameKinds),
        fc.integer({ min: 8, max: 16 }),
        fc.integer({ min: 48, max: 210 }),
        fc.integer({ min: 48, max: 210 }),
        fc.nat(1000),
        (kind, bits, width, height, seed) => {
          if (layoutOf(width, height, "mono") === undefined) return;
          const [original] = makeFrame({ width, height, bits, kind, seed }).planes;
          const hidden = hide(original!, width, height, bits);
          expectConsistent(hidden, bits);
          expect(restored(hidden, bits)).toEqual(original);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is undone exactly on the ends of the range, on checkerboards and on bytes without sense", () => {
    const width = 96;
    const height = 83;
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 16 }),
        fc.constantFrom(1, 2, 3, 8, 40, 300),
        fc.constantFrom("ends", "checkerboard", "columns", "low", "high"),
        fc.nat(2 ** 31),
        (bits, spread, kind, seed) => {
          const maximum = 2 ** bits - 1;
          let state = seed | 1;
          const original = new Uint16Array(width * height).map((_, i) => {
            state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i;
            const small = Math.min(maximum, (state >>> 3) % spread);
            const isHigh = {
              ends: (state & 1) === 1,
              checkerboard: ((i + Math.floor(i / width)) & 1) === 1,
              columns: (i >> 2) % 2 === 1,
              low: false,
              high: true,
            }[kind];
            return isHigh ? maximum - small : small;
          });
          const hidden = hide(original, width, height, bits);
          expectConsistent(hidden, bits);
          expect(restored(hidden, bits)).toEqual(original);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("needs no sidecar for an image, and stays far below its noise", () => {
    const original = makeFrame({ width: 512, height: 512, bits: 12 }).planes[0]!;
    const hidden = hide(original, 512, 512, 12);
    expect(hidden.recovery.sidecar).toBeUndefined();
    const seen = measureInvisibility(original, hidden.plane, 512, 12);
    expect(seen.changeToNoise).toBeLessThan(0.3);
    expect(seen.psnr).toBeGreaterThan(70);
  });

  it("keeps a PSNR of 53 dB, by a sidecar where need be", () => {
    const found = new Set<string>();
    for (const [width, height, step] of [
      [512, 512, 0],
      [512, 512, 3],
      [512, 384, 1],
      [192, 208, 2],
      [120, 128, 0],
      [96, 96, 0],
    ] as const) {
      const [noisy] = makeFrame({ width, height, bits: 8 }).planes;
      // Flat blocks here and there: of 64 samples a side, one in `step`.
      const original = noisy!.map((value, i) => {
        const [x, y] = [i % width, Math.floor(i / width)];
        return step > 0 && ((x >> 6) + (y >> 6)) % step === 0 ? 80 + (value & 1) : value;
      });
      const hidden = hide(original, width, height, 8);
      expectConsistent(hidden, 8);
      expect(restored(hidden, 8)).toEqual(original);
      const { layout, plane, recovery } = hidden;
      let change = 0;
      for (let i = 0; i < plane.length; i++)
        if (!layout.isCarrier[i]) change += (plane[i]! - original[i]!) ** 2;
      expect(recovery.change).toBe(change);
      const meanSquare = (change + layout.carriers.length / 2) / plane.length;
      expect(10 * Math.log10(255 ** 2 / meanSquare)).toBeGreaterThan(53);
      found.add(recovery.sidecar === undefined ? "all" : change > 0 ? "most" : "nothing");
      // The same samples, but of 12 bits: nobody sees that.
      expect(hide(original, width, height, 12).recovery.sidecar).toBeUndefined();
    }
    expect(found).toEqual(new Set(["all", "most", "nothing"]));
  });

  it("hides nothing where more than half would be left over", () => {
    const original = makeFrame({ width: 64, height: 64, bits: 16, kind: "noise" }).planes[0]!;
    const hidden = hide(original, 64, 64, 16);
    expect(hidden.recovery.superblocks.every(({ order }) => order === 0)).toBe(true);
    expect(hidden.recovery.sidecar!.bits).toBe(hidden.layout.carriers.length);
    const cleared = original.slice();
    takeCarrierBits(cleared, hidden.layout);
    expect(hidden.plane).toEqual(cleared);
    expect(restored(hidden, 16)).toEqual(original);
  });

  it("keeps to half of the local noise where there is room", () => {
    // Left: little noise. Right: much.
    const original = makeFrame({ width: 512, height: 256, bits: 12, kind: "noise" }).planes[0]!;
    for (let i = 0; i < original.length; i++) {
      const isLeft = i % 512 < 256;
      original[i] = 2000 + (original[i]! % (isLeft ? 8 : 64));
    }
    const { recovery, layout } = hide(original, 512, 256, 12);
    expect(recovery.sidecar).toBeUndefined();
    const used = recovery.superblocks.map(({ parameters }) => expansionOf(parameters, 4095)?.threshold ?? 0);
    const left = used.filter((_, i) => layout.superblocks[i]!.x0 < 256);
    // Noise of 2.6 levels, as errors of prediction: T above 2 would be heard.
    expect(Math.max(...left)).toBeLessThanOrEqual(2);
  });

  it("predicts by the surface where an image was interpolated", () => {
    const [coarse] = makeFrame({ width: 130, height: 130, bits: 16, kind: "noise" }).planes;
    const original = new Uint16Array(256 * 256);
    for (let y = 0; y < 256; y++) {
      for (let x = 0; x < 256; x++) {
        const at = (y >> 1) * 130 + (x >> 1);
        const [a, b, c, d] = [coarse![at]!, coarse![at + 1]!, coarse![at + 130]!, coarse![at + 131]!];
        const upper = 2 * a + (x & 1) * (b - a);
        const lower = 2 * c + (x & 1) * (d - c);
        original[y * 256 + x] = 20_000 + ((2 * upper + (y & 1) * (lower - upper)) >> 8);
      }
    }
    const { recovery } = hide(original, 256, 256, 16);
    const hosts = recovery.superblocks.filter(({ order }) => order > 0);
    expect(hosts.length).toBeGreaterThan(0);
    expect(hosts.filter(({ parameters }) => (parameters & 1) === 1).length).toBeGreaterThan(hosts.length / 2);
  });
});

it("all limits of activity can be told apart", () => {
  expect(new Set(activityLimits).size).toBe(8);
});
