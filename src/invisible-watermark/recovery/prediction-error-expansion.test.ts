import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, blockFor, loadBlock, mirrorBorder } from "./block.ts";
import {
  activity,
  activityLimits,
  classes,
  type Expansion,
  expandClass,
  expansionOf,
  expansionSpace,
  isThresholdFor,
  parametersOf,
  restoreClass,
  surfaceSum,
  thresholds,
} from "./prediction-error-expansion.ts";

interface Trial {
  readonly width: number;
  readonly height: number;
  readonly maximum: number;
  readonly plane: Uint16Array;
  readonly isCarrier: Uint8Array;
  readonly expansion: Expansion;
  readonly stream: Uint8Array;
}

/** Planes that sit on the ends of the range, jump between them, are flat, or are noise around a level. */
const trials: fc.Arbitrary<Trial> = fc
  .record({
    width: fc.integer({ min: 8, max: 21 }),
    height: fc.integer({ min: 8, max: 21 }),
    bits: fc.integer({ min: 8, max: 16 }),
    kind: fc.constantFrom("ends", "checkerboard", "constant", "low", "high", "level", "noise"),
    level: fc.nat(65_535),
    spread: fc.integer({ min: 1, max: 600 }),
    random: fc.uint8Array({ minLength: 441 * 3, maxLength: 441 * 3 }),
    carriers: fc.nat(255),
    threshold: fc.integer({ min: 1, max: thresholds.length - 1 }),
    limit: fc.nat(activityLimits.length - 1),
    predictor: fc.constantFrom("cross" as const, "surface" as const),
  })
  .map(({ width, height, bits, kind, level, spread, random, carriers, threshold, limit, predictor }) => {
    const maximum = 2 ** bits - 1;
    const at = (i: number): number => random[i]! + 256 * random[i + 441]!;
    const value = (i: number): number => {
      switch (kind) {
        case "ends":
          return random[i]! & 1 ? maximum - (at(i) % spread) : at(i) % spread;
        case "checkerboard":
          return (i + Math.floor(i / width)) & 1 ? maximum : 0;
        case "constant":
          return level;
        case "low":
          return at(i) % spread;
        case "high":
          return maximum - (at(i) % spread);
        case "level":
          return level + (at(i) % spread);
        case "noise":
          return at(i);
      }
    };
    const plane = Uint16Array.from({ length: width * height }, (_, i) =>
      Math.max(0, Math.min(maximum, value(i))),
    );
    const expansion = expansionOf(parametersOf(threshold, limit, predictor), maximum);
    return {
      ...{ width, height, maximum, plane },
      isCarrier: Uint8Array.from(plane, (_, i) => (random[i + 882]! < carriers >> 1 ? 1 : 0)),
      expansion: expansion ?? { threshold: 1, activityMax: activityLimits[limit]!, predictor },
      stream: random.map((byte) => byte & 1),
    };
  });

function load({ width, height, plane, isCarrier }: Trial): Block {
  const rectangle = { x0: 0, y0: 0, x1: width, y1: height };
  const block = blockFor({ superblocks: [rectangle] });
  loadBlock(block, plane, { width, isCarrier }, rectangle);
  return block;
}

function inside({ samples, stride, width, height }: Block): number[] {
  const out: number[] = [];
  for (let y = 1; y <= height; y++) out.push(...samples.subarray(y * stride + 1, y * stride + 1 + width));
  return out;
}

function hide(block: Block, trial: Trial): number[] | undefined {
  const space = expansionSpace(block);
  const hidden: number[] = [];
  let at = 0;
  for (const place of classes) {
    mirrorBorder(block);
    const { expansion, maximum, stream } = trial;
    const count = expandClass(block, place, expansion, maximum, stream, at, stream.length, space);
    if (count < 0) return undefined;
    hidden.push(count);
    at += count;
  }
  return hidden;
}

describe("prediction-error expansion", () => {
  it("is undone exactly, and gives the bits back, for every input", () => {
    let hosts = 0;
    fc.assert(
      fc.property(trials, (trial) => {
        const block = load(trial);
        const hidden = hide(block, trial);
        if (hidden === undefined) return;
        hosts++;
        const marked = inside(block);
        const { isCarrier, plane, expansion, maximum, stream } = trial;
        expect(marked.every((value) => value >= 0 && value <= maximum)).toBe(true);
        expect(marked.every((value, i) => isCarrier[i] === 0 || value === plane[i])).toBe(true);
        expect(marked.every((value, i) => Math.abs(value - plane[i]!) <= expansion.threshold)).toBe(true);
        const space = expansionSpace(block);
        const total = hidden.reduce((sum, count) => sum + count, 0);
        let at = total;
        for (const [k, place] of [...classes.entries()].reverse()) {
          mirrorBorder(block);
          expect(restoreClass(block, place, expansion, maximum, space)).toBe(hidden[k]);
          at -= hidden[k]!;
          const own = space.bits.subarray(space.marks, space.marks + hidden[k]!);
          expect(own).toEqual(stream.subarray(at, at + hidden[k]!));
        }
        expect(inside(block)).toEqual([...plane]);
      }),
      { numRuns: 2000 },
    );
    expect(hosts).toBeGreaterThan(1000);
  });

  it("stays in range when restoring what was never marked", () => {
    fc.assert(
      fc.property(trials, (trial) => {
        const block = load(trial);
        const space = expansionSpace(block);
        for (const place of classes.toReversed()) {
          mirrorBorder(block);
          const count = restoreClass(block, place, trial.expansion, trial.maximum, space);
          expect(count).toBeGreaterThanOrEqual(-1);
          expect(inside(block).every((value) => value >= 0 && value <= trial.maximum)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("hides a bit in each sample of a flat area", () => {
    const plane = new Uint16Array(64).fill(1000);
    const expansion: Expansion = { threshold: 1, activityMax: 0, predictor: "cross" };
    const stream = new Uint8Array(16).fill(1);
    const trial = {
      width: 8,
      height: 8,
      maximum: 4095,
      plane,
      isCarrier: new Uint8Array(64),
      expansion,
      stream,
    };
    const block = load(trial);
    mirrorBorder(block);
    expect(expandClass(block, [1, 1], expansion, 4095, stream, 0, 16, expansionSpace(block))).toBe(16);
    // e = -1 becomes 2e + 1 = -1: a 1 leaves the sample, a 0 takes one off.
    expect(inside(block)).toEqual([...plane]);
    expect(expandClass(block, [1, 1], expansion, 4095, stream, 16, 16, expansionSpace(block))).toBe(16);
    expect(inside(block).filter((value) => value === 999)).toHaveLength(16);
  });

  it("knows its parameters", () => {
    expect(expansionOf(0x10 | (3 << 1) | 1, 255)).toEqual({
      threshold: 1,
      activityMax: 8,
      predictor: "surface",
    });
    expect(expansionOf(0x0e, 65_535)).toBeUndefined();
    expect(expansionOf(0xb0, 255)).toBeUndefined();
    expect(isThresholdFor(42, 255)).toBe(true);
    expect(isThresholdFor(43, 255)).toBe(false);
    for (let parameters = 16; parameters < 256; parameters++) {
      const { threshold, activityMax, predictor } = expansionOf(parameters, 65_535)!;
      const back = parametersOf(
        thresholds.indexOf(threshold),
        activityLimits.indexOf(activityMax),
        predictor,
      );
      expect(back).toBe(parameters);
    }
  });

  it("measures neighbours as anyone would", () => {
    fc.assert(
      fc.property(fc.uint16Array({ minLength: 9, maxLength: 9 }), (values) => {
        const samples = Int32Array.from(values);
        const [a, up, b, left, , right, c, down, d] = [...values] as [number, ...number[]];
        const nearest = [left!, right!, up!, down!] as const;
        expect(activity(...nearest)).toBe(Math.max(...nearest) - Math.min(...nearest));
        const sum = nearest.reduce((x, y) => x + y, 0);
        const surface = Math.max(0, Math.min(4 * 65_535, 2 * sum - a - b! - c! - d!));
        expect(surfaceSum(samples, 4, 3, sum, 4 * 65_535)).toBe(surface);
      }),
    );
  });
});
